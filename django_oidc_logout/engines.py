"""Django's session engines. The only module that knows which one is configured."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from django.contrib.sessions.backends import cache, cached_db, db
from django.contrib.sessions.backends.signed_cookies import SessionStore as CookieStore
from django.core.cache import caches

from . import caching, statements
from .conf import conf

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.contrib.sessions.backends.base import SessionBase


def store() -> type[SessionBase]:
    """Return the session store of the configured engine."""
    engine: type[SessionBase] = import_module(conf.SESSION_ENGINE).SessionStore
    return engine


def in_cookies() -> bool:
    """Tell whether sessions live in cookies, where nothing can be deleted from here."""
    return is_in_cookies(store())


def is_in_cookies(engine: type[SessionBase]) -> bool:
    """Tell whether a session store keeps its sessions in cookies."""
    return issubclass(engine, CookieStore)


def delete(*keys: str) -> None:
    """Delete sessions, through their engine. In cookies there are none: there their rows were all.

    Django's own engines on a database or a cache are told of all at once. Any other, be it derived
    from these or patched, may do more for each than can be known here, and is told of one by one.

    Raises:
        Exception: the session store's own; any of them may be deleted by then.
    """
    if in_cookies():
        return
    engine = store()
    if not delete_at_once(engine, *keys):
        for key in keys:
            engine(key).delete(key)
    _require_answer(engine)


def delete_at_once(engine: type[SessionBase], *keys: str) -> bool:
    """Delete sessions without looking for them first, if that is all that their store would do."""
    ways = AT_ONCE.get((engine, engine.delete), ())
    for delete_from in ways:
        delete_from(engine, keys)
    return bool(ways)


def delete_again(*keys: str) -> None:
    """Delete what was saved of sessions while they were deleted; a database lets nothing be so."""
    engine = store()
    at_once = AT_ONCE.get((engine, engine.delete))
    if at_once is None:
        delete(*keys)
    elif _delete_from_cache in at_once:
        _delete_from_cache(engine, keys)


def _require_answer(engine: type[SessionBase]) -> None:
    """Raise if sessions are in a cache that is down: Django takes it for one that is empty."""
    if hasattr(engine, "cache_key") and not caching.answers(conf.SESSION_CACHE_ALIAS):
        raise ConnectionError("the cache that holds the sessions does not answer")


def _delete_from_database(engine: Any, keys: Collection[str]) -> None:
    statements.delete(engine.get_model_class(), session_key=keys)


def _delete_from_cache(engine: Any, keys: Collection[str]) -> None:
    names = [engine.cache_key_prefix + key for key in keys]
    caches[conf.SESSION_CACHE_ALIAS].delete_many(names)


AT_ONCE = {
    (db.SessionStore, db.SessionStore.delete): [_delete_from_database],
    (cache.SessionStore, cache.SessionStore.delete): [_delete_from_cache],
    (cached_db.SessionStore, cached_db.SessionStore.delete): [
        _delete_from_database,
        _delete_from_cache,
    ],
}


def is_alive(key: str) -> bool:
    """Tell whether a session is still there and has not expired; not for one in a cookie.

    Raises:
        Exception: the session store's own, if it cannot be asked.
    """
    engine = store()
    session = engine(key)
    if session.load():
        return True
    _require_answer(engine)
    if session.session_key:
        session.delete()  # the file engine puts an empty session in the place of an expired one
    return False
