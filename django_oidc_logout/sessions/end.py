"""Ending sessions: the request's own, and any others, wherever they are.

The request's own session is deleted before any code of the site hears of it, because that code may
raise anything, or never return.

Another session ends in three steps: delete the session, remove its row, delete the session again.
While the row exists, the end can be repeated. Once it is gone, no request keeps the session (see
`bound_store`); the second deletion removes what a concurrent request saved in between.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.contrib import auth
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.db import Error

from ..exceptions import SessionsNotEnded
from ..signals import session_ended
from . import engines, entry, index, sql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from django.dispatch import Signal
    from django.http import HttpRequest

    from ..models import OIDCSession

    Step = Callable[[Sequence[OIDCSession]], Sequence[OIDCSession]]

logger = logging.getLogger("django_oidc_logout")


class EndedSession(SessionBase):
    """What an ended session contained, for receivers of `user_logged_out`. It cannot be saved."""

    def __init__(self, session_key: str | None = None, data: dict[str, Any] | None = None) -> None:
        super().__init__(session_key)
        self._session_cache = data or {}

    def exists(self, session_key: str) -> bool:  # noqa: ARG002  # Django's signature
        """Return False: the session has been deleted."""
        return False

    def load(self) -> dict[str, Any]:
        """Return no data."""
        return {}

    def create(self) -> None:
        """Do nothing."""

    def save(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002  # Django's signature
        """Do nothing."""

    def delete(self, session_key: str | None = None) -> None:
        """Do nothing."""


def end_current(request: HttpRequest, row: OIDCSession | None) -> bool:
    """Sign the request's session out and remove its row, whatever receivers and the store raise.

    Returns:
        Whether the session is gone. If the store fails, the row stays, so that the session can be
        ended from elsewhere, and the browser forgets the session.
    """
    ended, is_gone = EndedSession(), False
    try:
        with sql.savepoints():
            ended = EndedSession(request.session.session_key, dict(request.session.items()))
            _delete_current(request, row)
        is_gone = True
    except Exception:  # every store raises its own exceptions, and the person must be signed out
        logger.exception("Could not delete a session, the browser will forget it")
        request.session = engines.store()()
    if is_gone:
        _remove_current(row, ended)
    _log_out(request, ended)
    return is_gone


def _delete_current(request: HttpRequest, row: OIDCSession | None) -> None:
    unloaded_key = _unloaded_key(request, row)
    request.session.flush()
    entry.forget_flush(request.session)
    if unloaded_key:
        engines.delete(unloaded_key)


def _unloaded_key(request: HttpRequest, row: OIDCSession | None) -> str:
    """Return the cookie's session key if Django did not find the session, but it may exist."""
    # Maybe a cache is down, or the session has expired and still has a row.
    key = engines.cookie_key(request)
    may_exist = engines.can_hide() or (row is not None and row.session_key == key)
    return key if may_exist and key != request.session.session_key else ""


def _remove_current(row: OIDCSession | None, ended: EndedSession) -> None:
    if row is None:  # it does not exist, or could not be read
        index.remove_row_of(ended)
        return
    _, failed = _remove_rows([row])
    if failed:
        logger.error("Could not remove the row of an ended session, run oidc_logout_clear_sessions")


def _log_out(request: HttpRequest, ended: EndedSession) -> None:
    """Send `user_logged_out`. Receivers can read the session, which no longer exists."""
    session, request.session = request.session, ended
    try:
        with sql.savepoints():
            auth.logout(request)
    except Exception:  # the person is signed out
        logger.exception("A receiver of user_logged_out failed, the session ends anyway")
    finally:
        request.session, request.user = session, AnonymousUser()


def end_before_logout(request: HttpRequest) -> None:
    """End a session that other code is about to flush, unless a receiver raises before that.

    The session would live on without a row, and nothing could end it. Its data stays readable.
    """
    session = request.session
    if not entry.row_key(session):
        return
    try:
        with sql.savepoints():
            if not engines.in_cookies():
                session.delete()
    except Exception:  # every store raises its own exceptions; the row stays, as in `end_current`
        logger.exception("Could not delete a session that other code signs out, its row remains")
    else:
        index.remove_row_of(session)


def announce(signal: Signal, **arguments: Any) -> None:
    """Send a signal of the package. A receiver that fails does not break an open transaction."""
    try:
        with sql.savepoints():
            signal.send_robust(**arguments)
    except Error:
        logger.exception("A signal receiver's query failed, the receivers' changes are undone")


def end_rows(rows: Iterable[OIDCSession], *, reason: str) -> int:
    """End the session of each row and send `session_ended`. Return how many ended.

    Each ended row loses its primary key, as after Django's `delete()`.

    Raises:
        SessionsNotEnded: the index or a session store failed. The other sessions have ended.
    """
    try:
        with sql.savepoints():
            found = list(rows)
    except Error as exc:
        raise SessionsNotEnded(ended=0, failed=1) from exc
    count = failed = 0
    for batch in index.batches(found):
        ended, not_ended = _end_batch(batch)
        for row in ended:
            announce(session_ended, sender=type(row), session=row, reason=reason)
        count, failed = count + len(ended), failed + not_ended
    if failed:
        raise SessionsNotEnded(ended=count, failed=failed)
    return count


def end_removed(rows: Sequence[OIDCSession], *, reason: str) -> None:
    """End the sessions of rows that have been deleted with their user, and send `session_ended`.

    Raises:
        SessionsNotEnded: a session store failed. The other sessions have ended.
    """
    ended: list[OIDCSession] = []
    for batch in index.batches(rows):
        deleted, _ = _try(_delete_sessions, batch)
        index.remove(deleted)  # if the index is in another database
        _try(_delete_again, deleted)
        ended += deleted
    for row in ended:
        row.pk = None
        session_ended.send_robust(sender=type(row), session=row, reason=reason)
    if failed := len(rows) - len(ended):
        raise SessionsNotEnded(ended=len(ended), failed=failed)


def _end_batch(rows: Sequence[OIDCSession]) -> tuple[list[OIDCSession], int]:
    """End the sessions of some rows. A failure is logged and does not affect the others.

    Returns:
        The rows whose session ended through this call and not through a concurrent one, and the
        number of failures.
    """
    deleted, not_deleted = _try(_delete_sessions, rows)
    ended, failed = _remove_rows(deleted)
    return ended, len(not_deleted) + failed


def _remove_rows(rows: Sequence[OIDCSession]) -> tuple[list[OIDCSession], int]:
    """Remove the rows of deleted sessions. End a session whose key changed in the meantime."""
    removed, not_removed = _try(index.remove, rows)
    ended, not_deleted_again = _try(_delete_again, removed)
    changed, not_found = _try(index.with_changed_key, _without([*removed, *not_removed], rows))
    for row in ended:
        row.pk = None
    others, others_failed = _end_batch(changed) if changed else ([], 0)
    failed = len([*not_removed, *not_deleted_again, *not_found]) + others_failed
    return ended + others, failed


def _without(excluded: list[OIDCSession], rows: Sequence[OIDCSession]) -> list[OIDCSession]:
    keys = {row.pk for row in excluded}
    return [row for row in rows if row.pk not in keys]


def _delete_sessions(rows: Sequence[OIDCSession]) -> Sequence[OIDCSession]:
    engines.delete(*(row.session_key for row in rows))
    return rows


def _delete_again(rows: Sequence[OIDCSession]) -> Sequence[OIDCSession]:
    engines.delete_again(*(row.session_key for row in rows))
    return rows


def _try(step: Step, rows: Sequence[OIDCSession]) -> tuple[list[OIDCSession], list[OIDCSession]]:
    """Run a step for all rows at once, or, if that fails, for each row.

    Returns:
        The step's result, and the rows for which it failed.
    """
    if not rows:
        return [], []
    try:
        with sql.savepoints():
            return list(step(rows)), []
    except Exception as exc:  # every store raises its own exceptions; the other sessions must end
        if len(rows) == 1:
            logger.exception("Could not end a session: issuer=%s", rows[0].issuer)
            return [], [*rows]
        logger.warning("Could not end sessions together, ending each: error=%s", type(exc).__name__)
    results = [_try(step, [row]) for row in rows]
    return [row for done, _ in results for row in done], [row for _, f in results for row in f]
