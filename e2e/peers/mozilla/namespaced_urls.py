"""mozilla-django-oidc's addresses, but in a namespace, behind ours."""

from django.urls import include, path

urlpatterns = [
    path("", include("django_oidc_logout.urls")),
    path("namespace/", include(("mozilla_django_oidc.urls", "namespace"))),
]
