"""Waiting for other processes, for a bounded time, and finding ports for them."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack, contextmanager
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


def free_ports(number: int) -> list[int]:
    """Return free ports."""
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)
        ]
        return [each.getsockname()[1] for each in sockets]


def is_free(port: int) -> bool:
    """Return whether a port is free."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
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
