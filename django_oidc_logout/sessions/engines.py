"""Django's session engines. Only this module uses `SESSION_ENGINE`."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from django.contrib.sessions.backends import cache, cached_db, db
from django.contrib.sessions.backends.base import VALID_KEY_CHARS
from django.contrib.sessions.backends.signed_cookies import SessionStore as CookieStore
from django.core.cache import caches
from django.db import router
from django.db.models import Model
from django.utils import timezone

from ..codes import LogCode
from ..conf import conf
from ..framework import safe_cache
from . import sql

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from django.contrib.sessions.backends.base import SessionBase
    from django.core.cache.backends.base import BaseCache
    from django.http import HttpRequest

logger = logging.getLogger("django_oidc_logout")

KEY_CHARACTERS = frozenset(VALID_KEY_CHARS)
CACHE_IS_DOWN = "the cache that holds the sessions does not respond"


def store() -> type[SessionBase]:
    """Return the session store of the configured engine."""
    engine: type[SessionBase] = import_module(conf.SESSION_ENGINE).SessionStore
    return engine


def in_cookies() -> bool:
    """Return whether sessions are kept in cookies, where the server cannot delete them."""
    return is_cookie_store(store())


def is_cookie_store(engine: type[SessionBase]) -> bool:
    """Return whether a session store keeps its sessions in cookies."""
    return issubclass(engine, CookieStore)


def cookie_key(request: HttpRequest) -> str:
    """Return the session key in the request's cookie, or the empty string if it is not a key.

    The session may no longer exist.
    """
    key = request.COOKIES.get(conf.SESSION_COOKIE_NAME, "")
    return key if KEY_CHARACTERS.issuperset(key) else ""


def delete(*keys: str) -> None:
    """Delete sessions through their engine. Sessions in cookies end with their rows instead.

    Django's database and cache engines delete all keys in one call. Any other store, including a
    subclass or a patched one, may do more per session, so it gets one call per key.

    Raises:
        Exception: any exception of the session store; some sessions may be deleted already.
    """
    if in_cookies():
        return
    engine = store()
    if not delete_in_bulk(engine, *keys):
        for key in keys:
            engine(key).delete(key)
        delete_unreplicated(engine, *keys)
    require_cache(engine)


def delete_unreplicated(engine: type[SessionBase], *keys: str) -> None:
    """Delete sessions that their store looked for in a replica, which may not have them yet.

    Django's `delete()` reads a session before it deletes it, and ignores one that it does not find.
    """
    model = model_of(engine)
    if model is not None and router.routers:
        sql.delete(model, session_key=keys)


def model_of(engine: Any) -> type[Model] | None:
    """Return the model of the sessions if a store keeps them in a database.

    The store of django-user-sessions does not have Django's `get_model_class()`.
    """
    if hasattr(engine, "get_model_class"):
        model = engine.get_model_class()
    else:
        model = getattr(import_module(engine.__module__), "Session", None)
    return model if isinstance(model, type) and issubclass(model, Model) else None


def can_hide() -> bool:
    """Return whether an existing session can seem to be missing.

    Its cache may be down, or a replica of its database may be behind.
    """
    engine = store()
    return hasattr(engine, "cache_key") or (model_of(engine) is not None and bool(router.routers))


def delete_hidden(key: str) -> bool:
    """Delete a session that Django may not have found. Return whether it is gone."""
    try:
        if can_hide():
            delete(key)
    except Exception:  # every store raises its own exceptions
        logger.exception(
            "Could not delete a session that a sign-in replaced, its row remains",
            extra=LogCode.REPLACED_SESSION_NOT_DELETED.extra(),
        )
        return False
    return True


def delete_in_bulk(engine: type[SessionBase], *keys: str) -> bool:
    """Delete sessions in one call, if their store allows it. Return whether it does."""
    steps = BULK_DELETE.get((engine, engine.delete), ())
    for delete_from in steps:
        delete_from(engine, keys)
    return bool(steps)


def delete_again(*keys: str) -> None:
    """Delete what a concurrent request saved while the sessions were being deleted.

    Django's database engine does not need this: it does not save a deleted session.
    """
    engine = store()
    steps = BULK_DELETE.get((engine, engine.delete))
    if steps is None:
        delete(*keys)
    elif _delete_from_cache in steps:
        _delete_from_cache(engine, keys)


def require_cache(engine: type[SessionBase]) -> None:
    """Raise `ConnectionError` if the cache that holds the sessions is down. It would seem empty."""
    if hasattr(engine, "cache_key") and not safe_cache.is_up(conf.SESSION_CACHE_ALIAS):
        raise ConnectionError(CACHE_IS_DOWN)


def _delete_from_database(engine: Any, keys: Collection[str]) -> None:
    sql.delete(engine.get_model_class(), session_key=keys)


def _delete_from_cache(engine: Any, keys: Collection[str]) -> None:
    names = [engine.cache_key_prefix + key for key in keys]
    with _session_cache() as cached:
        cached.delete_many(names)


@contextmanager
def _session_cache() -> Iterator[BaseCache]:
    try:
        yield caches[conf.SESSION_CACHE_ALIAS]
    except Exception as exc:  # every backend raises its own exceptions
        raise ConnectionError(CACHE_IS_DOWN) from exc


BULK_DELETE = {
    (db.SessionStore, db.SessionStore.delete): [_delete_from_database],
    (cache.SessionStore, cache.SessionStore.delete): [_delete_from_cache],
    (cached_db.SessionStore, cached_db.SessionStore.delete): [
        _delete_from_database,
        _delete_from_cache,
    ],
}


def read(keys: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the data of the sessions that exist, by key; empty if sessions are in cookies.

    Unlike `load()`, this does not copy a session from the database into the cache: if the session
    ended at the same time, the copy would outlive it.

    Raises:
        Exception: any exception of the session store.
    """
    engine, wanted = store(), list(keys)
    if in_cookies() or not wanted:
        return {}
    read_all = READ_IN_BULK.get((engine, engine.load), _read_other)
    found = read_all(engine, wanted)
    if len(found) < len(wanted):
        require_cache(engine)
    return found


def _read_from_database(engine: Any, keys: list[str]) -> dict[str, dict[str, Any]]:
    if (model := model_of(engine)) is None:
        return {}
    sessions = model._default_manager.using(router.db_for_write(model))
    live = sessions.filter(session_key__in=keys, expire_date__gt=timezone.now())
    decode = engine().decode
    return {key: decode(data) for key, data in live.values_list("session_key", "session_data")}


def _read_from_cache(engine: Any, keys: list[str]) -> dict[str, dict[str, Any]]:
    names = {engine.cache_key_prefix + key: key for key in keys}
    with _session_cache() as cached:
        found = cached.get_many(names)
    return {names[name]: data for name, data in found.items()}


def _read_other(engine: Any, keys: list[str]) -> dict[str, dict[str, Any]]:
    """Read sessions of another package's store: from its database first, then through the store.

    The database comes first, because the store may read from a replica. The store is still used,
    because it may keep sessions elsewhere.
    """
    found = _read_from_database(engine, keys)
    return found | _read_each(engine, [key for key in keys if key not in found])


def _read_each(engine: Any, keys: list[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for key in keys:
        session = engine(key)
        data = session.load()
        if session.session_key == key:
            found[key] = data
        elif session.session_key:
            session.delete()  # the file engine replaces an expired session with an empty one
    return found


READ_IN_BULK: dict[object, Callable[[Any, list[str]], dict[str, dict[str, Any]]]] = {
    (db.SessionStore, db.SessionStore.load): _read_from_database,
    (cache.SessionStore, cache.SessionStore.load): _read_from_cache,
    (cached_db.SessionStore, cached_db.SessionStore.load): _read_from_database,
}


def is_alive(key: str) -> bool:
    """Return whether a session exists and has not expired. Not for sessions in cookies.

    Raises:
        Exception: any exception of the session store.
    """
    return key in read([key])
