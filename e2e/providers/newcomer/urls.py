"""Two pages, and what the README says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.template import engines
from django.urls import include, path  # noqa: F401  # for the README

from e2e.providers.newcomer import readme

if TYPE_CHECKING:
    from django.http import HttpRequest

HOME = engines["django"].from_string(
    "{% if user.is_authenticated %}You are signed in. "
    + readme.BUTTON
    + '{% else %}<a href="{% url "oidc_authentication_init" %}">Sign in</a>{% endif %}'
)


def home(request: HttpRequest) -> HttpResponse:
    return HttpResponse(HOME.render(request=request))


@login_required
def private(request: HttpRequest) -> HttpResponse:
    return HttpResponse("You are signed in.")


urlpatterns = [
    path("", home),
    path("private/", private),
    *eval(f"[{readme.URLS}]"),
]
