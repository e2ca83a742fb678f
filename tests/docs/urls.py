"""The URLs of the site to which the documentation's fragments belong."""

from django.contrib import admin
from django.http import HttpResponse
from django.urls import include, path


def home(request):
    return HttpResponse("home")


urlpatterns = [
    path("", home, name="home"),
    path("private/", home, name="private"),
    path("bye/", home, name="bye"),
    path("admin/", admin.site.urls),
    path("oidc/", include("django_oidc_logout.urls_account")),
    path("oidc/", include("mozilla_django_oidc.urls")),
]
