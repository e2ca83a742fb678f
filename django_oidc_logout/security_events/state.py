"""The `state` of a verification (Shared Signals Framework 1.0, section 8.1.4), signed by the site.

It says which stream is to be verified. So the process that receives the event need not know the one
that asked for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core import signing

if TYPE_CHECKING:
    from collections.abc import Mapping

SALT = "django_oidc_logout.security_events"
MAX_AGE = 24 * 60 * 60  # seconds


def sign(alias: str, stream: str) -> str:
    """Return a state for a verification of a provider's stream, which has this ID."""
    return signing.dumps([alias, stream], salt=SALT)


def is_valid(state: object, alias: str, subject: Mapping[str, Any]) -> bool:
    """Return whether a state is ours, and for the stream that is the event's subject.

    A transmitter that verifies on its own sends none.
    """
    if state is None:
        return True
    try:
        signed_alias, stream = signing.loads(str(state), salt=SALT, max_age=MAX_AGE)
    except signing.BadSignature:
        return False
    named = subject.get("id") if subject.get("format") == "opaque" else stream
    return (signed_alias, stream) == (alias, named)
