"""A site for `test_lives`: people sign in as through mozilla-django-oidc, or by another library."""

from __future__ import annotations

from django.contrib import auth
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.http import HttpResponse
from django.urls import include, path

from django_oidc_logout.api import remember_login
from django_oidc_logout.backends import OIDCLogoutMixin


class AsMozillaDoes(ModelBackend):
    """Takes a name for an answer; what it does with tokens is mozilla-django-oidc's."""

    def authenticate(self, request, name=None, id_token=None):
        self.request = request
        self.store_tokens("access token", id_token)
        return get_user_model().objects.get(username=name)

    def store_tokens(self, access_token, id_token):
        self.request.session["oidc_id_token"] = id_token


class Backend(OIDCLogoutMixin, AsMozillaDoes):
    """Signs people in."""


BACKEND = f"{__name__}.Backend"


def sign_in_by_mozilla(request):
    name, id_token = request.POST["name"], request.POST["id_token"]
    user = auth.authenticate(request, name=name, id_token=id_token)
    if user is not None and user != request.user:
        auth.login(request, user, BACKEND)
    return HttpResponse()


def sign_in_by_library(request):
    user = get_user_model().objects.get(username=request.POST["name"])
    auth.login(request, user, BACKEND)
    remember_login(request, request.POST["id_token"])
    return HttpResponse()


def sign_in_by_password(request):
    user = get_user_model().objects.get(username=request.POST["name"])
    auth.login(request, user, BACKEND)
    return HttpResponse()


def renew_by_mozilla(request):
    """Do as `SessionRefresh` does: a new ID Token, without a word."""
    request.session["oidc_id_token"] = request.POST["id_token"]
    return HttpResponse()


def renew_by_library(request):
    remember_login(request, request.POST["id_token"])
    return HttpResponse()


def cycle(request):
    request.session.cycle_key()
    return HttpResponse()


def write(request):
    request.session["basket"] = request.session.get("basket", 0) + 1
    return HttpResponse()


def leave(request):
    """Sign out without our view."""
    auth.logout(request)
    return HttpResponse()


def who(request):
    return HttpResponse(request.user.get_username())


VIEWS = [
    sign_in_by_mozilla,
    sign_in_by_library,
    sign_in_by_password,
    renew_by_mozilla,
    renew_by_library,
    cycle,
    write,
    leave,
    who,
]
urlpatterns = [
    *(path(f"{view.__name__}/", view) for view in VIEWS),
    path("oidc/", include("django_oidc_logout.urls")),
]
