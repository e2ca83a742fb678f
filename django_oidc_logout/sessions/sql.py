"""Hand-written SQL for what every sign-out waits for: one round trip per statement.

Django takes longer to build such a query than the database takes to run it, and wraps a deletion in
a transaction, which costs two more round trips.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from django.db import connections, router, transaction
from django.db.models.deletion import Collector

from ..framework.savepoints import savepoint, savepoints

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.db.models import Model
    from django.db.models.query import RawQuerySet

__all__ = ["delete", "savepoint", "savepoints", "select"]

M = TypeVar("M", bound="Model")


def select(model: type[M], **values: Collection[str | int]) -> RawQuerySet[M]:
    """Return the rows that have one of the values in each of the columns.

    The query goes to the database for writes, because a replica may not have the rows yet.
    """
    using = router.db_for_write(model)
    where, parameters = _where(model, using, values)
    return model._default_manager.using(using).raw(f"SELECT * {where}", parameters)


def delete(model: type[Model], **values: Collection[str | int]) -> int:
    """Delete the rows that have one of the values in each of the columns. Return how many.

    If other rows depend on them, or a receiver listens for their deletion, Django deletes them.
    """
    using = router.db_for_write(model)
    with transaction.mark_for_rollback_on_error(using):
        if Collector(using).can_fast_delete(model._default_manager.all()):
            where, parameters = _where(model, using, values)
            with connections[using].cursor() as cursor:
                cursor.execute(f"DELETE {where}", parameters)
                return int(cursor.rowcount)
        filters = {f"{name}__in": of_column for name, of_column in values.items()}
        return model._default_manager.using(using).filter(**filters).delete()[0]


def _where(
    model: type[Model], using: str, values: dict[str, Collection[str | int]]
) -> tuple[str, list[str | int]]:
    quote = connections[using].ops.quote_name
    conditions = [
        f"{quote(column)} IN ({', '.join(['%s'] * len(given))})" for column, given in values.items()
    ]
    where = f"FROM {quote(model._meta.db_table)} WHERE {' AND '.join(conditions)}"
    return where, [value for given in values.values() for value in given]
