"""The identity provider's own views; all others are Django's and django-oauth-toolkit's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.shortcuts import render
from oauth2_provider import views

from example_project.agreed import PEOPLE

from . import backchannel

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from example_project.agreed import Person


def home(request: HttpRequest) -> HttpResponse:
    """Say who is signed in here."""
    return render(request, "idp/home.html", {"sites": backchannel.joined(request.session)})


def people(_request: HttpRequest) -> dict[str, tuple[Person, ...]]:
    """Let every page give away names and passwords: it is a demo."""
    return {"people": PEOPLE}


class AuthorizationView(views.AuthorizationView):
    """Tells the site by which name it will hear of the session again."""

    def create_authorization_response(
        self, *, request: HttpRequest, credentials: dict[str, Any], **others: Any
    ) -> tuple[str, dict[str, str], str, int]:
        """Put the session's name down with the authorization code, in place of claims asked for."""
        sid = backchannel.join(request.session, credentials["client_id"])
        credentials["claims"] = {"sid": sid}
        return super().create_authorization_response(
            request=request, credentials=credentials, **others
        )


class DiscoveryView(views.ConnectDiscoveryInfoView):
    """Says that sites can be told of a sign-out."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Add what `backchannel` does to what django-oauth-toolkit does."""
        response = super().get(request, *args, **kwargs)
        document = json.loads(response.content)
        document["backchannel_logout_supported"] = True
        document["backchannel_logout_session_supported"] = True
        document["claims_supported"].append("sid")
        response.content = json.dumps(document)
        return response
