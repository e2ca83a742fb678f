"""Security events: the provider notifies the sites that all sessions of a person are revoked.

See OpenID Continuous Access Evaluation Profile 1.0, section 3.1, and RFC 8935.
"""

from __future__ import annotations

import logging
import time

import requests

from django_oidc_logout.demo.agreed import PROVIDER, SITES, Site

from .signing import SECONDS_TO_RESPOND, signed

EVENT = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"

logger = logging.getLogger(__name__)


def report_stolen_device(sub: str) -> None:
    """Notify each site. If a site does not respond, the others are still notified."""
    for site in SITES:
        try:
            _push(site, _event(site, sub))
        except requests.RequestException as exc:
            logger.warning("Could not send a security event to %s: %s", site.name, exc)


def _event(site: Site, sub: str) -> str:
    return signed(
        "secevent+jwt",
        site,
        sub_id={"format": "iss_sub", "iss": PROVIDER.url, "sub": sub},
        events={
            EVENT: {
                "event_timestamp": int(time.time()),
                "initiating_entity": "user",
                "reason_user": {"en": "A device was stolen."},
            }
        },
    )


def _push(site: Site, event: str) -> None:
    response = requests.post(
        site.events_uri,
        data=event,
        headers={"Content-Type": "application/secevent+jwt"},
        timeout=SECONDS_TO_RESPOND,
        allow_redirects=False,
    )
    response.raise_for_status()
