"""The identity provider's own views. The others are Django's and django-oauth-toolkit's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.shortcuts import render
from oauth2_provider import views

from django_oidc_logout.demo.agreed import PEOPLE

from . import backchannel

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from django_oidc_logout.demo.agreed import Person


def home(request: HttpRequest) -> HttpResponse:
    """Show who is signed in here."""
    return render(request, "idp/home.html", {"sites": backchannel.joined(request.session)})


def people(_request: HttpRequest) -> dict[str, tuple[Person, ...]]:
    """Add the names and passwords to every page, as this is a demo."""
    return {"people": PEOPLE}


class AuthorizationView(views.AuthorizationView):
    """Gives the session a `sid` that later logout tokens will name."""

    def create_authorization_response(
        self, *, request: HttpRequest, credentials: dict[str, Any], **others: Any
    ) -> tuple[str, dict[str, str], str, int]:
        """Store the `sid` with the authorization code, in place of the requested claims."""
        sid = backchannel.join(request.session, credentials["client_id"])
        credentials["claims"] = {"sid": sid}
        return super().create_authorization_response(
            request=request, credentials=credentials, **others
        )


class DiscoveryView(views.ConnectDiscoveryInfoView):
    """Announces back-channel logout."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Add what `backchannel` supports to django-oauth-toolkit's document."""
        response = super().get(request, *args, **kwargs)
        document = json.loads(response.content)
        document["backchannel_logout_supported"] = True
        document["backchannel_logout_session_supported"] = True
        document["claims_supported"].append("sid")
        response.content = json.dumps(document)
        return response
