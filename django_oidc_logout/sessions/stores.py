"""Django's session stores, and what the package changes in each of them."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.db import Error, router
from django.utils import timezone

from ..codes import LogCode
from . import engines, entry, flushed, index, lifetime, sql

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.contrib.sessions.backends.base import SessionBase

logger = logging.getLogger("django_oidc_logout")

READ = vars(db.SessionStore)["_get_session_from_db"]
"""How Django's database store reads a session, unless the site has patched it."""

UNCHECKED = "_oidc_logout_unchecked"
"""Marks a session that was saved while the index could not be read."""


@cache
def bound(engine: type[SessionBase]) -> type[Any]:
    """Return the class for sessions of this store; for a cookie store, a subclass of `InCookie`."""
    if engines.is_cookie_store(engine):
        mixin: type = InCookie
    elif engine is db.SessionStore:
        mixin = _InDatabase
    elif hasattr(engine, "cache_key_prefix") and hasattr(engine, "_get_session_from_db"):
        mixin = _InBoth
    else:
        mixin = OnServer
    # The name stays the same, because Django salts session data with it.
    return type(engine.__qualname__, (mixin, engine), {"_engine": engine})


class _Bound:
    """Mixed into a session store: ends an overdue session, and remembers what a flush removes.

    A bound store can be copied and pickled, although its class cannot be imported by name.
    """

    def load(self: Any) -> dict[str, Any]:
        data: dict[str, Any] = super().load()  # type: ignore[misc]  # the store's
        if not lifetime.is_overdue(data):
            return data
        setattr(self, index.OVERDUE, lifetime.end_overdue(data, self.session_key))
        self._session_key = None
        return {}

    async def aload(self) -> dict[str, Any]:
        return await sync_to_async(self.load)()

    def flush(self: Any) -> None:
        flushed.note(self)
        super().flush()  # type: ignore[misc]  # the store's

    async def aflush(self: Any) -> None:
        flushed.note(self)
        await super().aflush()  # type: ignore[misc]  # the store's

    def __reduce_ex__(self: Any, protocol: Any) -> Any:
        return _rebuild, (self._engine,), self.__getstate__()


def _rebuild(engine: type[SessionBase]) -> Any:
    """Return a bound store without attributes. `pickle` or `copy` adds them."""
    store: Any = bound(engine)
    return store.__new__(store)


class OnServer(_Bound):
    """Mixed into a session store: deletes a session that is saved after its row was removed."""

    def save(self: Any, must_create: bool = False) -> None:  # noqa: FBT001, FBT002  # Django's signature
        if must_create:  # the session is still empty
            super().save(must_create)  # type: ignore[misc]  # the store's
            return
        self.pop(UNCHECKED, None)
        super().save()  # type: ignore[misc]  # the store's
        try:
            with sql.savepoints():
                is_orphan = index.is_orphan(entry.row_key(self))
        except Error:
            logger.exception(
                "Could not check a saved session against the index",
                extra=LogCode.SAVED_NOT_CHECKED.extra(),
            )
            self[UNCHECKED] = True  # checked when it is loaded
            super().save()  # type: ignore[misc]  # the store's
            return
        if is_orphan:
            self.delete()  # most engines check that the session exists, and save it later
            raise UpdateError

    def load(self: Any) -> dict[str, Any]:
        data: dict[str, Any] = super().load()
        if not self._needs_check(data) or not self._is_orphan(data):
            return data
        self._delete(self.session_key)
        self._session_key = None
        return {}

    def _needs_check(self, data: Mapping[str, Any]) -> bool:
        return UNCHECKED in data

    def _is_orphan(self: Any, data: Mapping[str, Any]) -> bool:
        try:
            with sql.savepoints():
                return index.is_orphan(entry.row_key(data))
        except Error:
            logger.exception(
                "Could not check a loaded session against the index",
                extra=LogCode.LOADED_NOT_CHECKED.extra(),
            )
            return False

    def delete(self: Any, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if session_key and session_key == entry.row_key(self) != self.session_key:
            self._replace(session_key)  # cycle_key() deletes the session that it replaces
        elif key:
            self._delete(key)

    def _delete(self: Any, key: str) -> None:
        if not engines.delete_in_bulk(self._engine, key):
            super().delete(key)  # type: ignore[misc]  # the store's
            engines.delete_unreplicated(self._engine, key)

    async def asave(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002  # Django's signature
        await sync_to_async(self.save)(must_create)

    async def adelete(self, session_key: str | None = None) -> None:
        await sync_to_async(self.delete)(session_key)

    def _replace(self: Any, old_key: str) -> None:
        """Write the new key into the row and delete the old session, both or neither.

        A session without a row cannot be ended. So each session keeps its row even if the process
        dies or the store fails.
        """
        with index.transaction_on_index():
            index.change_key(self)
            self._delete(old_key)


class _InBoth(OnServer):
    """Mixed into a session store: checks a session that was read from the database.

    `cached_db` copies it into its cache, even if it has been deleted in the meantime.
    """

    is_from_database = False

    def _get_session_from_db(self: Any) -> Any:
        self.is_from_database = True
        return super()._get_session_from_db()  # type: ignore[misc]  # the store's

    def _needs_check(self, data: Mapping[str, Any]) -> bool:
        return self.is_from_database or super()._needs_check(data)


class _InDatabase(OnServer):
    """Mixed into Django's database store: reads a session with a hand-written query.

    Django takes longer to build its own query than the database takes to run it.
    """

    def _get_session_from_db(self: Any) -> Any:
        is_patched = vars(db.SessionStore)["_get_session_from_db"] is not READ
        if is_patched or router.routers:  # they may read it from a replica
            return super()._get_session_from_db()  # type: ignore[misc]  # the store's
        for found in sql.select(self.model, session_key=[self.session_key]):
            if found.expire_date > timezone.now():
                return found
        self._session_key = None
        return None


class InCookie(_Bound):
    """Mixed into a session store: loads an empty session if the row was removed."""

    def load(self: Any) -> dict[str, Any]:
        data: dict[str, Any] = super().load()
        if not has_ended(entry.row_key(data)):
            return data
        self._session_key = None
        return {}


def has_ended(key: str) -> bool:
    """Return whether a session in a cookie has ended."""
    try:
        return index.is_orphan(key)
    except Error:  # when in doubt, signed out
        logger.exception(
            "Could not check a session in a cookie, it counts as ended",
            extra=LogCode.COOKIE_NOT_CHECKED.extra(),
        )
        return True


BOUND: tuple[type[Any], ...] = (OnServer, InCookie)
"""The base classes of the sessions that the middleware has bound."""
