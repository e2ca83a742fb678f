"""The `state` of a verification (Shared Signals Framework 1.0, section 8.1.4), signed by the site.

It names the stream to verify. So the process that receives the event need not be the one that
requested it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core import signing

if TYPE_CHECKING:
    from collections.abc import Mapping

SALT = "django_oidc_logout.security_events"
MAX_AGE = 24 * 60 * 60  # seconds


def sign(alias: str, stream: str) -> str:
    """Return a state for the verification of a provider's stream with this ID."""
    return signing.dumps([alias, stream], salt=SALT)


def is_valid(state: object, alias: str, subject: Mapping[str, Any]) -> bool:
    """Return whether the site signed a state, and for the stream that is the event's subject.

    If a transmitter verifies the stream unasked, the state is missing, which is valid.
    """
    if state is None:
        return True
    if not isinstance(state, str):
        return False
    try:
        signed_alias, stream = signing.loads(state, salt=SALT, max_age=MAX_AGE)
    except (signing.BadSignature, ValueError):  # a lone surrogate cannot be encoded
        return False
    named = subject.get("id") if subject.get("format") == "opaque" else stream
    return (signed_alias, stream) == (alias, named)
