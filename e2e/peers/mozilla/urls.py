"""The addresses that mozilla-django-oidc's tests expect, behind ours."""

from django.urls import include, path

urlpatterns = [
    path("", include("django_oidc_logout.urls")),
    path("", include("mozilla_django_oidc.urls")),
]
