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
from django.db import DatabaseError

from . import index, sessions

if TYPE_CHECKING:
    from django.contrib.sessions.backends.base import SessionBase
    from django.http import HttpRequest

logger = logging.getLogger(__name__)


def bind(request: HttpRequest) -> None:
    """Bind the request's session to its row, if it turns out to have one."""
    session = request.session
    bound = _bound(type(session))
    if session.accessed and issubclass(bound, _InCookie):
        _look_again(request)
    session.__class__ = bound


def follow(request: HttpRequest) -> None:
    """File the request's session under its new key, or end it if it was ended meanwhile."""
    if sessions.has_moved(request.session) and index.refile(request.session) is False:
        sessions.drop(request)


def _look_again(request: HttpRequest) -> None:
    if index.is_orphan(sessions.filed_key(request.session)):
        sessions.drop(request)


@cache
def _bound(engine: type[SessionBase]) -> type[SessionBase]:
    mixin = _InCookie if sessions.is_in_cookies(engine) else _OnServer
    return type(engine.__qualname__, (mixin, engine), {})  # Django salts with the name


class _OnServer:
    """Mixed into a session store: what is saved after its row has gone is deleted again."""

    def save(self: Any, must_create: bool = False) -> None:  # noqa: FBT001, FBT002  # Django's signature
        super().save(must_create)  # type: ignore[misc]  # the store's
        if not must_create and self._has_ended():
            self.delete()  # most engines look whether a session is there, and then save
            raise UpdateError

    def _has_ended(self: Any) -> bool:
        try:
            return index.is_orphan(sessions.filed_key(self))
        except DatabaseError:
            logger.exception("A session is saved, of which the index cannot be asked")
            return False

    def delete(self: Any, session_key: str | None = None) -> None:
        if session_key and session_key == sessions.filed_key(self) != self.session_key:
            index.refile(self)  # cycle_key() deletes what it has replaced: the row goes first
        super().delete(session_key)  # type: ignore[misc]  # the store's


class _InCookie:
    """Mixed into a session store: what is loaded after its row has gone is an empty session."""

    def load(self: Any) -> dict[str, Any]:
        data: dict[str, Any] = super().load()  # type: ignore[misc]  # the store's
        if not index.is_orphan(data.get(sessions.ENTRY, {}).get("key", "")):
            return data
        self._session_key = None
        return {}

    async def aload(self) -> dict[str, Any]:
        return await sync_to_async(self.load)()
