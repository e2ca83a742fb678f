"""Transactions of the site, which may be rolled back: no session is to come back with one."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import connections, transaction

View = TypeVar("View", bound=Any)


def outside_transactions(view: View) -> View:
    """Let a view run outside of `ATOMIC_REQUESTS`, whichever database sessions are in."""
    for alias in connections:
        view = transaction.non_atomic_requests(alias)(view)
    return view
