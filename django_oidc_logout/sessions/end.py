"""Ending sessions: the request's own, and any others, wherever they are.

Another session ends in three steps: delete the session, remove its row, delete the session again.
While the row exists, the end can be repeated. Once it is gone, no request keeps the session (see
`bound_store`); the second deletion removes what a concurrent request saved in between.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.contrib import auth
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import VALID_KEY_CHARS
from django.db import Error

from ..conf import conf
from ..exceptions import SessionsNotEnded
from ..signals import session_ended
from . import engines, entry, index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from django.http import HttpRequest

    from ..models import OIDCSession

    Step = Callable[[Sequence[OIDCSession]], Sequence[OIDCSession]]

logger = logging.getLogger("django_oidc_logout")


def end_current(request: HttpRequest, row: OIDCSession | None) -> bool:
    """Sign the request's session out and remove its row, whatever receivers and the store raise.

    Returns:
        Whether the session is gone. If the store fails, the row stays, so that the session can be
        ended from elsewhere, and the browser forgets the session.
    """
    try:
        _log_out(request)
    except Exception:  # every store raises its own exceptions, and the person must be signed out
        logger.exception("Could not delete a session, the browser will forget it")
        request.session = engines.store()()
        request.user = AnonymousUser()
        return False
    if row is not None:
        _, failed = _remove_rows([row])
        if failed:
            logger.error(
                "Could not remove the row of an ended session, run oidc_logout_clear_sessions"
            )
    return True


def _log_out(request: HttpRequest) -> None:
    request.session.pop(entry.ENTRY, None)
    cookie_key = _unloaded_key(request)
    try:
        auth.logout(request)
    except Exception:  # a failing receiver must not keep the person signed in
        logger.exception("A receiver of user_logged_out failed, the session ends anyway")
        entry.flush(request)
    if cookie_key:
        engines.delete(cookie_key)


def _unloaded_key(request: HttpRequest) -> str:
    """Return the cookie's session key if Django did not find it, maybe because a cache is down."""
    key = request.COOKIES.get(conf.SESSION_COOKIE_NAME, "")
    is_key = hasattr(engines.store(), "cache_key") and not set(key) - set(VALID_KEY_CHARS)
    return key if is_key and key != request.session.session_key else ""


def end_rows(rows: Iterable[OIDCSession], *, reason: str) -> int:
    """End the session of each row and send `session_ended`. Return how many ended.

    Each ended row loses its primary key, as after Django's `delete()`.

    Raises:
        SessionsNotEnded: the index or a session store failed. The other sessions have ended.
    """
    try:
        found = list(rows)
    except Error as exc:
        raise SessionsNotEnded(ended=0, failed=1) from exc
    count = failed = 0
    for batch in index.batches(found):
        ended, not_ended = _end_batch(batch)
        for row in ended:
            session_ended.send_robust(sender=type(row), session=row, reason=reason)
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
        return list(step(rows)), []
    except Exception as exc:  # every store raises its own exceptions; the other sessions must end
        if len(rows) == 1:
            logger.exception("Could not end a session: issuer=%s", rows[0].issuer)
            return [], [*rows]
        logger.warning("Could not end sessions together, ending each: error=%s", type(exc).__name__)
    results = [_try(step, [row]) for row in rows]
    return [row for done, _ in results for row in done], [row for _, f in results for row in f]
