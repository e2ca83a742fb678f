"""Back-channel logout: signing out here also signs people out of the sites.

django-oauth-toolkit implements the rest of OpenID Connect, but not this. See OpenID Connect
Back-Channel Logout 1.0.
"""

from __future__ import annotations

import logging
import secrets
import time
from typing import TYPE_CHECKING, Any

import requests
from django.contrib.auth.signals import user_logged_out
from django.dispatch import receiver

from django_oidc_logout.demo.agreed import SITES, Site

from .signing import SECONDS_TO_RESPOND, signed

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.contrib.sessions.backends.base import SessionBase
    from django.http import HttpRequest

EVENT = "http://schemas.openid.net/event/backchannel-logout"
SECONDS_TO_LIVE = 120

# The session here stores its `sid` and the clients it signed in to. The `sid` is not the session
# key, because that is a secret.
SID = "sid"
CLIENTS = "clients"

logger = logging.getLogger(__name__)


def join(session: SessionBase, client_id: str) -> str:
    """Record that a session signs in to a client, and return the session's `sid`."""
    session[CLIENTS] = sorted({client_id, *session.get(CLIENTS, [])})
    return str(session.setdefault(SID, secrets.token_urlsafe(16)))


def joined(session: SessionBase) -> list[Site]:
    """Return the sites that a session has signed in to."""
    return [site for site in SITES if site.client_id in session.get(CLIENTS, [])]


@receiver(user_logged_out)
def notify_sites(request: HttpRequest, user: User | None, **_kwargs: Any) -> None:
    """Notify each site. If a site does not respond, the sign-out here still succeeds."""
    if user is None:
        return
    for site in joined(request.session):
        token = _logout_token(site, str(user.pk), request.session[SID])
        try:
            _send(site, token)
        except requests.RequestException as exc:
            logger.warning("Could not notify %s of a sign-out: %s", site.name, exc)


def _logout_token(site: Site, sub: str, sid: str) -> str:
    expires = int(time.time()) + SECONDS_TO_LIVE
    return signed("logout+jwt", site, exp=expires, events={EVENT: {}}, sub=sub, sid=sid)


def _send(site: Site, token: str) -> None:
    response = requests.post(
        site.backchannel_logout_uri,
        data={"logout_token": token},
        timeout=SECONDS_TO_RESPOND,
        allow_redirects=False,
    )
    response.raise_for_status()
