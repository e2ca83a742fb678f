"""Server-sent events and other streams, which end with their session."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from .watch import CHECK_SECONDS, Watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator

    from django.http import HttpRequest

T = TypeVar("T")


async def until_session_ends(
    request: HttpRequest, events: AsyncIterable[T], *, check_seconds: float = CHECK_SECONDS
) -> AsyncIterator[T]:
    """Yield the events of a stream until the request's session ends.

    Args:
        request: the request to which the stream is the response.
        events: what to yield.
        check_seconds: seconds between two checks of the session's row, in case the channel layer
            has lost a message.
    """
    async with Watch(request.session, check_seconds=check_seconds) as watch:
        if await watch.has_ended():
            return
        end = asyncio.ensure_future(watch.wait())
        iterator = aiter(events)
        try:
            while event := await _next_of(iterator, end):
                yield event[0]
        finally:
            end.cancel()


async def _next_of(iterator: AsyncIterator[T], end: asyncio.Future[None]) -> tuple[T] | None:
    """Return the next event, or None if the events or the session have ended."""
    following = asyncio.ensure_future(_wrapped(iterator))
    either: set[asyncio.Future[Any]] = {following, end}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return None if end.done() else following.result()
    finally:
        following.cancel()


async def _wrapped(iterator: AsyncIterator[T]) -> tuple[T] | None:
    try:
        return (await anext(iterator),)
    except StopAsyncIteration:
        return None
