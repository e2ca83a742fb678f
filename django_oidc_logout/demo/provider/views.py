"""The identity provider's own views. The others are Django's and django-oauth-toolkit's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST
from oauth2_provider import views

from django_oidc_logout.demo.agreed import PEOPLE

from . import backchannel, signals

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from django_oidc_logout.demo.agreed import Person


# In the session here: whether the next session at a site must be short.
IS_NEXT_SHORT = "is_next_short"


def home(request: HttpRequest) -> HttpResponse:
    """Show who is signed in here."""
    context = {
        "sites": backchannel.joined(request.session),
        "is_next_short": request.session.get(IS_NEXT_SHORT, False),
    }
    return render(request, "idp/home.html", context)


@require_POST
@login_required
def stolen_device(request: HttpRequest) -> HttpResponse:
    """Send a security event to the sites. The person stays signed in here, to see the effect."""
    signals.report_stolen_device(str(request.user.pk))
    return redirect("home")


@require_POST
@login_required
def short_session(request: HttpRequest) -> HttpResponse:
    """Make the next session at a site short."""
    request.session[IS_NEXT_SHORT] = True
    return redirect("home")


def people(_request: HttpRequest) -> dict[str, tuple[Person, ...]]:
    """Add the names and passwords to every page, as this is a demo."""
    return {"people": PEOPLE}


class AuthorizationView(views.AuthorizationView):
    """Gives the session a `sid` that later logout tokens will name."""

    def create_authorization_response(
        self, *, request: HttpRequest, credentials: dict[str, Any], **others: Any
    ) -> tuple[str, dict[str, str], str, int]:
        """Store the ID Token's extra claims with the code, in place of the requested claims."""
        credentials["claims"] = {
            "sid": backchannel.join(request.session, credentials["client_id"]),
            "is_short": request.session.pop(IS_NEXT_SHORT, False),
        }
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
