"""Hand-written SQL for the statements of every sign-out: one round trip each.

Django takes longer to build such a query, even a raw one, than the database takes to run it. It
also wraps a deletion in a transaction, which costs two more round trips.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeVar

from django.db import connections, router, transaction
from django.db.models.deletion import Collector

from ..framework.savepoints import savepoint, savepoints

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models import Model

__all__ = ["delete", "savepoint", "savepoints", "select"]

M = TypeVar("M", bound="Model")


def select(model: type[M], **values: Collection[str | int]) -> list[M]:
    """Return the rows that have one of the given values in each of the given columns.

    The query goes to the database for writes, because a replica may not have the rows yet.
    """
    connection = _connection(model)
    where, parameters = _where(model, connection, values)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * {where}", parameters)
        columns = [description[0] for description in cursor.description]
        rows = cursor.fetchall()
    return [_instance(model, connection, dict(zip(columns, row, strict=True))) for row in rows]


def _instance(model: type[M], connection: Any, row: dict[str, Any]) -> M:
    """Return an instance. A column may be missing until the site has migrated."""
    names, values = [], []
    for name, column, converted in _columns(model, connection.alias):
        if column in row:
            names.append(name)
            values.append(row[column])
            for convert in _converters(converted, connection) if converted else ():
                values[-1] = convert(values[-1], converted, connection)
    return model.from_db(connection.alias, names, values)


@cache
def _columns(model: type[Model], using: str) -> list[tuple[str, str, Any]]:
    """Return each field's attribute, its column, and its expression if values are converted."""
    connection: Any = connections[using]
    found: list[tuple[str, str, Any]] = []
    for field in model._meta.concrete_fields:
        column = connection.introspection.identifier_converter(field.column)
        expression = field.cached_col
        is_converted = any(_converters(expression, connection))
        found.append((field.attname, column, expression if is_converted else None))
    return found


def _converters(expression: Any, connection: Any) -> list[Any]:
    """Return the converters that Django's compiler applies to the values of an expression."""
    return [
        *connection.ops.get_db_converters(expression),
        *expression.get_db_converters(connection),
    ]


def delete(model: type[Model], **values: Collection[str | int]) -> int:
    """Delete the rows that have one of the given values in each of the columns. Return how many.

    If other rows depend on them, or a receiver listens for their deletion, Django deletes them.
    """
    connection = _connection(model)
    using = connection.alias
    with transaction.mark_for_rollback_on_error(using):
        if Collector(using).can_fast_delete(model):  # type: ignore[arg-type]  # Django passes models, too
            where, parameters = _where(model, connection, values)
            with connection.cursor() as cursor:
                cursor.execute(f"DELETE {where}", parameters)
                return int(cursor.rowcount)
        filters = {f"{name}__in": of_column for name, of_column in values.items()}
        return model._default_manager.using(using).filter(**filters).delete()[0]


def _connection(model: type[Model]) -> BaseDatabaseWrapper:
    return connections[router.db_for_write(model)]


def _where(
    model: type[Model], connection: BaseDatabaseWrapper, values: dict[str, Collection[str | int]]
) -> tuple[str, list[str | int]]:
    quote = connection.ops.quote_name
    conditions = [
        f"{quote(column)} IN ({', '.join(['%s'] * len(given))})" for column, given in values.items()
    ]
    where = f"FROM {quote(model._meta.db_table)} WHERE {' AND '.join(conditions)}"
    return where, [value for given in values.values() for value in given]
