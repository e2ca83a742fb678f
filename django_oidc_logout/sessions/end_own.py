"""Ending the request's own session.

It is deleted before any code of the site is called, because that code may raise anything, or never
return.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.contrib import auth
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase

from ..codes import LogCode
from ..framework.request_scope import unwrapped
from . import bound_store, end, engines, entry, index, sql

if TYPE_CHECKING:
    from django.http import HttpRequest

    from ..models import OIDCSession

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
        """Return an empty dict."""
        return {}

    def create(self) -> None:
        """Do nothing."""

    def save(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002  # Django's signature
        """Do nothing."""

    def delete(self, session_key: str | None = None) -> None:
        """Do nothing."""


def end_current(request: HttpRequest, row: OIDCSession | None) -> bool:
    """Sign the request's session out and remove its row, even if receivers or the store raise.

    Returns:
        Whether the session is gone. If the store fails, the browser forgets the session, but the
        row remains, so that the session can be ended from elsewhere.
    """
    ended, is_gone = EndedSession(), False
    try:
        with sql.savepoints():
            ended = EndedSession(request.session.session_key, dict(request.session.items()))
            _delete_current(request, row)
        is_gone = True
    except Exception:  # every store raises its own exceptions, and the person must be signed out
        logger.exception(
            "Could not delete a session, the browser will forget it",
            extra=LogCode.SESSION_NOT_DELETED.extra(),
        )
        unwrapped(request).session = engines.store()()
    if is_gone:
        _remove_current(row, ended)
    _log_out(request, ended)
    return is_gone


def _delete_current(request: HttpRequest, row: OIDCSession | None) -> None:
    unloaded_key, key = _unloaded_key(request, row), request.session.session_key
    request.session.flush()
    entry.forget_flush(request.session)
    if key:
        engines.delete_unreplicated(engines.store(), key)
    if bound_store.was_not_cached(request.session):
        engines.require_cache(engines.store())
    if unloaded_key:
        engines.delete(unloaded_key)


def _unloaded_key(request: HttpRequest, row: OIDCSession | None) -> str:
    """Return the cookie's session key if Django did not find the session, but it may exist."""
    # A cache may be down, or the session has expired and still has a row.
    key = engines.cookie_key(request)
    may_exist = engines.can_hide() or (row is not None and row.session_key == key)
    return key if may_exist and key != request.session.session_key else ""


def _remove_current(row: OIDCSession | None, ended: EndedSession) -> None:
    if row is None:  # it does not exist, or could not be read
        index.remove_row_of(ended)
        return
    _, failed = end.remove_rows([row])
    if failed:
        logger.error(
            "Could not remove the row of an ended session, run oidc_logout_clear_sessions",
            extra=LogCode.ROW_NOT_REMOVED.extra(),
        )


def _log_out(request: HttpRequest, ended: EndedSession) -> None:
    """Send `user_logged_out`. Receivers can read the session, which no longer exists."""
    session, request.session = request.session, ended
    try:
        with sql.savepoints():
            auth.logout(request)
    except Exception:  # the person is signed out
        logger.exception(
            "A receiver of user_logged_out failed, the session ends anyway",
            extra=LogCode.RECEIVER_FAILED.extra(),
        )
    finally:
        request.session, request.user = session, AnonymousUser()


def end_before_logout(request: HttpRequest) -> None:
    """End a session that other code is about to flush. Its data stays readable.

    If a receiver raised before the flush, the session would remain without a row, and could not be
    ended.
    """
    session = request.session
    if not entry.row_key(session):
        return
    try:
        with sql.savepoints():
            if not engines.in_cookies():
                session.delete()
                engines.delete_unreplicated(engines.store(), str(session.session_key))
    except Exception:  # every store raises its own exceptions; the row remains, as in `end_current`
        logger.exception(
            "Could not delete a session that other code signs out, its row remains",
            extra=LogCode.OTHER_LOGOUT_NOT_DELETED.extra(),
        )
    else:
        index.remove_row_of(session)
