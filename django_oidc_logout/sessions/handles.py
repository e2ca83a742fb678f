"""Handles: a random name for each session, with which other code can find what belongs to it.

A session keeps its handle when its key changes, and when its row follows it to another user. A
handle does not give access to the session, so it may be sent to other processes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.crypto import get_random_string

from . import sql

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.contrib.sessions.backends.base import SessionBase
    from django.http import HttpRequest

    from ..models import OIDCSession

HANDLE = "_oidc_logout_handle"
LENGTH = 32


def session_handle(session: SessionBase | Mapping[str, Any]) -> str:
    """Return a session's handle, or the empty string if nobody has signed in to it.

    The handle stays the same for as long as the session lives, even if its key changes. The signals
    `signed_out` and `session_ended` carry it, so code can find what belongs to the session.
    """
    handle = session.get(HANDLE)
    return handle if isinstance(handle, str) else ""


def ensure(session: SessionBase) -> str:
    """Return a session's handle. Create it if it is missing."""
    if not session_handle(session):
        session[HANDLE] = get_random_string(LENGTH)
    return session_handle(session)


def carry_over(session: SessionBase, row: OIDCSession) -> None:
    """Give the handle of a row to the session that continues the row's session."""
    row.handle = row.handle or ensure(session)
    session[HANDLE] = row.handle


def of_request(request: HttpRequest, row: OIDCSession | None) -> str:
    """Return the handle of the request's session, from its row if it is known. Do not raise."""
    if row is not None:
        return row.handle
    try:
        with sql.savepoints():
            return session_handle(request.session)
    except Exception:  # noqa: BLE001  # every store raises its own; `index.current` logs it
        return ""
