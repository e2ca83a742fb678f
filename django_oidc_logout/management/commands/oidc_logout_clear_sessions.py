"""`manage.py oidc_logout_clear_sessions`: run it regularly, beside Django's `clearsessions`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error

from django_oidc_logout.exceptions import SessionsNotEnded
from django_oidc_logout.receivers import history
from django_oidc_logout.security_events import receipts
from django_oidc_logout.sessions import end, lifetime, reauthentication, validity


class Command(BaseCommand):
    """Remove the rows of sessions that no longer exist, and end those that Django rejects.

    Also forget the security events of days ago.
    """

    help = (
        "Remove the rows of sessions that have expired or were deleted, and end sessions whose "
        "user is inactive or has changed their password. No other session ends."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Remove the rows, and print how many there were.

        Raises:
            CommandError: the session store or the index does not respond; no row is removed.
        """
        try:
            reauthentication.prune()
            count = lifetime.clear() + end.clear_gone() + validity.clear()
            receipts.clear()
        except SessionsNotEnded as exc:
            raise CommandError(f"{exc}; the log says why. Run this command again.") from exc
        except (Error, OSError) as exc:
            raise CommandError(f"No row was removed: {exc}.") from exc
        self.stdout.write(f"Rows removed: {count}")
        if events := history.clear():
            self.stdout.write(f"Events removed: {events}")
