"""The provider's stream of security events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..security_events import receipts
from .findings import Finding, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .inspected import InspectedProvider


def signals(inspected: InspectedProvider) -> Iterator[Finding]:
    """Inspect whether the stream has been verified, if the site receives security events."""
    if inspected.options.shared_signals is None or inspected.provider.dialect.is_wrapped:
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


INSPECTIONS = (signals,)
