"""Sessions that live only while their row does.

Where sessions are kept on the server, ending one deletes it, and its row; what is left is a request
under way that saves it again. Where they live in cookies, the row is all that can be deleted.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.base import UpdateError
from django.db import Error

from . import engines, index, sessions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.contrib.sessions.backends.base import SessionBase
    from django.http import HttpRequest

logger = logging.getLogger(__name__)

UNASKED = "_oidc_logout_unasked"
"""Stands in a session that was saved while the index could not be asked whether it has ended."""


def bind(request: HttpRequest) -> None:
    """Bind the request's session to its row, if it turns out to have one."""
    session = request.session
    engine: Any = type(session)
    if not issubclass(engine, MIXINS):  # it is one already where the middleware is listed twice
        engine = session.__class__ = _bound(engine)
    if session.accessed and issubclass(engine, _InCookie):
        _look_again(request)


def follow(request: HttpRequest) -> None:
    """File the request's session under its new key, or end it if it was ended meanwhile."""
    if sessions.has_moved(request.session) and index.refile(request.session) is False:
        sessions.drop(request)


def _look_again(request: HttpRequest) -> None:
    if _has_ended(sessions.filed_key(request.session)):
        sessions.drop(request)


@cache
def _bound(engine: type[SessionBase]) -> type[Any]:
    if engines.is_in_cookies(engine):
        mixin: type = _InCookie
    else:
        in_both = hasattr(engine, "cache_key_prefix") and hasattr(engine, "_get_session_from_db")
        mixin = _InBoth if in_both else _OnServer
    # Django salts with the name.
    return type(engine.__qualname__, (mixin, engine), {"_engine": engine})


class _OnServer:
    """Mixed into a session store: what is saved after its row has gone is deleted again."""

    def save(self: Any, must_create: bool = False) -> None:  # noqa: FBT001, FBT002  # Django's signature
        if must_create:  # nothing is in it yet
            super().save(must_create)  # type: ignore[misc]  # the store's
            return
        self.pop(UNASKED, None)
        super().save()  # type: ignore[misc]  # the store's
        try:
            is_orphan = index.is_orphan(sessions.filed_key(self))
        except Error:
            logger.exception("A session is saved, of which the index cannot be asked")
            self[UNASKED] = True  # whoever loads it asks
            super().save()  # type: ignore[misc]  # the store's
            return
        if is_orphan:
            self.delete()  # most engines look whether a session is there, and then save
            raise UpdateError

    def load(self: Any) -> dict[str, Any]:
        data: dict[str, Any] = super().load()  # type: ignore[misc]  # the store's
        if not self._is_doubtful(data) or not self._is_orphan(data):
            return data
        super().delete(self.session_key)  # type: ignore[misc]  # the store's
        self._session_key = None
        return {}

    async def aload(self) -> dict[str, Any]:
        return await sync_to_async(self.load)()

    def _is_doubtful(self, data: Mapping[str, Any]) -> bool:
        return UNASKED in data

    def _is_orphan(self: Any, data: Mapping[str, Any]) -> bool:
        try:
            return index.is_orphan(sessions.filed_key(data))
        except Error:
            logger.exception("A session is read, of which the index cannot be asked")
            return False

    def delete(self: Any, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if session_key and session_key == sessions.filed_key(self) != self.session_key:
            self._replace(session_key)  # cycle_key() deletes what it has replaced
        elif not key or not engines.delete_at_once(self._engine, key):
            super().delete(session_key)  # type: ignore[misc]  # the store's

    async def asave(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002  # Django's signature
        await sync_to_async(self.save)(must_create)

    async def adelete(self, session_key: str | None = None) -> None:
        await sync_to_async(self.delete)(session_key)

    def _replace(self: Any, old_key: str) -> None:
        """Refile the row and delete the old session, both or neither.

        A session that is there still must have its row, whenever the process dies or the store
        fails, or nobody could end it.
        """
        with index.all_or_nothing():
            index.refile(self)
            super().delete(old_key)  # type: ignore[misc]  # the store's


class _InBoth(_OnServer):
    """Mixed into a session store: what goes into the cache after its row has gone is deleted again.

    `cached_db` fills its cache with what it has read from the database, be it deleted meanwhile.
    """

    _is_fetched = False

    def _get_session_from_db(self: Any) -> Any:
        self._is_fetched = True
        return super()._get_session_from_db()  # type: ignore[misc]  # the store's

    def _is_doubtful(self, data: Mapping[str, Any]) -> bool:
        return self._is_fetched or super()._is_doubtful(data)


class _InCookie:
    """Mixed into a session store: what is loaded after its row has gone is an empty session."""

    def load(self: Any) -> dict[str, Any]:
        data: dict[str, Any] = super().load()  # type: ignore[misc]  # the store's
        if not _has_ended(sessions.filed_key(data)):
            return data
        self._session_key = None
        return {}

    async def aload(self) -> dict[str, Any]:
        return await sync_to_async(self.load)()


def _has_ended(key: str) -> bool:
    """Tell whether a session in a cookie has ended."""
    try:
        return index.is_orphan(key)
    except Error:  # when in doubt, signed out
        logger.exception("A session in a cookie counts as ended: the index cannot be asked")
        return True


MIXINS = (_OnServer, _InCookie)
