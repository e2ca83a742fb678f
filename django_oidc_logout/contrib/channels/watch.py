"""Watching a session while a connection is open.

The channel layer sends a message as soon as the session has ended. But a layer can lose a message,
forget a group after a day, or fail. So the session's row is also checked every few minutes, and
when the session reaches its end.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, Self

from channels.db import database_sync_to_async
from channels.layers import get_channel_layer

from ...codes import LogCode
from ...sessions import engines, entry, handles, index, lifetime
from .layers import group

if TYPE_CHECKING:
    from django.contrib.sessions.backends.base import SessionBase

logger = logging.getLogger("django_oidc_logout")

CHECK_SECONDS = 300
RETRY_SECONDS = 30


class Watch:
    """An asynchronous context manager, in which code can wait for the end of a session."""

    def __init__(
        self, session: SessionBase, *, layer: str = "default", check_seconds: float = CHECK_SECONDS
    ) -> None:
        self.session, self.layer, self.check_seconds = session, layer, check_seconds
        self.handle = self.channel = ""
        self.message: asyncio.Task[Any] | None = None

    async def __aenter__(self) -> Self:
        """Join the session's group. Call `has_ended` afterwards, so that the end is not missed."""
        self.handle = await database_sync_to_async(handles.session_handle)(self.session)
        await self._join()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leave the group."""
        await self._leave()

    async def has_ended(self) -> bool:
        """Return whether the session had ended before it was watched.

        Raises:
            Exception: any exception of the session store, or of the index.
        """
        return bool(self.handle) and await database_sync_to_async(_has_ended)(self.session)

    async def wait(self) -> None:
        """Return when the session has ended. If nobody is signed in, never return."""
        if not self.handle:
            await asyncio.get_running_loop().create_future()
        while not await self._is_told() and not await self._is_gone():
            await self._join()  # layers forget groups

    async def _is_told(self) -> bool:
        """Wait for the layer's message until the next check is due. Return whether it came."""
        message = self.message
        if message is None:
            await asyncio.sleep(min(RETRY_SECONDS, self._until_check()))
            return False
        await asyncio.wait({message}, timeout=self._until_check())
        if not message.done():
            return False
        if (failure := message.exception()) is None:
            return True
        self.message = None
        self._log(failure)
        return await self._is_told()

    def _until_check(self) -> float:
        """Return the seconds until the next check, which is at the session's end at the latest."""
        ends_at = entry.ends_at(self.session)
        left = self.check_seconds if ends_at is None else ends_at - time.time()
        return min(self.check_seconds, max(left, 0))

    async def _is_gone(self) -> bool:
        try:
            return bool(await database_sync_to_async(_is_row_gone)(self.session, self.handle))
        except Exception as exc:  # noqa: BLE001  # a database failure must not close connections
            self._log(exc)
            return False

    async def _join(self) -> None:
        layer: Any = get_channel_layer(self.layer)
        if layer is None or not self.handle:
            return
        try:
            if self.message is None:
                self.channel = await layer.new_channel()
                self.message = asyncio.ensure_future(layer.receive(self.channel))
            await layer.group_add(group(self.handle), self.channel)
        except Exception as exc:  # noqa: BLE001  # every layer raises its own exceptions
            self._log(exc)

    async def _leave(self) -> None:
        if self.message is None:
            return
        self.message.cancel()
        layer: Any = get_channel_layer(self.layer)
        try:
            await layer.group_discard(group(self.handle), self.channel)
        except Exception as exc:  # noqa: BLE001  # every layer raises its own exceptions
            self._log(exc)

    @staticmethod
    def _log(exc: BaseException) -> None:
        logger.warning(
            "Could not watch the session of a connection, check CHANNEL_LAYERS and the database: "
            "reason=%s",
            type(exc).__name__,
            extra=LogCode.CONNECTION_NOT_WATCHED.extra(),
        )


def _has_ended(session: SessionBase) -> bool:
    """Return whether a session is overdue, or has ended since it was read."""
    if lifetime.is_overdue(session):
        return True
    if entry.row_key(session):
        return not index.has_handle(handles.session_handle(session))
    return not engines.in_cookies() and not engines.read([str(session.session_key)])


def _is_row_gone(session: SessionBase, handle: str) -> bool:
    """Return whether a session is overdue or its row is gone. It may never have had one."""
    is_gone = bool(entry.row_key(session)) and not index.has_handle(handle)
    return is_gone or lifetime.is_overdue(session)
