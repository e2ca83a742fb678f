"""What is in Django's sessions.

A session that was signed in through a provider carries an entry: the key under which its row is
filed in the index, and what tells its ID Token from the next. The key is the session's own, or a
random one where that is of no use as a handle (signed_cookies: the key is the data).
"""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING, Any

from django.contrib import auth
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import VALID_KEY_CHARS
from django.utils.crypto import get_random_string

from . import engines
from .conf import conf

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.sessions.backends.base import SessionBase
    from django.http import HttpRequest

logger = logging.getLogger(__name__)

ENTRY = "_oidc_logout"
ENTRY_TYPES = {"key": str, "token": str, "until": float}
NOTED = "_oidc_logout_tokens"
MOZILLA_ID_TOKEN = "oidc_id_token"  # noqa: S105  # where it keeps one, and none itself
MOZILLA_EXPIRATION = "oidc_id_token_expiration"


def filed_key(session: SessionBase | Mapping[str, Any]) -> str:
    """Return the key under which a session's row is filed, or nothing."""
    return str(_entry(session).get("key", ""))


def _entry(session: SessionBase | Mapping[str, Any]) -> dict[str, Any]:
    """Return a session's entry; what anybody else has put in its place is none."""
    entry = session.get(ENTRY)
    if isinstance(entry, dict) and {k: type(v) for k, v in entry.items()} == ENTRY_TYPES:
        return entry
    return {}


def final_key(session: SessionBase) -> str:
    """Return the key under which a session's row is to be filed; the session has it from now on."""
    if engines.in_cookies():
        return filed_key(session) or get_random_string(32, VALID_KEY_CHARS)
    if not session.session_key:
        session.save()  # auth.login() flushed it; a key comes with the first save only
    return str(session.session_key)


def mark_filed(session: SessionBase, key: str, id_token: str) -> None:
    """Note in a session under which key, with which ID Token and until when it is filed."""
    until = session.get_expiry_date().timestamp()
    session[ENTRY] = {"key": key, "token": _fingerprint(id_token), "until": until}


def is_to_be_saved(session: SessionBase) -> bool:
    """Tell whether this request changes a session, or lets it last longer."""
    return session.modified or conf.SESSION_SAVE_EVERY_REQUEST


def has_lengthened(session: SessionBase) -> bool:
    """Tell whether a session now lasts half its life longer than it is filed for."""
    if not (entry := _entry(session)):
        return False
    gained: float = session.get_expiry_date().timestamp() - entry["until"]
    return gained > session.get_expiry_age() / 2


def mark_lengthened(session: SessionBase) -> None:
    """Note in a session that it is filed for as long as it now lasts."""
    session[ENTRY] = {**session[ENTRY], "until": session.get_expiry_date().timestamp()}


def has_moved(session: SessionBase) -> bool:
    """Tell whether a session that is in the index has another key than it is filed under."""
    key = filed_key(session)
    return bool(key) and not engines.in_cookies() and key != session.session_key


def mark_moved(session: SessionBase) -> None:
    """Note in a session that its row is filed under its present key."""
    session[ENTRY] = {**session[ENTRY], "key": session.session_key}


def unseen_id_token(session: SessionBase) -> str:
    """Return the ID Token that mozilla stored in a session since it was filed, or nothing."""
    entry, id_token = _entry(session), mozilla_id_token(session)
    return id_token if entry and id_token and entry["token"] != _fingerprint(id_token) else ""


def _fingerprint(id_token: str) -> str:
    return hashlib.sha256(id_token.encode(errors="surrogatepass")).hexdigest()[:16]


def mozilla_id_token(session: SessionBase) -> str:
    """Return the ID Token that mozilla-django-oidc stored in a session, or nothing."""
    return str(session.get(MOZILLA_ID_TOKEN) or "")


def by_provider(session: SessionBase) -> bool:
    """Tell whether a session was signed in through a provider: it was filed, or mozilla's mark."""
    return bool(filed_key(session)) or MOZILLA_EXPIRATION in session


def note_tokens(request: HttpRequest, **tokens: str | None) -> None:
    """Keep the tokens of a sign-in on its request, until the session is final."""
    setattr(request, NOTED, tokens)


def take_tokens(request: HttpRequest) -> dict[str, Any] | None:
    """Return the arguments for `remember_login`: as noted, or as mozilla stored them."""
    noted: dict[str, Any] | None = request.__dict__.pop(NOTED, None)
    if noted is not None:
        return noted
    id_token = mozilla_id_token(request.session)
    return {"id_token": id_token} if id_token else None


def is_signed_in(session: SessionBase) -> bool:
    """Tell whether anybody is signed in by a session."""
    return auth.SESSION_KEY in session


def signed_in_user(request: HttpRequest) -> AbstractBaseUser | None:
    """Return who is signed in, if anybody is."""
    user = request.user if hasattr(request, "user") else auth.get_user(request)
    return user if user is not None and user.is_authenticated else None


def known_user(request: HttpRequest) -> AbstractBaseUser | None:
    """Return who is signed in, if anybody is; who cannot be loaded is as good as nobody."""
    try:
        return signed_in_user(request)
    except Exception:  # rule 1: no session store or authentication backend keeps anybody signed in
        logger.exception("It cannot be told who is signed in")
        return None


def end_current(request: HttpRequest) -> bool:
    """Sign the request's session out, whatever receivers of `user_logged_out` and the store do.

    Returns:
        Whether the session is gone. If its store fails, the browser forgets it nevertheless.
    """
    try:
        _end(request)
    except Exception:  # rule 1: each store raises its own
        logger.exception("A session could not be deleted; the browser is told to forget it")
        request.session = engines.store()()
        request.user = AnonymousUser()
        return False
    return True


def _end(request: HttpRequest) -> None:
    request.session.pop(ENTRY, None)
    unseen = _unseen_key(request)
    try:
        auth.logout(request)
    except Exception:  # rule 1: somebody's receiver must not keep anybody signed in
        logger.exception("A receiver of user_logged_out failed; the session ends all the same")
        drop(request)
    if unseen:
        engines.delete(unseen)


def _unseen_key(request: HttpRequest) -> str:
    """Return the key of a session that was not found, but may be in a cache that is down."""
    key = request.COOKIES.get(conf.SESSION_COOKIE_NAME, "")
    is_key = hasattr(engines.store(), "cache_key") and not set(key) - set(VALID_KEY_CHARS)
    return key if is_key and key != request.session.session_key else ""


def drop(request: HttpRequest) -> None:
    """End the request's session without a word to anybody."""
    request.session.flush()
    request.user = AnonymousUser()
