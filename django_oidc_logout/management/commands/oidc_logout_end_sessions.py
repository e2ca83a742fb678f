"""`manage.py oidc_logout_end_sessions`: ends the sessions of a person, a provider, or everybody."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from django_oidc_logout.exceptions import SessionsNotEnded
from django_oidc_logout.framework import request_scope
from django_oidc_logout.management import arguments, users
from django_oidc_logout.sessions import bulk, index, reauthentication

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from django.db.models import QuerySet

    from django_oidc_logout.models import OIDCSession

BAR_WIDTH = 30
CRITERIA = ("user", "issuer", "sub", "sid", "signed_in_before")
NOT_MARKED = (
    "This did not require a new authentication of anybody: no session matches, and only a session "
    "says who a user is at the provider. For a person without a session, repeat the command with "
    "--issuer URL --sub SUB."
)
INTERRUPTED = 130  # the exit code of a program that Ctrl-C stops


class Command(BaseCommand):
    """End sessions that began through a provider, on every device."""

    help = (
        "End the sessions that match all criteria. It counts them first, and asks. After Ctrl-C, "
        "the same command ends the rest. Sessions that begin in the meantime stay."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        add = parser.add_argument
        add("--user", metavar="USER", help=users.HELP)
        add("--issuer", metavar="URL", help="the provider's issuer; optional if there is only one")
        add("--sub", metavar="SUB", help="the person's subject identifier at the issuer")
        add("--sid", metavar="SID", help="the session ID at the issuer")
        add(
            "--signed-in-before",
            metavar="TIME",
            type=_time,
            help="a date or a time, such as 2026-11-29T10:00+01:00; without a zone, TIME_ZONE",
        )
        add("--all", action="store_true", help="all sessions that began through a provider")
        add(
            "--reauthenticate",
            action="store_true",
            help="also ask the provider for the password at the next sign-in",
        )
        add("--dry-run", action="store_true", help="only count")
        add("--no-input", "--noinput", action="store_false", dest="interactive", help="do not ask")

    def handle(self, *_args: Any, **options: Any) -> None:
        """End the sessions.

        Raises:
            CommandError: the criteria are missing or wrong, it was interrupted, or a session could
                not be ended.
        """
        started = timezone.localtime() if timezone.is_aware(timezone.now()) else timezone.now()
        with request_scope.begin(None):
            rows = bulk.existing(_rows(options))
            count = rows.count()
            if options["dry_run"]:
                self.stdout.write(f"Sessions that would end: {count}")
            elif self._is_confirmed(count, options):
                self._end(rows, count, options, started)

    def _is_confirmed(self, count: int, options: dict[str, Any]) -> bool:
        """Return whether to end the sessions: ask, unless the options forbid it."""
        self.stdout.write(f"Sessions to end: {count}")
        if not options["interactive"]:
            return True
        try:
            is_confirmed = input('Type "yes" to end them: ') == "yes"
        except KeyboardInterrupt:
            text = "Interrupted. No session has ended."
            raise CommandError(text, returncode=INTERRUPTED) from None
        except EOFError:  # nobody can answer, as in a cron job
            raise CommandError("Nobody can confirm it here. Add --no-input.") from None
        if not is_confirmed:
            self.stdout.write("No session has ended.")
        return is_confirmed

    def _end(
        self,
        rows: QuerySet[OIDCSession],
        count: int,
        options: dict[str, Any],
        started: datetime,
    ) -> None:
        ended = failed = 0
        is_asked, is_marked = options["reauthenticate"], False
        try:
            if is_asked and options["sub"]:  # the person need not be signed in here
                reauthentication.require([(options["issuer"], options["sub"])])
                is_marked = True
            for done, not_done in bulk.end_in_batches(rows, reauthenticate=is_asked):
                is_marked = True
                ended, failed = ended + done, failed + not_done
                self._show_progress(ended + failed, count)
        except SessionsNotEnded as exc:
            text = "Could not require a new authentication, so no session has ended. Run it again."
            raise CommandError(text) from exc
        except KeyboardInterrupt:
            before = "" if options["signed_in_before"] else self._before(started)
            left = rows.count()
            raise CommandError(
                f"Interrupted. Sessions ended: {count - left}, left: {left}. To end them, run the "
                f"same command again{before}.",
                returncode=INTERRUPTED,
            ) from None
        self.stdout.write(f"Sessions ended: {ended}")
        if is_asked and not is_marked:
            self.stderr.write(self.style.WARNING(NOT_MARKED))
        if failed:
            raise CommandError(
                f"Sessions that could not be ended: {failed}. The log says why. Run this command "
                "again."
            )

    @staticmethod
    def _before(started: datetime) -> str:
        """Return the option that excludes people who have signed in since the start."""
        return f", with --signed-in-before {started.isoformat()}"

    def _show_progress(self, done: int, count: int) -> None:
        """Show a bar in a terminal."""
        if self.stdout.isatty():
            filled = min(BAR_WIDTH, BAR_WIDTH * done // max(count, 1))
            bar = "#" * filled + "-" * (BAR_WIDTH - filled)
            self.stdout.write(f"\r[{bar}] {done}/{count}", ending="" if done < count else "\n")
            self.stdout.flush()


def _time(text: str) -> datetime:
    """Parse a time from the command line. argparse reports a `ValueError`."""
    moment = datetime.fromisoformat(text)
    is_used = timezone.is_aware(timezone.now())
    if is_used and timezone.is_naive(moment):
        return timezone.make_aware(moment)
    return moment if is_used or timezone.is_naive(moment) else timezone.make_naive(moment)


def _rows(options: dict[str, Any]) -> QuerySet[OIDCSession]:
    """Return the rows that match the options, and complete the issuer.

    Raises:
        CommandError: the criteria are missing or wrong.
    """
    given = [name for name in CRITERIA if options[name] is not None]
    is_wrong = {*given} - {"signed_in_before"} if options["all"] else not given
    if is_wrong:
        raise CommandError("Give at least one criterion. --all allows only --signed-in-before.")
    arguments.refuse_empty(options, given)
    if options["sub"] or options["sid"]:
        options["issuer"] = arguments.given_or_only_issuer(options["issuer"])
    user = users.find(options["user"]) if options["user"] else None
    rows = index.matching(
        issuer=options["issuer"] or "",
        sub=options["sub"] or "",
        sid=options["sid"] or "",
        user=user,
    )
    before = options["signed_in_before"]
    return rows.filter(signed_in_at__lt=before) if before else rows
