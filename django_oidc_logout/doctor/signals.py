"""The provider's stream of security events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import DatabaseError

from ..security_events import receipts
from .findings import Finding, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .inspected import InspectedProvider


def signals(inspected: InspectedProvider) -> Iterator[Finding]:
    """Inspect whether the stream has been verified, if the site receives security events."""
    if not _has_stream(inspected):
        return
    at = receipts.verified_at(inspected.options.alias)
    if at is None:
        yield warning(
            "signals",
            "The stream of security events has not been verified.",
            "Run manage.py oidc_logout_signals verify, or let the provider verify the stream.",
        )
    else:
        yield ok("signals", f"The stream was last verified at {at.isoformat(timespec='seconds')}.")


def verified_at(inspected: InspectedProvider) -> float | None:
    """Return when the stream was last verified, in seconds since the epoch; 0 if never.

    Return None if there is no stream, or if the database cannot be read.
    """
    if not _has_stream(inspected):
        return None
    try:
        at = receipts.verified_at(inspected.options.alias)
    except DatabaseError:
        return None  # a finding reports this
    return at.timestamp() if at else 0


def _has_stream(inspected: InspectedProvider) -> bool:
    """Return whether the provider sends security events that it can verify."""
    options, dialect = inspected.options, inspected.provider.dialect
    return options.shared_signals is not None and not dialect.is_wrapped


INSPECTIONS = (signals,)
