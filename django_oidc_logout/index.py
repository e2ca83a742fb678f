"""The index: a row for each session that was signed in through an identity provider."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import Error, router, transaction
from django.utils import timezone

from . import engines, sessions, statements
from .conf import conf
from .fields import digest
from .models import OIDCSession

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.sessions.backends.base import SessionBase
    from django.db.models import QuerySet
    from django.http import HttpRequest

    from .tokens import IDToken

logger = logging.getLogger(__name__)

BATCH = 500

T = TypeVar("T")


def remember(  # noqa: PLR0913  # what a row is made of
    request: HttpRequest,
    token: IDToken,
    *,
    provider: str,
    sid: str,
    refresh_token: str,
    renewal: bool,
) -> OIDCSession | None:
    """File the request's session, in place of what was filed for it before.

    Returns:
        The row; None if a session that is only renewed has ended meanwhile, and is flushed now.

    Raises:
        DatabaseError: the index cannot be written; a surrounding transaction is unharmed.
    """
    session = request.session
    filed = sessions.filed_key(session)
    if renewal and (not sessions.is_signed_in(session) or is_orphan(filed)):
        sessions.drop(request)
        return None
    key = sessions.final_key(session)
    values = {
        "session_key": key,
        "provider": provider,
        "issuer": token.issuer,
        "sub": token.subject,
        "sid": sid,
        "user": sessions.signed_in_user(request),
        "expires_at": session.get_expiry_date(),
        "id_token": token.encoded,
        "refresh_token": refresh_token,
    }
    if not renewal:
        values["signed_in_at"] = timezone.now()
    with transaction.atomic(using=_database()):
        row = _update(filed, values)
        if row is None and not (renewal and filed):
            row, _ = OIDCSession.objects.update_or_create(session_key=key, defaults=values)
    if row is None:
        sessions.drop(request)
    else:
        sessions.mark_filed(session, key, token.encoded)
    return row


def _update(key: str, values: dict[str, Any]) -> OIDCSession | None:
    """Update the row of a session, if it is there still."""
    rows = OIDCSession.objects.using(_database()).select_for_update()
    row = rows.filter(session_key=key).first() if key else None
    if row is not None:
        for name, value in values.items():
            setattr(row, name, value)
        row.save(force_update=True)
    return row


def current(session: SessionBase) -> OIDCSession | None:
    """Return the row of a session, if it was signed in through an identity provider.

    An index that cannot be read is logged: it keeps nobody from signing out.
    """
    own_key = None if engines.in_cookies() else session.session_key
    try:
        key = sessions.filed_key(session) or own_key
        rows = statements.select(OIDCSession, session_key=[key]) if key else ()
        return next(iter(rows), None)
    except Exception:  # rule 1: each session store raises its own
        logger.exception("The index of sessions cannot be read")
        return None


def matching(
    *, issuer: str = "", sub: str = "", sid: str = "", user: AbstractBaseUser | None = None
) -> QuerySet[OIDCSession]:
    """Return the rows of all criteria that are given; `sub` and `sid` are the issuer's."""
    criteria: dict[str, Any] = {
        "issuer": issuer,
        "sub_digest": digest(issuer, sub),
        "sid_digest": digest(issuer, sid),
        "user": user,
    }
    given = {name: value for name, value in criteria.items() if value}
    return OIDCSession.objects.using(_database()).defer("id_token", "refresh_token").filter(**given)


def remove(rows: Sequence[OIDCSession]) -> list[OIDCSession]:
    """Remove rows, and return those that this call has removed.

    The others have been removed by another call, or their session has got another key meanwhile.
    """
    keys = {row.pk: row.session_key for row in rows}
    if len(keys) == 1:
        ((pk, key),) = keys.items()
        gone = statements.delete(OIDCSession, id=[pk], session_key=[key])
        return list(rows) if gone else []
    with transaction.atomic(using=_database()):
        there = OIDCSession.objects.using(_database()).filter(pk__in=keys)
        locked = there.order_by("pk").select_for_update().values_list("pk", "session_key")
        mine = {pk for pk, key in locked if keys[pk] == key}
        OIDCSession.objects.filter(pk__in=mine).delete()
    return [row for row in rows if row.pk in mine]


def moved(rows: Iterable[OIDCSession]) -> list[OIDCSession]:
    """Return the rows whose session has got another key meanwhile; they bear it now."""
    there = OIDCSession.objects.using(_database()).filter(pk__in=[row.pk for row in rows])
    keys = dict(there.values_list("pk", "session_key"))
    found = [row for row in rows if keys.get(row.pk, row.session_key) != row.session_key]
    for row in found:
        row.session_key = keys[row.pk]
    return found


def forget_filed(session: SessionBase) -> None:
    """Remove the row under which `session` is filed, if it is. A failure is logged."""
    if key := sessions.filed_key(session):
        _forget_key(key)


def forget_replaced(request: HttpRequest) -> None:
    """Remove the row of the session that a sign-in has just replaced by another.

    `login()` flushes the session of whoever was signed in before, without a signal; the cookie that
    came with the request still names it.
    """
    cookie = request.COOKIES.get(conf.SESSION_COOKIE_NAME)
    if not cookie or cookie == request.session.session_key:
        return
    if engines.in_cookies():
        replaced = sessions.filed_key(engines.store()(cookie))
        if replaced != sessions.filed_key(request.session):
            _forget_key(replaced)
    else:
        _forget_key(cookie)


def _forget_key(key: str) -> None:
    try:
        with statements.unharmed(_database()):
            statements.delete(OIDCSession, session_key=[key])
    except Error:
        logger.exception("A session ends, but its row remains for clear_oidc_sessions")


def refile(session: SessionBase) -> bool | None:
    """File a session that has moved under its new key.

    Returns:
        Whether its row was there; None if the index cannot be written, which is logged.
    """
    try:
        with statements.unharmed(_database()):
            rows = OIDCSession.objects.filter(session_key=sessions.filed_key(session))
            is_there = bool(rows.update(session_key=session.session_key))
    except Error:
        logger.exception("A session has got a new key, of which the index does not know")
        return None
    if is_there:
        sessions.mark_moved(session)
    return is_there


def clear() -> int:
    """Remove the rows whose session is gone, and return how many there were.

    A session in a cookie cannot be asked after: its row goes when it has been out of use for twice
    as long as it may.
    """
    rows = OIDCSession.objects.order_by("pk").values_list("session_key", flat=True)
    if engines.in_cookies():
        long_ago = timezone.now() - timedelta(seconds=conf.SESSION_COOKIE_AGE)
        gone = list(rows.filter(expires_at__lt=long_ago))
    else:
        gone = [key for key in rows.iterator() if not engines.is_alive(key)]
    return sum(statements.delete(OIDCSession, session_key=batch) for batch in batches(gone))


def batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield the items in batches that one statement can name."""
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))


def extend(session: SessionBase) -> None:
    """Let the row of a session last as long as the session now does. A failure is logged."""
    try:
        with statements.unharmed(_database()):
            rows = OIDCSession.objects.filter(session_key=sessions.filed_key(session))
            rows.update(expires_at=session.get_expiry_date())
    except Error:
        logger.exception("A session lasts longer, of which the index does not know")
    else:
        sessions.mark_lengthened(session)


def all_or_nothing() -> AbstractContextManager[None]:
    """Return a transaction of the database that holds the index."""
    return transaction.atomic(using=_database())


def is_orphan(key: str) -> bool:
    """Tell whether a session that was filed under `key` is so no more."""
    rows = OIDCSession.objects.using(_database()).filter(session_key=key)
    return bool(key) and not rows.exists()


def _database() -> str:
    """Return the database that is written to: a replica may not have heard of a row yet."""
    return str(router.db_for_write(OIDCSession))
