"""Ending sessions on every device. See `end_own` for the request's own session.

A session ends in three steps: delete the session, remove its row, delete the session again. While
the row exists, the end can be repeated. Once it is removed, a request cannot keep the session (see
`bound_store`). The second deletion removes what it saved before. If that fails, the row stays.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db import Error

from ..codes import EndedCode, LogCode
from ..exceptions import SessionsNotEnded
from ..framework import batching
from ..signals import session_ended
from . import engines, gone, index, sql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser
    from django.dispatch import Signal

    from ..models import OIDCSession

    Step = Callable[[Sequence[OIDCSession]], Sequence[OIDCSession]]

logger = logging.getLogger("django_oidc_logout")


def announce(signal: Signal, **arguments: Any) -> None:
    """Send a signal of the package. A receiver that fails does not break an open transaction.

    What receivers defer is done after the savepoints, so that another receiver's failure does not
    undo it.
    """
    try:
        with batching.batch_or_join(), sql.savepoints():
            signal.send_robust(**arguments)
    except Error:
        logger.exception(
            "A signal receiver's query failed, the receivers' changes are undone",
            extra=LogCode.RECEIVER_QUERY_FAILED.extra(),
        )


def end_rows(
    rows: Iterable[OIDCSession],
    *,
    code: EndedCode,
    actor: AbstractBaseUser | AnonymousUser | None = None,
    reason: str = "",
) -> int:
    """End the session of each row and send `session_ended`. Return how many ended.

    Each ended row loses its primary key, as after Django's `delete()`.

    Args:
        rows: the rows.
        code: why.
        actor: the user who ends them, or None.
        reason: a sentence to use instead of the code's.

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
        _announce_ends(ended, code, actor, reason)
        count, failed = count + len(ended), failed + not_ended
    if failed:
        raise SessionsNotEnded(ended=count, failed=failed)
    return count


def _announce_ends(rows: Sequence[OIDCSession], *about: Any) -> None:
    left = iter(rows)
    with batching.batch():
        try:
            for row in left:
                _announce_end(row, *about)
        finally:  # even if a receiver is interrupted: these sessions have ended
            for row in left:
                _announce_end(row, *about)


def _announce_end(
    row: OIDCSession,
    code: EndedCode,
    actor: AbstractBaseUser | AnonymousUser | None = None,
    reason: str = "",
) -> None:
    announce(
        session_ended,
        sender=type(row),
        session=row,
        reason=reason or code.sentence,
        code=code,
        actor=actor,
        source=code.source,
        handle=row.handle,
    )


def end_groups(groups: Iterable[tuple[EndedCode, Iterable[OIDCSession]]]) -> int:
    """End the sessions of each group of rows, with the group's code. Return how many ended.

    Raises:
        SessionsNotEnded: the index or a session store failed. The other sessions have ended.
    """
    count = failed = 0
    for code, rows in groups:
        try:
            count += end_rows(rows, code=code)
        except SessionsNotEnded as exc:
            count, failed = count + exc.ended, failed + exc.failed
    if failed:
        raise SessionsNotEnded(ended=count, failed=failed)
    return count


def clear_gone() -> int:
    """Remove the rows whose session no longer exists. Return how many were removed.

    `cached_db` finds a session in its cache even if the database no longer has it, so the session
    is deleted before its row is removed.

    Raises:
        SessionsNotEnded: some rows could not be removed.
        Exception: any exception of the session store while it is read, or of the index.
    """
    removed: list[OIDCSession] = []
    failed = 0
    for batch in index.batches(gone.find()):
        deleted, not_deleted = _try(_delete_sessions, batch)
        done, not_removed = _try(index.remove, deleted)
        removed += done
        failed += len(not_deleted) + len(not_removed)
    announce_gone(removed)
    if failed:
        raise SessionsNotEnded(ended=len(removed), failed=failed)
    return len(removed)


def announce_gone(rows: Sequence[OIDCSession], code: EndedCode = EndedCode.GONE) -> int:
    """Send `session_ended` for rows that have been removed. Return how many there are."""
    for row in rows:
        row.pk = None
    for batch in index.batches(rows):
        _announce_ends(batch, code)
    return len(rows)


def end_removed(rows: Sequence[OIDCSession], *, code: EndedCode) -> None:
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
    announce_gone(ended, code)
    if failed := len(rows) - len(ended):
        raise SessionsNotEnded(ended=len(ended), failed=failed)


def _end_batch(rows: Sequence[OIDCSession]) -> tuple[list[OIDCSession], int]:
    """End the sessions of some rows. A failure is logged and does not affect the others.

    Returns:
        The rows whose session ended through this call and not through a concurrent one, and the
        number of failures.
    """
    deleted, not_deleted = _try(_delete_sessions, rows)
    ended, failed = remove_rows(deleted)
    return ended, len(not_deleted) + failed


def remove_rows(rows: Sequence[OIDCSession]) -> tuple[list[OIDCSession], int]:
    """Remove the rows of deleted sessions. Return those that ended, and the number of failures.

    If the key of a session has changed in the meantime, end the session.
    """
    removed, not_removed = _try(index.remove, rows)
    ended, not_deleted_again = _try(_delete_again, removed)
    _try(index.restore, not_deleted_again)
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
            logger.exception(
                "Could not end a session: issuer=%s",
                rows[0].issuer,
                extra=LogCode.SESSION_NOT_ENDED.extra(provider=rows[0].provider),
            )
            return [], [*rows]
        logger.warning(
            "Could not end sessions together, ending each: error=%s",
            type(exc).__name__,
            extra=LogCode.BATCH_NOT_ENDED.extra(),
        )
    results = [_try(step, [row]) for row in rows]
    return [row for done, _ in results for row in done], [row for _, f in results for row in f]
