"""A site of the tests' own: a front page, a private page, and one that renews the sign-in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jwt
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.template import engines
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from mozilla_django_oidc.middleware import SessionRefresh

from django_oidc_logout import views

if TYPE_CHECKING:
    from django.http import HttpRequest

HOME = engines["django"].from_string(
    "{% load oidc_logout %}{% if request.user.is_authenticated %}You are signed in. "
    '{% oidc_logout_button %}{% else %}<a href="/oidc/authenticate/">Sign in</a>{% endif %}'
)


def home(request: HttpRequest) -> HttpResponse:
    return HttpResponse(HOME.render(request=request))


@login_required
def private(request: HttpRequest) -> HttpResponse:
    return HttpResponse("You are signed in.")


def renewed(request: HttpRequest) -> HttpResponse:
    return SessionRefresh(private)(request)  # it reads the settings when it is made


@dataclass(frozen=True)
class Arrival:
    """A logout token that reached the site, and the status of the response."""

    status: int
    header: dict[str, Any] = field(repr=False)
    claims: dict[str, Any] = field(repr=False)


ARRIVALS: list[Arrival] = []


class Noting(views.BackChannelLogoutView):
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().dispatch(request, *args, **kwargs)
        token = request.POST["logout_token"]
        header, claims = jwt.get_unverified_header(token), {}
        if "enc" not in header:
            claims = jwt.decode(token, options={"verify_signature": False})
        ARRIVALS.append(Arrival(response.status_code, header, claims))
        return response


urlpatterns = [
    path("oidc/logout/backchannel/", csrf_exempt(Noting.as_view())),
    path("", home),
    path("private/", private),
    path("renewed/", renewed),
    path("oidc/", include("django_oidc_logout.urls")),
    path("oidc/", include("mozilla_django_oidc.urls")),
]
