"""The admin's site, where staff may act as somebody else."""

from django.urls import include, path

from tests.admin.urls import urlpatterns as site

urlpatterns = [
    path("hijack/", include("hijack.urls")),
    path("loginas/", include("loginas.urls")),
    *site,
]
