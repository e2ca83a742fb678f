"""The channel layers: each session has a group, which gets a message when the session ends."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import channel_layers, get_channel_layer

from ...codes import LogCode

logger = logging.getLogger("django_oidc_logout")

TIMEOUT = 2  # seconds that a sign-out waits for a layer
PAUSE = 30  # seconds without a message to a layer that did not respond
MESSAGE = {"type": "oidc_logout.session_ended"}

paused_until: dict[str, float] = {}
"""Until when each layer does not get messages, by the monotonic clock."""


def group(handle: str) -> str:
    """Return the group of the sockets of a session."""
    return f"oidc_logout.{handle}"


def tell(handle: str) -> None:
    """Notify the sockets of a session that it has ended. A failure is logged and not raised.

    If a layer fails, it does not get messages for `PAUSE` seconds, because many sessions may end at
    once. The sockets still notice the end, but later.
    """
    for alias in channel_layers.configs:
        if handle and paused_until.get(alias, 0) <= time.monotonic():
            _tell(alias, handle)


def _tell(alias: str, handle: str) -> None:
    try:
        async_to_sync(_send)(alias, handle)
    except Exception:  # every layer raises its own exceptions, and the session has ended
        paused_until[alias] = time.monotonic() + PAUSE
        logger.exception(
            "Could not tell sockets that their session has ended, check CHANNEL_LAYERS",
            extra=LogCode.SOCKETS_NOT_TOLD.extra(),
        )


async def _send(alias: str, handle: str) -> None:
    layer: Any = get_channel_layer(alias)
    await asyncio.wait_for(layer.group_send(group(handle), MESSAGE), TIMEOUT)
