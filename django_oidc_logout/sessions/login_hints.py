"""A name by which the provider may know the person, where an ID Token does not contain it.

It is kept in the session, because the index does not keep names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import entry

if TYPE_CHECKING:
    from django.contrib.sessions.backends.base import SessionBase


def of(session: SessionBase) -> str | None:
    """Return the name that the claims of a sign-in gave, or the empty string if they lacked one.

    It is None if the sign-in had an ID Token, or if nothing was noted.
    """
    return str(session[entry.LOGIN_HINT]) if entry.LOGIN_HINT in session else None


def mark(session: SessionBase, hint: str | None) -> None:
    """Note in a session what `of` returns."""
    if hint is not None:
        session[entry.LOGIN_HINT] = hint
    else:
        session.pop(entry.LOGIN_HINT, None)


def carry_over(session: SessionBase) -> None:
    """Give a session the name that was noted in the session that it continues."""
    if (hint := entry.flushed(session).login_hint) is not None:
        mark(session, hint)
