"""A site without mozilla-django-oidc's views, and with a login page of its own."""

from django.urls import include, path

from tests.urls import home

urlpatterns = [
    path("enter/", home, name="enter"),
    path("oidc/", include("django_oidc_logout.urls")),
]
