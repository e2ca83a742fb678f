"""Back-channel logout: whoever signs out here is signed out of the sites, too.

django-oauth-toolkit has the rest of OpenID Connect; this is what it leaves to its users. See
OpenID Connect Back-Channel Logout 1.0.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from typing import TYPE_CHECKING, Any

import requests
from django.contrib.auth.signals import user_logged_out
from django.dispatch import receiver
from jwcrypto.jwt import JWT
from oauth2_provider.settings import oauth2_settings
from oauth2_provider.utils import jwk_from_pem

from example_project.agreed import PROVIDER, SITES, Site

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.contrib.sessions.backends.base import SessionBase
    from django.http import HttpRequest

EVENT = "http://schemas.openid.net/event/backchannel-logout"
SECONDS_TO_ANSWER = 2
SECONDS_TO_LIVE = 120

# What the session here remembers: its name for the sites, and the clients it signed in to. The
# name is no session key: that one is a secret.
SID = "sid"
CLIENTS = "clients"

logger = logging.getLogger(__name__)


def join(session: SessionBase, client_id: str) -> str:
    """Remember that a session signs in to a client; return the session's name for the sites."""
    session[CLIENTS] = sorted({client_id, *session.get(CLIENTS, [])})
    return str(session.setdefault(SID, secrets.token_urlsafe(16)))


def joined(session: SessionBase) -> list[Site]:
    """Return the sites that a session has signed in to."""
    return [site for site in SITES if site.client_id in session.get(CLIENTS, [])]


@receiver(user_logged_out)
def tell_sites(request: HttpRequest, user: User | None, **_kwargs: Any) -> None:
    """Tell each site; one that does not listen keeps nobody from signing out here."""
    if user is None:
        return
    for site in joined(request.session):
        token = _logout_token(site, str(user.pk), request.session[SID])
        try:
            _send(site, token)
        except requests.RequestException as exc:
            logger.warning("%s could not be told of a sign-out: %s", site.name, exc)


def _logout_token(site: Site, sub: str, sid: str) -> str:
    key = jwk_from_pem(oauth2_settings.OIDC_RSA_PRIVATE_KEY)
    now = int(time.time())
    token = JWT(
        header=json.dumps({"alg": "RS256", "typ": "logout+jwt", "kid": key.thumbprint()}),
        claims=json.dumps(
            {
                "iss": PROVIDER.url,
                "aud": site.client_id,
                "iat": now,
                "exp": now + SECONDS_TO_LIVE,
                "jti": secrets.token_urlsafe(16),
                "events": {EVENT: {}},
                "sub": sub,
                "sid": sid,
            }
        ),
    )
    token.make_signed_token(key)
    return str(token.serialize())


def _send(site: Site, token: str) -> None:
    response = requests.post(
        site.backchannel_logout_uri,
        data={"logout_token": token},
        timeout=SECONDS_TO_ANSWER,
        allow_redirects=False,
    )
    response.raise_for_status()
