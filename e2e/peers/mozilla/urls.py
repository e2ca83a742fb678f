"""The URLs that mozilla-django-oidc's tests expect, after those of this app."""

from django.urls import include, path

urlpatterns = [
    path("", include("django_oidc_logout.urls")),
    path("", include("mozilla_django_oidc.urls")),
]
