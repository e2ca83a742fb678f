"""The tests' pages with allauth's, as docs/how-to/allauth.md says."""

from django.urls import include, path

from tests.urls import home, private

urlpatterns = [
    path("", home, name="home"),
    path("private/", private),
    path("accounts/", include("allauth.urls")),
    path("_allauth/", include("allauth.headless.urls")),
    path("oidc/", include("django_oidc_logout.urls")),
]
