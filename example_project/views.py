"""The example sites' pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_required
from django.shortcuts import render

from django_oidc_logout.demo.agreed import PEOPLE, PROVIDER, SITES, this_site
from django_oidc_logout.models import OIDCSession

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


def home(request: HttpRequest) -> HttpResponse:
    """Show what the demo does, to everyone."""
    return _page(request, "home")


@login_required
def private(request: HttpRequest) -> HttpResponse:
    """Show a page to people who are signed in."""
    return _page(request, "private")


def _page(request: HttpRequest, name: str) -> HttpResponse:
    site = this_site()
    (other,) = (each for each in SITES if each != site)
    context = {
        "page": name,
        "site": site,
        "other": other,
        "oidc_session": _oidc_session(request),
        "people": PEOPLE,
        "provider": PROVIDER,
    }
    return render(request, f"example_project/{name}.html", context)


def _oidc_session(request: HttpRequest) -> OIDCSession | None:
    """Return the session's row, or None if it did not begin at the provider."""
    if not request.user.is_authenticated:
        return None
    return OIDCSession.objects.filter(session_key=request.session.session_key).first()
