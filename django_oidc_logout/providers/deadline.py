"""A deadline for a call to the identity provider."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

from ..exceptions import ProviderUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def within(seconds: float, url: str, call: Callable[[float], T]) -> T:
    """Run `call` for at most `seconds`. Pass it the deadline on the monotonic clock.

    It runs in a thread, because a socket's time-out covers neither a DNS lookup nor headers that
    arrive byte by byte. An abandoned thread ends when the other side stops sending.
    """
    deadline = time.monotonic() + seconds
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call(deadline))
        except Exception as exc:  # noqa: BLE001  # raised again in the waiting thread
            future.set_exception(exc)

    try:
        threading.Thread(target=run, daemon=True, name="oidc-logout-call").start()
    except RuntimeError as exc:  # too many threads, or the interpreter is shutting down
        raise ProviderUnavailable(f"{url} was not called: {exc}") from exc
    try:
        return future.result(seconds)
    except TimeoutError as exc:
        raise ProviderUnavailable(f"{url} did not respond within {seconds} seconds") from exc
