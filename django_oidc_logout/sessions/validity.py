"""Sessions that Django no longer accepts: the user's password has changed, or the user is inactive.

Django notices this only at the session's next request. Until then, the session and its row remain.
The account page, the admin and `oidc_logout_clear_sessions` end such sessions.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.contrib import auth
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.utils.crypto import constant_time_compare

from ..codes import EndedCode, LogCode
from ..conf import conf
from ..exceptions import SessionsNotEnded
from . import end, engines, gone, index

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.sessions.backends.base import SessionBase

    from ..models import OIDCSession

logger = logging.getLogger("django_oidc_logout")


def is_accepted(session: SessionBase) -> bool:
    """Return whether Django finds a user who is signed in to a session.

    Django's own `get_user` would change the session. It flushes a session that it rejects. It gives
    a session a new key if only a fallback of the secret key accepts it.
    """
    path = str(session.get(auth.BACKEND_SESSION_KEY))
    if auth.SESSION_KEY not in session or path not in conf.raw("AUTHENTICATION_BACKENDS", []):
        return False
    try:
        user_id = get_user_model()._meta.pk.to_python(session[auth.SESSION_KEY])
    except ValidationError:
        return False
    user = auth.load_backend(path).get_user(user_id)
    return user is not None and _has_valid_hash(user, session)


def is_of(session: SessionBase | Mapping[str, Any], user: AbstractBaseUser) -> bool:
    """Return whether a session is a user's. `request.user` may be somebody who is impersonated."""
    return bool(session.get(auth.SESSION_KEY) == user._meta.pk.value_to_string(user))


def _has_valid_hash(user: AbstractBaseUser, session: SessionBase | Mapping[str, Any]) -> bool:
    """Return whether a session's hash is that of the user's password, as Django checks it."""
    if not hasattr(user, "get_session_auth_hash"):
        return True
    session_hash = session.get(auth.HASH_SESSION_KEY) or ""
    valid = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(session_hash, one) for one in valid)


def end_invalid(rows: Sequence[OIDCSession]) -> list[OIDCSession]:
    """End those sessions that Django no longer accepts, and return their rows.

    A failure is logged. The rows' users must be loaded.
    """
    try:
        found = _invalid(rows)
    except Exception:  # every store raises its own exceptions, and the page must be shown
        logger.exception(
            "Could not check sessions against their users, check the session store",
            extra=LogCode.USERS_NOT_CHECKED.extra(),
        )
        return []
    with suppress(SessionsNotEnded):  # it is logged
        end.end_groups(found)
    return [row for _, rows in found for row in rows]


def clear() -> int:
    """End all sessions that Django no longer accepts. Return how many ended.

    Raises:
        SessionsNotEnded: a session store failed. The other sessions have ended.
        Exception: any exception of the session store while it is read.
    """
    rows = index.matching().select_related("user")
    found = [row.pk for page in index.pages(rows) for _, group in _invalid(page) for row in group]
    if found:
        gone.pause()
    again = (list(rows.filter(pk__in=keys)) for keys in index.batches(found))
    return end.end_groups(group for batch in again for group in _invalid(batch))


def end_if_password_changed(rows: Sequence[OIDCSession], user: AbstractBaseUser) -> int:
    """End those of a user's sessions that do not have the hash of the new password.

    Cookies cannot be read here, so all sessions in cookies end.

    Raises:
        SessionsNotEnded: a session store failed. The other sessions have ended.
        Exception: any exception of the session store while it is read.
    """
    if not hasattr(user, "get_session_auth_hash"):
        return 0
    for row in rows:
        if row.user_id == user.pk:
            row.user = user  # type: ignore[assignment]  # the site's user model
    if engines.in_cookies():
        return end.end_rows(rows, code=EndedCode.PASSWORD_CHANGED)
    return end.end_groups(group for batch in index.batches(rows) for group in _invalid(batch, user))


def _invalid(
    rows: Sequence[OIDCSession], user: AbstractBaseUser | None = None
) -> list[tuple[EndedCode, list[OIDCSession]]]:
    """Return the rows of sessions that Django no longer accepts, grouped by the reason.

    `user` is the user of the sessions, by default that of each row.
    """
    sessions = engines.read(row.session_key for row in rows)
    found: dict[EndedCode, list[OIDCSession]] = {}
    for row in rows:
        if code := _code(row, user or row.user, sessions.get(row.session_key, {})):
            found.setdefault(code, []).append(row)
    return list(found.items())


def _code(
    row: OIDCSession, user: AbstractBaseUser | None, session: Mapping[str, Any]
) -> EndedCode | None:
    """Return why Django no longer accepts a user's session, or None.

    A session without a hash is still being created. If the session has another user, the row's user
    acts as them.
    """
    if user is None:
        is_deleted = row.user_id is not None and conf.OIDC_LOGOUT_FOLLOW_USER
        return EndedCode.USER_DELETED if is_deleted else None
    if conf.OIDC_LOGOUT_FOLLOW_USER and not getattr(user, "is_active", True):
        return EndedCode.USER_DEACTIVATED
    is_theirs = is_of(session, user)
    if is_theirs and auth.HASH_SESSION_KEY in session and not _has_valid_hash(user, session):
        return EndedCode.PASSWORD_CHANGED
    return None


def missing(rows: Sequence[OIDCSession]) -> list[OIDCSession]:
    """Return the rows of sessions that their store does not have. The clear command removes them.

    A session may be missing for a moment while `login()` changes its key. A failure is logged.
    Sessions in cookies do not count as missing, because the server cannot look for them.
    """
    if engines.in_cookies():
        return []
    try:
        return gone.without_session(rows)
    except Exception:  # every store raises its own exceptions, and the page must be shown
        logger.exception(
            "Could not check whether sessions exist, check the session store",
            extra=LogCode.EXISTENCE_NOT_CHECKED.extra(),
        )
        return []
