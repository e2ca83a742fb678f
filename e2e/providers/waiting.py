"""Waiting for other processes, for a bounded time, and finding ports for them."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_oidc_logout.demo.processes import Server

SECONDS = 90


def eventually(what: Callable[[], bool], seconds: float = SECONDS) -> bool:
    """Return whether a condition becomes true within a bounded time."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@contextmanager
def running(*servers: Server) -> Iterator[None]:
    """Run servers for the time of the block, which starts when all of them respond."""
    try:
        for server in servers:
            server.start()
        assert eventually(lambda: all(map(_is_up, servers)))
        yield
    finally:
        for server in servers:
            server.end()


def _is_up(server: Server) -> bool:
    server.check_alive()
    return server.is_ready()
