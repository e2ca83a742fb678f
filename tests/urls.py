"""The README's URLs, and pages to sign out of."""

from django.http import HttpResponse
from django.urls import include, path


def home(request):
    return HttpResponse("home")


def private(request):
    return HttpResponse(f"private to {request.user}")


urlpatterns = [
    path("", home, name="home"),
    path("private/", private, name="private"),
    path("bye/", home, name="bye"),
    path("oidc/", include("django_oidc_logout.urls")),
    path("oidc/", include("mozilla_django_oidc.urls")),
]
