"""Lets signal receivers defer work that is faster for many sessions at once."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager


class _Batch:
    """The items that wait for the end of a batch, by what flushes them."""

    __slots__ = ("is_open", "waiting")

    def __init__(self) -> None:
        self.waiting: dict[Any, list[Any]] = {}
        self.is_open = True


_current: ContextVar[_Batch | None] = ContextVar("oidc_logout_batch", default=None)


@contextmanager
def batch() -> Iterator[None]:
    """Collect the deferred items, and flush them at the end, even after an exception."""
    opened = _Batch()
    token = _current.set(opened)
    try:
        yield
    finally:
        opened.is_open = False  # a background task may keep this context
        _current.reset(token)
        for flush, items in opened.waiting.items():
            flush(items)


def batch_or_join() -> AbstractContextManager[None]:
    """Return a context that collects the deferred items: a batch, or nothing if one is open."""
    return batch() if _open() is None else nullcontext()


def put_off(flush: Callable[[list[Any]], None], item: Any) -> None:
    """Pass `item` to `flush` in a list: at the end of the batch, or now, outside a batch."""
    opened = _open()
    if opened is None:
        flush([item])
    else:
        opened.waiting.setdefault(flush, []).append(item)


def _open() -> _Batch | None:
    current = _current.get()
    return current if current is not None and current.is_open else None
