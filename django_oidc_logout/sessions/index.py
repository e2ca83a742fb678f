"""The index: a row for each session that began with a sign-in through an identity provider."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import Error, router, transaction
from django.db.models import Q
from django.utils import timezone

from ..codes import LogCode
from ..fields import digest
from ..models import OIDCSession
from . import engines, entry, sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.sessions.backends.base import SessionBase
    from django.db.models import QuerySet
    from django.http import HttpRequest

logger = logging.getLogger("django_oidc_logout")

BATCH = 500

OVERDUE = "_oidc_logout_overdue"  # the attribute of an overdue session, with the row that it had

T = TypeVar("T")


def current(request: HttpRequest) -> OIDCSession | None:
    """Return the row of the request's session. Return None if it is missing or cannot be read.

    If the session has expired, its row can still exist, and contains what a sign-out needs.
    """
    try:
        with sql.savepoints():
            key = entry.row_key(request.session) or _own_key(request)
            rows = sql.select(OIDCSession, session_key=[key]) if key else ()
            return next(iter(rows), None) or getattr(request.session, OVERDUE, None)
    except Exception:  # every session store raises its own exceptions, and signing out must work
        logger.exception(
            "Could not read a session's row, the sign-out will lack the hint",
            extra=LogCode.ROW_NOT_READ.extra(),
        )
        return None


def _own_key(request: HttpRequest) -> str:
    if engines.in_cookies():
        return ""
    return request.session.session_key or engines.cookie_key(request)


def matching(
    *, issuer: str = "", sub: str = "", sid: str = "", user: AbstractBaseUser | None = None
) -> QuerySet[OIDCSession]:
    """Return the rows that match all given criteria.

    `sub` and `sid` belong to the issuer. `user` is the person who signed in, or the user as whom
    the session acts.
    """
    criteria: dict[str, Any] = {
        "issuer": issuer,
        "sub_digest": digest(issuer, sub),
        "sid_digest": digest(issuer, sid),
    }
    given = Q(**{name: value for name, value in criteria.items() if value})
    if user is not None:
        given &= Q(user=user) | Q(acts_as=user)
    rows = OIDCSession.objects.using(database()).filter(given)
    return rows.defer("id_token", "refresh_token")


def remove(rows: Sequence[OIDCSession]) -> list[OIDCSession]:
    """Remove rows. Return those that this call removed.

    The other rows were removed by a concurrent call, or their session's key has changed.
    """
    keys = {row.pk: row.session_key for row in rows}
    if len(keys) == 1:
        ((pk, key),) = keys.items()
        is_removed = sql.delete(OIDCSession, id=[pk], session_key=[key])
        return list(rows) if is_removed else []
    with transaction.atomic(using=database()):
        existing = OIDCSession.objects.using(database()).filter(pk__in=keys)
        locked = existing.order_by("pk").select_for_update().values_list("pk", "session_key")
        unchanged = {pk for pk, key in locked if keys[pk] == key}
        existing.filter(pk__in=unchanged).delete()
    return [row for row in rows if row.pk in unchanged]


def restore(rows: Iterable[OIDCSession]) -> Sequence[OIDCSession]:
    """Write removed rows again, with the columns that had been read, and return them.

    Their sessions may still exist. A session without a row cannot be ended.
    """
    names = [field.attname for field in OIDCSession._meta.concrete_fields]
    copies = [OIDCSession(**{name: row.__dict__.get(name, "") for name in names}) for row in rows]
    return OIDCSession.objects.using(database()).bulk_create(copies, ignore_conflicts=True)


def with_changed_key(rows: Iterable[OIDCSession]) -> list[OIDCSession]:
    """Return the rows whose session key has changed since they were read, with their new key."""
    existing = OIDCSession.objects.using(database()).filter(pk__in=[row.pk for row in rows])
    keys = dict(existing.values_list("pk", "session_key"))
    changed = [row for row in rows if keys.get(row.pk, row.session_key) != row.session_key]
    for row in changed:
        row.session_key = keys[row.pk]
    return changed


def remove_row_of(session: SessionBase) -> None:
    """Remove the row of a session, if it has one. A failure is logged."""
    if key := entry.row_key(session):
        remove_key(key)


def remove_key(key: str) -> None:
    """Remove the row with this key. A failure is logged."""
    try:
        with sql.savepoint(database()):
            sql.delete(OIDCSession, session_key=[key])
    except Error:
        logger.exception(
            "Could not remove the row of an ended session, run oidc_logout_clear_sessions",
            extra=LogCode.ROW_NOT_REMOVED.extra(),
        )


def change_key(session: SessionBase) -> bool | None:
    """Write a session's new key into its row.

    Returns:
        Whether the row exists; None if the index cannot be written, which is logged.
    """
    try:
        with sql.savepoint(database()):
            rows = OIDCSession.objects.filter(session_key=entry.row_key(session))
            exists = bool(rows.update(session_key=session.session_key))
    except Error:
        logger.exception(
            "Could not record the session's new key", extra=LogCode.KEY_NOT_RECORDED.extra()
        )
        return None
    if exists:
        entry.mark_key(session)
    return exists


def pages(rows: QuerySet[OIDCSession]) -> Iterator[list[OIDCSession]]:
    """Yield rows in batches, each read when it is needed. Rows may be removed in between."""
    ordered, last = rows.order_by("pk"), 0
    while page := list(ordered.filter(pk__gt=last)[:BATCH]):
        last = page[-1].pk  # a row that ends loses its primary key
        yield page


def batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield the items in batches that are small enough for one statement."""
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))


def extend(session: SessionBase) -> None:
    """Write a session's expiry date and its last use into its row. A failure is logged."""
    with _failure_logged(), sql.savepoint(database()):
        rows = OIDCSession.objects.filter(session_key=entry.row_key(session))
        rows.update(expires_at=entry.expiry_date(session), last_seen_at=timezone.now())
        entry.mark_expiry(session)


def see(session: SessionBase) -> None:
    """Write a session's last use into its row, once an hour and process. A failure is logged."""
    with _failure_logged():
        _see(entry.row_key(session), int(time.time() // entry.HOUR))


@lru_cache(maxsize=10_000)
def _see(key: str, _hour: int) -> None:
    with sql.savepoint(database()):
        OIDCSession.objects.filter(session_key=key).update(last_seen_at=timezone.now())


@contextmanager
def _failure_logged() -> Iterator[None]:
    try:
        yield
    except Error:
        logger.exception(
            "Could not record a session's expiry date or last use",
            extra=LogCode.EXPIRY_NOT_RECORDED.extra(),
        )


def transaction_on_index() -> AbstractContextManager[None]:
    """Return a transaction on the database that holds the index."""
    return transaction.atomic(using=database())


def is_orphan(key: str) -> bool:
    """Return whether `key` was the key of a row that no longer exists."""
    rows = OIDCSession.objects.using(database()).filter(session_key=key)
    return bool(key) and not rows.exists()


def has_handle(handle: str) -> bool:
    """Return whether a session with this handle has a row, and is not overdue."""
    rows = OIDCSession.objects.using(database()).filter(handle=handle)
    return rows.exclude(ends_at__lte=timezone.now()).exists()


def database() -> str:
    """Return the database for writes: a replica may not have a row yet."""
    return str(router.db_for_write(OIDCSession))
