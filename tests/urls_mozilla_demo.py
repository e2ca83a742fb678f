"""The example site's addresses, with mozilla's view where ours would be."""

from django.urls import path
from mozilla_django_oidc.views import OIDCLogoutView

from example_project.urls import urlpatterns as site_urlpatterns

urlpatterns = [path("oidc/logout/", OIDCLogoutView.as_view()), *site_urlpatterns]
