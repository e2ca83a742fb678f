"""`manage.py oidc_logout_clear_sessions`: run it regularly, beside Django's `clearsessions`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from django_oidc_logout.exceptions import SessionsNotEnded
from django_oidc_logout.framework import request_scope
from django_oidc_logout.receivers import history
from django_oidc_logout.security_events import receipts
from django_oidc_logout.sessions import end, lifetime, reauthentication, validity

if TYPE_CHECKING:
    from collections.abc import Callable


class Command(BaseCommand):
    """Remove the rows of sessions that no longer exist, and end those that Django rejects.

    Also end overdue sessions, and remove old marks, security events and history.
    """

    help = (
        "Remove the rows of sessions that have expired or were deleted, and end sessions whose "
        "user is inactive or has changed their password. No other session ends."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Remove the rows, and print how many were removed. A step that fails stops no other step.

        Raises:
            CommandError: a session could not be ended, or the session store or a database failed.
        """
        failures: list[Exception] = []
        count = partial(_count, failures)
        count(reauthentication.prune)
        count(receipts.clear)
        events = count(history.clear)
        with request_scope.begin(None):
            rows = sum(map(count, (lifetime.clear, end.clear_gone, validity.clear)))
        self.stdout.write(f"Rows removed: {rows}")
        if events:
            self.stdout.write(f"Events removed: {events}")
        if failures:
            reasons = "; ".join(dict.fromkeys(map(_reason, failures)))
            raise CommandError(f"{reasons}. Run this command again.") from failures[0]


def _count(failures: list[Exception], step: Callable[[], int]) -> int:
    """Return how many rows a step has removed, or note its failure."""
    try:
        return step()
    except Exception as exc:  # noqa: BLE001  # every store raises its own exceptions
        failures.append(exc)
        return getattr(exc, "ended", 0)


def _reason(exc: Exception) -> str:
    if isinstance(exc, SessionsNotEnded):
        return f"{exc}; the log says why"
    return f"Not everything was removed: {type(exc).__name__}: {exc}"
