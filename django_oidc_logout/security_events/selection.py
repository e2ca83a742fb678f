"""The sessions that a subject selects, also those whose sign-in is under way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import Error

from ..exceptions import SessionsNotEnded
from ..sessions import sql, tombstones
from . import marks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..models import OIDCSession
    from ..providers.transmitter import Transmitter
    from .subjects import Subject


@dataclass(slots=True, kw_only=True)
class Selection:
    """What a subject selects. It may have several names of the same person."""

    sender: Transmitter
    at: float
    """When the event occurred, in seconds since the epoch."""
    rows: list[OIDCSession] = field(default_factory=list)
    tombstones: list[str] = field(default_factory=list)
    people: set[tuple[str, str]] = field(default_factory=set)
    """The people, each an issuer and a subject, whom the names mean even without a row."""
    last: Subject | None = None
    """The name that selected the rows."""

    def require_reauthentication(self, rows: list[OIDCSession]) -> None:
        """Set marks, unless the event is about one session, or ID Tokens lack `auth_time`.

        Call it before the sessions end. Then a concurrent sign-in finds the mark, or its session
        ends.

        Args:
            rows: the selected rows whose sessions will end.

        Raises:
            SessionsNotEnded: the marks cannot be written.
        """
        if self.last is None or not self.sender.dialect.has_auth_time:
            return
        people = self.people | self.last.people(self.sender.options.issuer, rows)
        try:
            with sql.savepoints():
                marks.require(people, self.at)
        except Error as exc:
            raise SessionsNotEnded(ended=0, failed=1) from exc

    def settle(self) -> None:
        """Change the tombstones once the sessions have ended, so that later sign-ins stay."""
        tombstones.settle(self.tombstones, self.sender.options, self.at)


def select(subjects: Iterable[Subject], sender: Transmitter, at: float) -> Selection:
    """Find the rows of the first subject that selects one.

    Before it looks for rows, it writes a tombstone for each subject that it tries: the person's
    sign-in may be under way by any of them.

    Raises:
        SessionsNotEnded: the index cannot be read.
    """
    found, issuer = Selection(sender=sender, at=at), sender.options.issuer
    for subject in subjects:
        found.last = subject
        found.people |= subject.people(issuer, ())
        found.tombstones += tombstones.leave(subject.selected(issuer), sender.options, at)
        found.rows = find_rows(subject, issuer)
        if found.rows:
            break
    return found


def find_rows(subject: Subject, issuer: str) -> list[OIDCSession]:
    """Return the rows of the sessions that a subject selects.

    Raises:
        SessionsNotEnded: the index cannot be read.
    """
    try:
        with sql.savepoints():
            return list(subject.rows(issuer))
    except Error as exc:
        raise SessionsNotEnded(ended=0, failed=1) from exc
