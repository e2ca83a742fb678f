"""Dates and times in the admin's lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

if TYPE_CHECKING:
    from datetime import datetime


def short(moment: datetime, *, timespec: str = "minutes") -> str:
    """Return a local date and time in a short form that does not depend on the language."""
    # Without USE_TZ, Django stores local times.
    local = timezone.localtime(moment) if timezone.is_aware(moment) else moment
    return local.replace(tzinfo=None).isoformat(" ", timespec)
