"""Login hints: names by which the provider may know people whose ID Token was not kept.

A login hint is in the session, because the index does not store names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import entry, flushed

if TYPE_CHECKING:
    from django.contrib.sessions.backends.base import SessionBase


def of(session: SessionBase) -> str | None:
    """Return the name in the claims of the sign-in, or the empty string if they lacked one.

    It is None if the sign-in had an ID Token, or if the session does not have a hint.
    """
    return str(session[entry.LOGIN_HINT]) if entry.LOGIN_HINT in session else None


def mark(session: SessionBase, hint: str | None) -> None:
    """Store in a session what `of` returns."""
    if hint is not None:
        session[entry.LOGIN_HINT] = hint
    else:
        session.pop(entry.LOGIN_HINT, None)


def carry_over(session: SessionBase) -> None:
    """Give a session the name that the session before it had."""
    if (hint := flushed.of(session).login_hint) is not None:
        mark(session, hint)
