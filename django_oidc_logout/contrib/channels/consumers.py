"""A mixin for Channels' consumers: the socket is closed when its session ends."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from channels.db import database_sync_to_async
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

from ...conf import conf
from ...sessions import engines, handles
from .watch import CHECK_SECONDS, Watch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]

APP = "django_oidc_logout.contrib.channels"
CLOSED = 4401
"""The code with which a socket is closed (RFC 6455, section 7.4.2: for private use)."""

if not apps.is_installed(APP):
    raise ImproperlyConfigured(f"{APP} is not installed: add it to INSTALLED_APPS.")


class OIDCConsumerMixin:
    """Closes a consumer's socket with the code 4401 when its session ends for any reason.

    Put it in front of a consumer's base class, synchronous or asynchronous, inside Channels'
    `AuthMiddlewareStack`. A socket whose session has already ended is rejected. Sockets of people
    who are not signed in are not affected.
    """

    session_check_seconds: float = CHECK_SECONDS
    """Seconds between two checks of the session's row, in case the layer has lost a message."""

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        """Serve a connection for as long as its session lives."""
        handle: Any = super().__call__  # type: ignore[misc]  # the consumer's
        if scope["type"] == "websocket":
            await self._serve_socket(handle, scope, Socket(receive, send))
        else:
            await handle(scope, receive, send)

    async def _serve_socket(self, handle: Any, scope: Message, socket: Socket) -> None:
        if "session" not in scope:
            raise ImproperlyConfigured(
                f"{type(self).__qualname__} needs a session: wrap it in AuthMiddlewareStack."
            )
        alias: str = self.channel_layer_alias  # type: ignore[attr-defined]  # the consumer's
        seconds = self.session_check_seconds
        async with Watch(scope["session"], layer=alias, check_seconds=seconds) as watch:
            if await database_sync_to_async(_is_refused)(scope) or await watch.has_ended():
                await socket.receive()  # the request to connect
                await socket.close()
                return
            closing = asyncio.ensure_future(_close_at_end(watch, socket))
            try:
                await handle(scope, socket.receive, socket.send)
            finally:
                closing.cancel()


class Socket:
    """A connection as a consumer sees it. Once it is closed, it drops messages."""

    def __init__(
        self, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        self._receive, self._send = receive, send
        self.is_closed = False

    async def receive(self) -> Message:
        """Return the next message. After a close, this is the disconnect message."""
        while True:
            message = await self._receive()
            if not self.is_closed or message["type"] == "websocket.disconnect":
                return message

    async def send(self, message: Message) -> None:
        """Send a message, unless the connection is closed."""
        if not self.is_closed:
            self.is_closed = message["type"] == "websocket.close"
            await self._send(message)

    async def close(self) -> None:
        """Close the connection because its session has ended."""
        await self.send({"type": "websocket.close", "code": CLOSED})


async def _close_at_end(watch: Watch, socket: Socket) -> None:
    await watch.wait()
    with suppress(Exception):  # the browser may have gone: servers raise their own errors
        await socket.close()


def _is_refused(scope: Message) -> bool:
    """Return whether the cookie names a session that has ended.

    The response to a page deletes such a cookie, so the socket belongs to an older page.
    """
    session, cookie = scope["session"], scope.get("cookies", {}).get(conf.SESSION_COOKIE_NAME)
    if not cookie or engines.in_cookies() or handles.session_handle(session):
        return False
    return bool(session.is_empty())
