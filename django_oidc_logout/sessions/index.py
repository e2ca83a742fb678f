"""The index: a row for each session that began with a sign-in through an identity provider."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import Error, router, transaction
from django.utils import timezone

from ..conf import conf
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

    from ..tokens.id_token import IDToken

logger = logging.getLogger("django_oidc_logout")

BATCH = 500

T = TypeVar("T")


def record(
    request: HttpRequest, token: IDToken, *, sid: str, refresh_token: str, renewal: bool
) -> OIDCSession | None:
    """Write the row of the request's session, in place of an earlier row of the same session.

    Returns:
        The row. None if the session was to be renewed but has ended; it is flushed then.

    Raises:
        DatabaseError: the row cannot be written. A surrounding transaction stays usable.
    """
    session = request.session
    old_key = entry.row_key(session)
    if renewal and (not entry.is_signed_in(session) or is_orphan(old_key)):
        entry.flush(request)
        return None
    key = entry.final_key(session)
    values = {
        "session_key": key,
        "provider": token.alias,
        "issuer": token.issuer,
        "sub": token.subject,
        "sid": sid,
        "user": entry.signed_in_user(request),
        "expires_at": session.get_expiry_date(),
        "id_token": token.encoded,
        "refresh_token": refresh_token,
    }
    if not renewal:
        values["signed_in_at"] = timezone.now()
    with transaction.atomic(using=_database()):
        row = _update(old_key, values)
        if row is None and not (renewal and old_key):
            row, _ = OIDCSession.objects.update_or_create(session_key=key, defaults=values)
    if row is None:
        entry.flush(request)
    else:
        entry.mark_recorded(session, key, token.encoded)
    return row


def _update(key: str, values: dict[str, Any]) -> OIDCSession | None:
    """Update the row with this key, if it still exists."""
    rows = OIDCSession.objects.using(_database()).select_for_update()
    row = rows.filter(session_key=key).first() if key else None
    if row is not None:
        for name, value in values.items():
            setattr(row, name, value)
        row.save(force_update=True)
    return row


def current(request: HttpRequest) -> OIDCSession | None:
    """Return the row of the request's session, or None, also if the index cannot be read.

    If the session has expired, the row still has what a sign-out needs.
    """
    try:
        with sql.savepoints():
            key = entry.row_key(request.session) or _own_key(request)
            rows = sql.select(OIDCSession, session_key=[key]) if key else ()
            return next(iter(rows), None)
    except Exception:  # every session store raises its own exceptions, and signing out must work
        logger.exception("Could not read a session's row, the sign-out will lack the hint")
        return None


def _own_key(request: HttpRequest) -> str:
    if engines.in_cookies():
        return ""
    return request.session.session_key or engines.cookie_key(request)


def matching(
    *, issuer: str = "", sub: str = "", sid: str = "", user: AbstractBaseUser | None = None
) -> QuerySet[OIDCSession]:
    """Return the rows that match all given criteria; `sub` and `sid` belong to the issuer."""
    criteria: dict[str, Any] = {
        "issuer": issuer,
        "sub_digest": digest(issuer, sub),
        "sid_digest": digest(issuer, sid),
        "user": user,
    }
    # A site's user model can be falsy, so compare.
    given = {name: value for name, value in criteria.items() if value not in (None, "")}
    return OIDCSession.objects.using(_database()).defer("id_token", "refresh_token").filter(**given)


def remove(rows: Sequence[OIDCSession]) -> list[OIDCSession]:
    """Remove rows. Return those that this call removed.

    The other rows were removed by a concurrent call, or their session's key has changed.
    """
    keys = {row.pk: row.session_key for row in rows}
    if len(keys) == 1:
        ((pk, key),) = keys.items()
        is_removed = sql.delete(OIDCSession, id=[pk], session_key=[key])
        return list(rows) if is_removed else []
    with transaction.atomic(using=_database()):
        existing = OIDCSession.objects.using(_database()).filter(pk__in=keys)
        locked = existing.order_by("pk").select_for_update().values_list("pk", "session_key")
        unchanged = {pk for pk, key in locked if keys[pk] == key}
        OIDCSession.objects.filter(pk__in=unchanged).delete()
    return [row for row in rows if row.pk in unchanged]


def with_changed_key(rows: Iterable[OIDCSession]) -> list[OIDCSession]:
    """Return the rows whose session's key has changed since, with their new key."""
    existing = OIDCSession.objects.using(_database()).filter(pk__in=[row.pk for row in rows])
    keys = dict(existing.values_list("pk", "session_key"))
    changed = [row for row in rows if keys.get(row.pk, row.session_key) != row.session_key]
    for row in changed:
        row.session_key = keys[row.pk]
    return changed


def remove_row_of(session: SessionBase) -> None:
    """Remove the row of a session, if it has one. A failure is logged."""
    if key := entry.row_key(session):
        _remove_key(key)


def remove_replaced(request: HttpRequest) -> None:
    """Remove the row of the session that a sign-in has replaced.

    `login()` flushes the session of a previous user without a signal. The request's cookie still
    has its key.
    """
    cookie = request.COOKIES.get(conf.SESSION_COOKIE_NAME)
    if not cookie or cookie == request.session.session_key:
        return
    if engines.in_cookies():
        replaced = entry.row_key(engines.store()(cookie))
        if replaced != entry.row_key(request.session):
            _remove_key(replaced)
    elif engines.delete_hidden(cookie):
        _remove_key(cookie)


def _remove_key(key: str) -> None:
    try:
        with sql.savepoint(_database()):
            sql.delete(OIDCSession, session_key=[key])
    except Error:
        logger.exception(
            "Could not remove the row of an ended session, run oidc_logout_clear_sessions"
        )


def change_key(session: SessionBase) -> bool | None:
    """Write a session's new key into its row.

    Returns:
        Whether the row exists; None if the index cannot be written, which is logged.
    """
    try:
        with sql.savepoint(_database()):
            rows = OIDCSession.objects.filter(session_key=entry.row_key(session))
            exists = bool(rows.update(session_key=session.session_key))
    except Error:
        logger.exception("Could not record the session's new key")
        return None
    if exists:
        entry.mark_key(session)
    return exists


def clear() -> int:
    """Remove the rows whose session no longer exists. Return how many there were.

    The server cannot look for a session in a cookie: its row is removed if nobody has used the
    session for twice its lifetime.
    """
    rows = OIDCSession.objects.order_by("pk").values_list("session_key", flat=True)
    if engines.in_cookies():
        long_ago = timezone.now() - timedelta(seconds=conf.SESSION_COOKIE_AGE)
        gone = list(rows.filter(expires_at__lt=long_ago))
    else:
        gone = [key for key in rows.iterator() if not engines.is_alive(key)]
    return sum(sql.delete(OIDCSession, session_key=batch) for batch in batches(gone))


def batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield the items in batches that are small enough for one statement."""
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))


def extend(session: SessionBase) -> None:
    """Write a session's new expiry date into its row. A failure is logged."""
    try:
        with sql.savepoint(_database()):
            rows = OIDCSession.objects.filter(session_key=entry.row_key(session))
            rows.update(expires_at=session.get_expiry_date())
    except Error:
        logger.exception("Could not record the session's new expiry date")
    else:
        entry.mark_expiry(session)


def transaction_on_index() -> AbstractContextManager[None]:
    """Return a transaction on the database that holds the index."""
    return transaction.atomic(using=_database())


def is_orphan(key: str) -> bool:
    """Return whether `key` was the key of a row that no longer exists."""
    rows = OIDCSession.objects.using(_database()).filter(session_key=key)
    return bool(key) and not rows.exists()


def _database() -> str:
    """Return the database for writes: a replica may not have a row yet."""
    return str(router.db_for_write(OIDCSession))
