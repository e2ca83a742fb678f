"""What the package stores in a Django session, and what it reads there.

A session that began with a sign-in through a provider has an entry: the key of its row in the
index, a fingerprint of its ID Token, the expiry date in its row, and when it was last seen. The key
is the session key. For signed cookies, whose session key is the data itself, the key is random.
"""

from __future__ import annotations

import hashlib
import logging
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import auth
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import VALID_KEY_CHARS
from django.utils import timezone
from django.utils.crypto import get_random_string

from ..codes import LogCode
from ..conf import conf
from . import engines, origin, sql

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.sessions.backends.base import SessionBase
    from django.http import HttpRequest

logger = logging.getLogger("django_oidc_logout")

ENTRY = "_oidc_logout"
PROVIDER = "_oidc_logout_provider"
ENDS_AT = "_oidc_logout_ends_at"
LOGIN_HINT = "_oidc_logout_login_hint"
ENTRY_TYPES = {"key": str, "token": str, "until": float, "seen": float}
HOUR = 60 * 60  # seconds
MOZILLA_ID_TOKEN = "oidc_id_token"  # noqa: S105  # the name of a session key
CLOCK_STEP = 1  # second
FLUSHED = "_oidc_logout_flushed"
"""The attribute of a session with what it contained when this request flushed it."""
ARRIVED = "_oidc_logout_arrived"


def row_key(session: SessionBase | Mapping[str, Any]) -> str:
    """Return the `session_key` of a session's row, or the empty string."""
    return str(_entry(session).get("key", ""))


def _entry(session: SessionBase | Mapping[str, Any]) -> dict[str, Any]:
    """Return a session's entry, or an empty one if other code has put something else there."""
    entry = session.get(ENTRY)
    if isinstance(entry, dict) and {k: type(v) for k, v in entry.items()} == ENTRY_TYPES:
        return entry
    return {}


def final_key(session: SessionBase) -> str:
    """Return the key for a session's row, which does not change from now on."""
    if engines.in_cookies():
        return row_key(session) or get_random_string(32, VALID_KEY_CHARS)
    if not session.session_key:
        session.save()  # auth.login() flushed the session, and only a save creates a key
    return str(session.session_key)


def ends_at(session: SessionBase | Mapping[str, Any]) -> float | None:
    """Return when a session ends even if it is in use, in seconds since the epoch, or None."""
    value = session.get(ENDS_AT)
    return value if isinstance(value, float) else None


def limit(session: SessionBase, ends_at: float | None) -> None:
    """Store in a session when it ends even if it is in use. None removes the limit."""
    if ends_at is not None:
        session[ENDS_AT] = ends_at
    else:
        session.pop(ENDS_AT, None)


def expiry_date(session: SessionBase) -> datetime:
    """Return when a session expires if nobody uses it again."""
    expires, end = session.get_expiry_date(), ends_at(session)
    return expires if end is None else min(expires, moment(end))


def moment(seconds: float) -> datetime:
    """Return a time as Django stores it: aware, or naive if `USE_TZ` is off."""
    return datetime.fromtimestamp(seconds, timezone.now().tzinfo)


def mark_recorded(session: SessionBase, key: str, id_token: str) -> None:
    """Store in a session the key of its row, the ID Token's fingerprint, and the expiry date."""
    token = _fingerprint(mozilla_id_token(session) or id_token)  # mozilla's may be an older one
    until, seen = expiry_date(session).timestamp(), time.time()
    session[ENTRY] = {"key": key, "token": token, "until": until, "seen": seen}


def will_be_saved(session: SessionBase) -> bool:
    """Return whether this request changes a session or lets it last longer."""
    return session.modified or conf.SESSION_SAVE_EVERY_REQUEST


def expiry_differs(session: SessionBase) -> bool:
    """Return whether the row needs a new expiry date, or a new time when the session was seen.

    To save writes, a later expiry date counts only if it adds half the session's lifetime. An
    earlier one counts, because some login libraries shorten a session after `login()`.
    """
    if not (entry := _entry(session)):
        return False
    gained: float = expiry_date(session).timestamp() - entry["until"]
    is_other = gained > session.get_expiry_age() / 2 or gained < -CLOCK_STEP
    return is_other or was_seen_long_ago(session)


def loaded(session: SessionBase) -> dict[str, Any]:
    """Return what a session contains, or {} if the request has not loaded it."""
    return getattr(session, "_session_cache", None) or {}


def was_seen_long_ago(session: SessionBase) -> bool:
    """Return whether a loaded session has a row that says that it was seen over an hour ago."""
    if not (data := loaded(session)):
        return False
    now = time.time()
    return bool(now - _entry(data).get("seen", now) > HOUR)


def mark_expiry(session: SessionBase) -> None:
    """Store in a session that its row has the new expiry date, and when it was last seen."""
    until = expiry_date(session).timestamp()
    session[ENTRY] = {**session[ENTRY], "until": until, "seen": time.time()}


def key_has_changed(session: SessionBase) -> bool:
    """Return whether the key of a recorded session has changed."""
    key = row_key(session)
    return bool(key) and not engines.in_cookies() and key != session.session_key


def mark_key(session: SessionBase) -> None:
    """Store in a session that its row has the new key."""
    session[ENTRY] = {**session[ENTRY], "key": session.session_key}


def note_arrival(session: SessionBase) -> None:
    """Remember the session key of the request. Loading a session that is missing removes it."""
    setattr(session, ARRIVED, session.session_key or "")


def arrived_key(session: SessionBase) -> str:
    """Return the session key that `note_arrival` remembered, or the empty string."""
    return str(getattr(session, ARRIVED, ""))


def forget_flush(session: SessionBase) -> None:
    """Forget what an ended session contained. A later `login()` begins a new session."""
    session.__dict__.pop(FLUSHED, None)


def new_id_token(session: SessionBase | Mapping[str, Any]) -> str:
    """Return the ID Token that mozilla stored after the recording, or the empty string."""
    entry, id_token = _entry(session), mozilla_id_token(session)
    return id_token if entry and id_token and entry["token"] != _fingerprint(id_token) else ""


def _fingerprint(id_token: str) -> str:
    return hashlib.sha256(id_token.encode(errors="surrogatepass")).hexdigest()[:16]


def mozilla_id_token(session: SessionBase | Mapping[str, Any]) -> str:
    """Return the ID Token that mozilla-django-oidc stored in a session, or the empty string."""
    return str(session.get(MOZILLA_ID_TOKEN) or "")


def mark_provider(session: SessionBase, alias: str = "") -> None:
    """Store in a session that a provider began it. Call it before the sign-in can fail."""
    session[PROVIDER] = alias


def provider_alias(session: SessionBase | Mapping[str, Any]) -> str | None:
    """Return the alias of the provider that began a session; None if it was not stored.

    It is empty if a provider began the session but the alias is unknown.
    """
    return str(session[PROVIDER] or "") if PROVIDER in session else None


def is_from_provider(session: SessionBase | Mapping[str, Any]) -> bool:
    """Return whether a session began with a sign-in through a provider."""
    is_known = bool(row_key(session)) or PROVIDER in session
    return is_known or origin.is_through_provider(session)


def is_signed_in(session: SessionBase | Mapping[str, Any]) -> bool:
    """Return whether somebody is signed in."""
    return auth.SESSION_KEY in session


def signed_in_user(request: HttpRequest) -> AbstractBaseUser | None:
    """Return the user who is signed in, or None."""
    user = request.user if hasattr(request, "user") else auth.get_user(request)
    return user if user is not None and user.is_authenticated else None


def known_user(request: HttpRequest) -> AbstractBaseUser | None:
    """Return the user who is signed in, or None if nobody is or the user cannot be loaded."""
    try:
        with sql.savepoints():
            return signed_in_user(request)
    except Exception:  # a failing session store or backend must not prevent the sign-out
        logger.exception(
            "Could not load the signed-in user, signing out without a name",
            extra=LogCode.USER_NOT_LOADED.extra(),
        )
        return None


def flush(request: HttpRequest) -> None:
    """End the request's session without sending a signal."""
    request.session.flush()
    forget_flush(request.session)
    request.user = AnonymousUser()
    request.auser = _nobody


async def _nobody() -> AnonymousUser:
    return AnonymousUser()
