"""View decorators."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import connections, transaction

View = TypeVar("View", bound=Any)


def outside_transactions(view: View) -> View:
    """Exempt a view from `ATOMIC_REQUESTS` on every database.

    Otherwise an error after the sign-out would roll it back and restore the session.
    """
    for alias in connections:
        view = transaction.non_atomic_requests(alias)(view)
    return view
