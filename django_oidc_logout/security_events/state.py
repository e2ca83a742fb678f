"""The `state` of a verification (Shared Signals Framework 1.0, section 8.1.4), signed by the site.

So the process that receives the event need not know the one that asked for it.
"""

from __future__ import annotations

from django.core import signing

SALT = "django_oidc_logout.security_events"
MAX_AGE = 24 * 60 * 60  # seconds


def sign(alias: str) -> str:
    """Return a state for a verification of a provider's stream."""
    return signing.TimestampSigner(salt=SALT).sign(alias)


def is_valid(state: object, alias: str) -> bool:
    """Return whether a state is ours. A transmitter that verifies on its own sends none."""
    if state is None:
        return True
    try:
        return signing.TimestampSigner(salt=SALT).unsign(str(state), max_age=MAX_AGE) == alias
    except signing.BadSignature:
        return False
