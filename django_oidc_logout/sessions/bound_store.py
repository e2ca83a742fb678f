"""Session stores whose sessions live only as long as their row.

A session on the server is deleted together with its row, but a concurrent request may save it
again. If a session is in a cookie, the site can delete only its row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..conf import conf
from . import engines, entry, index, lifetime, stores, validity

if TYPE_CHECKING:
    from django.contrib.sessions.backends.base import SessionBase
    from django.http import HttpRequest


def bind(request: HttpRequest) -> None:
    """Bind the request's session to its row, if it has one."""
    session = request.session
    if not isinstance(session, stores.BOUND):  # it is if the middleware is listed twice
        session.__class__ = stores.bound(session.__class__)
        entry.note_arrival(session)
    if session.accessed:
        _flush_if_ended(request, is_in_cookie=isinstance(session, stores.InCookie))


def follow(request: HttpRequest) -> None:
    """Write the session's new key into its row, or flush the session if the row is gone."""
    if entry.key_has_changed(request.session) and index.change_key(request.session) is False:
        entry.flush(request)


def is_alive(request: HttpRequest) -> bool:
    """Return whether the request's user is signed in, without using or extending the session.

    A status request must not count as use. So its session is replaced by an empty one, which
    Django's middleware neither saves nor sends to the browser.
    """
    key = request.session.session_key
    if key != request.COOKIES.get(conf.SESSION_COOKIE_NAME):
        # It has ended or changed its key during this request, and the browser must learn that.
        return validity.is_accepted(request.session)
    request.session = engines.store()(key)
    bind(request)
    is_signed_in = validity.is_accepted(request.session)
    request.session = engines.store()()
    request.COOKIES.pop(conf.SESSION_COOKIE_NAME, None)
    return is_signed_in


def _flush_if_ended(request: HttpRequest, *, is_in_cookie: bool) -> None:
    """Flush a session if it has ended and other code loaded it before the middleware."""
    session = request.session
    if lifetime.is_overdue(session):
        setattr(session, index.OVERDUE, lifetime.end_overdue(session, session.session_key or ""))
        entry.flush(request)
    elif is_in_cookie and stores.has_ended(entry.row_key(session)):
        entry.flush(request)


def was_not_cached(session: SessionBase) -> bool:
    """Return whether `cached_db` found a session in the database only: its cache may be down."""
    return getattr(session, "is_from_database", False)


def was_overdue(session: SessionBase) -> bool:
    """Return whether this request found that a session has reached its end."""
    return hasattr(session, index.OVERDUE)
