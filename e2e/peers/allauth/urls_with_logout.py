"""django-allauth's URLs for its own tests, after those of this app."""

from importlib import reload

from django.urls import include, path
from tests.projects.regular import urls

urlpatterns = [
    path("oidc/", include("django_oidc_logout.urls")),
    path("oidc/", include("mozilla_django_oidc.urls")),
    path("", include(reload(urls))),  # its tests load the addresses anew when settings change
]
