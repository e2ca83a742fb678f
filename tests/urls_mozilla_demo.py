"""The example site's URLs, with mozilla's view instead of ours."""

from django.urls import path
from mozilla_django_oidc.views import OIDCLogoutView

from example_project.urls import urlpatterns as site_urlpatterns

urlpatterns = [path("oidc/logout/", OIDCLogoutView.as_view()), *site_urlpatterns]
