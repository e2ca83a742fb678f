"""Savepoints, so that a failing statement does not break an open transaction."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

from django.db import Error, connections, transaction

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager


def savepoint(using: str) -> AbstractContextManager[None]:
    """Return a context in which a failing statement does not break an open transaction."""
    if connections[using].in_atomic_block:
        return transaction.atomic(using=using)
    return nullcontext()


def savepoints() -> AbstractContextManager[None]:
    """Return a context in which a failing statement does not break a transaction on any database.

    If the block suppresses a failure, PostgreSQL reports it at the end of the block: everything in
    the block is rolled back, and the block raises a `DatabaseError`.
    """
    used = connections.all(initialized_only=True)
    open_ones = [connection.alias for connection in used if connection.in_atomic_block]
    return _savepoints(open_ones) if open_ones else nullcontext()


@contextmanager
def _savepoints(aliases: list[str]) -> Iterator[None]:
    with ExitStack() as stack:
        for alias in aliases:
            with suppress(Error):  # a broken connection must not prevent the block
                stack.enter_context(transaction.atomic(using=alias))
        yield
