"""Ending sessions from elsewhere: the session, then its row, then the session once more.

While a row is there, its end can be tried again. Once it is gone, no request keeps the session (see
`binding`); what a request was saving in between is what is deleted the second time.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from . import engines, index

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .models import OIDCSession

    Step = Callable[[Sequence[OIDCSession]], Sequence[OIDCSession]]

logger = logging.getLogger(__name__)


def end(rows: Sequence[OIDCSession]) -> tuple[list[OIDCSession], int]:
    """End the sessions of some rows, at most a batch of the index, wherever they are.

    A failure is logged, and keeps no other session from ending.

    Returns:
        The rows whose session ended by this call and not by another one at the same time, without
        their primary key, as Django does with what it has deleted; and how many could not be ended.
    """
    deleted, not_deleted = _try(_delete_sessions, rows)
    ended, failed = _finish(deleted)
    return ended, len(not_deleted) + failed


def settle(row: OIDCSession) -> None:
    """Do the rest of a row's end, once its own request has deleted the session.

    A failure is logged: the session is gone.
    """
    _, failed = _finish([row])
    if failed:
        logger.error("A session has ended, but its row remains for clear_oidc_sessions")


def _finish(rows: Sequence[OIDCSession]) -> tuple[list[OIDCSession], int]:
    removed, not_removed = _try(index.remove, rows)
    ended, not_deleted_again = _try(_delete_again, removed)
    moved, not_found = _try(index.moved, _without([*removed, *not_removed], rows))
    for row in ended:
        row.pk = None
    followed, not_followed = end(moved) if moved else ([], 0)
    failed = len([*not_removed, *not_deleted_again, *not_found]) + not_followed
    return ended + followed, failed


def _without(some: list[OIDCSession], rows: Sequence[OIDCSession]) -> list[OIDCSession]:
    keys = {row.pk for row in some}
    return [row for row in rows if row.pk not in keys]


def _delete_sessions(rows: Sequence[OIDCSession]) -> Sequence[OIDCSession]:
    engines.delete(*(row.session_key for row in rows))
    return rows


def _delete_again(rows: Sequence[OIDCSession]) -> Sequence[OIDCSession]:
    engines.delete_again(*(row.session_key for row in rows))
    return rows


def _try(step: Step, rows: Sequence[OIDCSession]) -> tuple[list[OIDCSession], list[OIDCSession]]:
    """Take a step with all rows at once, or, if that fails, with each.

    Returns:
        What the step returned, and the rows for which it failed.
    """
    if not rows:
        return [], []
    try:
        return list(step(rows)), []
    except Exception as exc:  # each store raises its own; the other sessions end all the same
        if len(rows) == 1:
            logger.exception("A session could not be ended: issuer=%s", rows[0].issuer)
            return [], [*rows]
        logger.warning("Sessions cannot be ended all at once: error=%s", type(exc).__name__)
    results = [_try(step, [row]) for row in rows]
    return [row for done, _ in results for row in done], [row for _, f in results for row in f]
