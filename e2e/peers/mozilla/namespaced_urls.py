"""mozilla-django-oidc's URLs in a namespace, after those of this app."""

from django.urls import include, path

urlpatterns = [
    path("", include("django_oidc_logout.urls")),
    path("namespace/", include(("mozilla_django_oidc.urls", "namespace"))),
]
