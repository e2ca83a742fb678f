"""Rows whose session no longer exists, as far as anybody can tell.

A request may be about to give a row its new session, so whoever removes such rows waits first.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from ..conf import conf
from . import engines, index

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..models import OIDCSession

PAUSE = 2  # seconds


def find() -> list[OIDCSession]:
    """Return the rows whose session no longer exists.

    The server cannot look for a session in a cookie, so it counts as gone if nobody has used it for
    twice its lifetime.

    Raises:
        Exception: any exception of the session store, or of the index.
    """
    if engines.in_cookies():
        long_ago = timezone.now() - timedelta(seconds=conf.SESSION_COOKIE_AGE)
        return list(index.matching().filter(expires_at__lt=long_ago))
    rows = [row for page in index.pages(index.matching()) for row in without_session(page)]
    if rows:
        pause()
    return rows


def pause() -> None:
    """Give requests the time to finish what makes a session seem to be over.

    `login()` as another user deletes a session just before its row follows. A view that changes a
    password saves the user just before its own session.
    """
    time.sleep(PAUSE)


def without_session(rows: Sequence[OIDCSession]) -> list[OIDCSession]:
    """Return the rows whose session their store does not have. Not for sessions in cookies.

    A session without data counts as existing, because `login()` creates it first, and its data is
    saved at the end of the request.

    Raises:
        Exception: any exception of the session store.
    """
    existing = engines.read(row.session_key for row in rows)
    return [row for row in rows if row.session_key not in existing]
