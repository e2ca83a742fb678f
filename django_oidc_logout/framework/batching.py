"""Lets a signal's receivers put off what takes less time for many sessions at once."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_waiting: ContextVar[dict[Any, list[Any]] | None] = ContextVar("oidc_logout_waiting", default=None)


@contextmanager
def batch() -> Iterator[None]:
    """Collect what is put off, and hand it over at the end, also after an exception."""
    waiting: dict[Any, list[Any]] = {}
    token = _waiting.set(waiting)
    try:
        yield
    finally:
        _waiting.reset(token)
        for flush, items in waiting.items():
            flush(items)


def put_off(flush: Callable[[list[Any]], None], item: Any) -> None:
    """Call `flush` with a list that has `item`: at the end of the batch, or now without one."""
    waiting = _waiting.get()
    if waiting is None:
        flush([item])
    else:
        waiting.setdefault(flush, []).append(item)
