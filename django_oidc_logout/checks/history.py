"""System checks of the settings about what is kept of people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.checks import Error

from ..conf import ADDRESSES, conf

if TYPE_CHECKING:
    from django.core.checks import CheckMessage


def check_history_days() -> list[CheckMessage]:
    """Check that the history is kept for a number of days."""
    days = conf.raw("OIDC_LOGOUT_HISTORY_DAYS", default=0)
    if type(days) is int and days >= 0:
        return []
    return [
        Error(
            f"OIDC_LOGOUT_HISTORY_DAYS is {days!r}, so nothing is written.",
            hint="Set it to a whole number of days, or to 0 for no history.",
            id="oidc_logout.E041",
        )
    ]


def check_keep_device() -> list[CheckMessage]:
    """Check that what is kept of a device is a flag, or a dict with a known `address`."""
    kept = conf.OIDC_LOGOUT_KEEP_DEVICE
    is_valid = isinstance(kept, bool) or (
        isinstance(kept, dict)
        and kept.keys() <= {"address"}
        and kept.get("address", "none") in ADDRESSES
    )
    if is_valid:
        return []
    choices = ", ".join(map(repr, ADDRESSES))
    return [
        Error(
            f"OIDC_LOGOUT_KEEP_DEVICE is {kept!r}.",
            hint=f'Set it to True, False or {{"address": ...}} with one of {choices}.',
            id="oidc_logout.E042",
        )
    ]
