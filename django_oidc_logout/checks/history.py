"""System checks of the settings that keep data about people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.checks import Error, Warning

from ..conf import ADDRESSES, MAX_HISTORY_DAYS, conf
from ..sessions import devices

if TYPE_CHECKING:
    from django.core.checks import CheckMessage


def check_history_days() -> list[CheckMessage]:
    """Check that the history is kept for a number of days that lead to a date."""
    if conf.has_valid_history_days:
        return []
    days = conf.raw("OIDC_LOGOUT_HISTORY_DAYS")
    return [
        Error(
            f"OIDC_LOGOUT_HISTORY_DAYS is {days!r}, so nothing is written.",
            hint=f"Set it to a whole number of days, at most {MAX_HISTORY_DAYS}, or to 0 for no "
            "history.",
            id="oidc_logout.E041",
        )
    ]


def check_keep_device() -> list[CheckMessage]:
    """Check that OIDC_LOGOUT_KEEP_DEVICE is a flag, or a dict with a known `address`."""
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


def check_device_parser() -> list[CheckMessage]:
    """Check that user agents can be parsed if devices are kept."""
    if not conf.OIDC_LOGOUT_KEEP_DEVICE or devices.has_parser():
        return []
    return [
        Warning(
            "OIDC_LOGOUT_KEEP_DEVICE is on, but ua-parser is not installed, so devices stay empty.",
            hint="Run pip install django-oidc-logout[device]. If the address is all you want, "
            "silence this.",
            id="oidc_logout.W064",
        )
    ]
