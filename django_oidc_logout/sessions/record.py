"""Writing rows: a sign-in is recorded, and its row follows the browser's session.

A new row is written before marks and tombstones are read in the same transaction. If a transaction
begins with a read, SQLite rejects its write while another connection writes, even after a wait.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any, TypeVar, cast

from django.db import IntegrityError, OperationalError, connections
from django.utils import timezone

from ..codes import EndedCode
from ..fields import digest
from ..framework.request_scope import unwrapped
from ..models import OIDCSession
from . import devices, end, engines, entry, flushed, handles, index, lifetime, login_hints, sql

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.sessions.backends.base import SessionBase
    from django.http import HttpRequest

    from ..tokens.id_token import IDToken

RETRY_DELAYS = (0.05, 0.1, 0.2, 0.4, 0.8)  # seconds
ENDED_ROW = "_oidc_logout_ended_row"
KEPT = ("sid", "email_digest", "refresh_token", "id_token")

T = TypeVar("T")


def record(
    request: HttpRequest, token: IDToken, *, sid: str, refresh_token: str, renewal: bool
) -> OIDCSession | None:
    """Write the row of the request's session, in place of an earlier row of the same session.

    Returns:
        The row, or None if the session to renew has ended. That session is flushed.

    Raises:
        DatabaseError: the row cannot be written. A surrounding transaction stays usable.
    """
    session = request.session
    old_key = entry.row_key(session)
    if renewal and (not entry.is_signed_in(session) or index.is_orphan(old_key)):
        entry.flush(request)
        return None
    key = entry.final_key(session)
    values = {
        "session_key": key,
        "provider": token.alias,
        "issuer": token.issuer,
        "sub": token.subject,
        "sid": sid,
        "email_digest": digest(token.issuer, token.email),
        "user": entry.signed_in_user(request),
        "handle": handles.ensure(session),
        "expires_at": entry.expiry_date(session),
        "ends_at": lifetime.hard_end(session),
        "id_token": token.encoded,
        "refresh_token": refresh_token,
        "last_seen_at": timezone.now(),
        **devices.describe(request),
    }
    row = _retry(lambda: _write(old_key, values, renewal=renewal))
    if row is None:
        entry.flush(request)
    else:
        entry.mark_recorded(session, key, token.encoded)
        login_hints.mark(session, None if row.id_token else token.login_hint)
    return row


def _write(old_key: str, values: dict[str, Any], *, renewal: bool) -> OIDCSession | None:
    row = _row(old_key) if old_key else None
    if row is None and renewal and old_key:
        return None  # the session has ended
    if not renewal:
        values["signed_in_at"] = timezone.now()
    if row is not None:
        updated = _update(old_key, _changes(row, values, renewal=renewal))
        if updated is not None or renewal:
            return updated
    return _insert(values)


def _changes(row: OIDCSession, values: dict[str, Any], *, renewal: bool) -> dict[str, Any]:
    """Return what to change in a row. A renewal keeps values of `KEPT` that it does not have."""
    user, is_same = values["user"], (row.issuer, row.sub) == (values["issuer"], values["sub"])
    is_acting = is_same and user is not None and row.acts_as_id == user.pk
    if is_acting or (renewal and row.user_id is not None):
        values = {name: value for name, value in values.items() if name != "user"}
    else:
        values = {**values, "acts_as": None}
    kept = KEPT if row.provider == values["provider"] else KEPT[:2]  # tokens belong to one client
    lacking = {name for name in kept if is_same and renewal and not values[name]}
    return {name: value for name, value in values.items() if name not in lacking}


def _insert(values: dict[str, Any]) -> OIDCSession:
    row = OIDCSession(**values)
    try:
        with sql.savepoint(index.database()):
            row.save(force_insert=True)
    except IntegrityError:  # this session has a row already
        updated = _update(values["session_key"], values)
        if updated is None:
            raise
        return updated
    return row


def _update(key: str, values: dict[str, Any]) -> OIDCSession | None:
    """Update the row with this key, and return it if it still exists."""
    columns = {**values, "sub_digest": digest(values["issuer"], values["sub"])}
    if "sid" in values:
        columns["sid_digest"] = digest(values["issuer"], values["sid"])
    with sql.savepoint(index.database()):
        is_updated = OIDCSession.objects.filter(session_key=key).update(**columns)
    return _row(values["session_key"]) if is_updated else None


def _row(key: str) -> OIDCSession | None:
    with sql.savepoint(index.database()):
        return next(iter(sql.select(OIDCSession, session_key=[key])), None)


def _retry(write: Callable[[], T]) -> T:
    """Repeat a write that another connection blocks, unless a transaction is open."""
    connection = connections[index.database()]
    for delay in RETRY_DELAYS:
        try:
            return write()
        except OperationalError:
            if connection.in_atomic_block:
                raise
            connection.close_if_unusable_or_obsolete()
            time.sleep(delay * random.uniform(0.5, 1.5))  # noqa: S311  # not a secret
    return write()


def follow_login(request: HttpRequest, user: AbstractBaseUser) -> tuple[OIDCSession | None, bool]:
    """Give the row of the browser's session to the session that `login()` has just begun.

    So the index still has the session if somebody signs in as another user (django-hijack,
    django-loginas) or switches back, or if the ID Token was recorded before a second factor. If the
    old session has ended in the meantime, the new one is flushed.

    Returns:
        The row, if there is one, and whether this `login()` has given it its user.

    Raises:
        DatabaseError: the row cannot be read or written. A surrounding transaction stays usable.
    """
    row = row_before_login(request)
    if row is None:
        if _own_key(request.session):
            entry.flush(request)
        return None, False
    session, is_nobodys = request.session, row.user_id is None
    entry.mark_provider(session, row.provider)
    row.session_key, old_key = entry.final_key(session), row.session_key
    lifetime.carry_over(session, row)
    handles.carry_over(session, row)
    login_hints.carry_over(session)
    row.expires_at = entry.expiry_date(session)
    if is_nobodys:
        row.user = cast("Any", user)
    row.acts_as = None if row.user_id == user.pk else cast("Any", user)
    if old_key != row.session_key and not engines.delete_hidden(old_key):
        row.pk = None  # both sessions may live, so each needs a row
    if not _retry(lambda: _move(row, old_key)):
        entry.flush(request)
        return None, False
    entry.mark_recorded(session, row.session_key, row.id_token)
    return row, is_nobodys


def follow_later(session: SessionBase) -> None:
    """Store in a session the key of the row that could not be given to it.

    The middleware tries again, or flushes the session if it has ended in the meantime.
    """
    key = flushed.of(session).row_key
    if key and not entry.row_key(session):
        entry.mark_recorded(session, key, entry.mozilla_id_token(session))


def _move(row: OIDCSession, old_key: str) -> bool:
    with sql.savepoint(index.database()):
        if not row.pk:
            row.save(force_insert=True)
            return True
        names = ("session_key", "handle", "expires_at", "user", "acts_as")
        values = {name: getattr(row, name) for name in names}
        rows = OIDCSession.objects.filter(pk=row.pk, session_key=old_key)
        return bool(rows.update(**values))


def row_before_login(request: HttpRequest) -> OIDCSession | None:
    """Return the row that the browser's session had before `login()`, or before `logout()`."""
    session = request.session
    own_key = _own_key(session)
    ended: OIDCSession | None = getattr(unwrapped(request), ENDED_ROW, None)
    if own_key or ended:
        return ended or _row(own_key)
    return None if engines.in_cookies() else _row_of_replaced_session(request)


def _own_key(session: SessionBase) -> str:
    return entry.row_key(session) or flushed.of(session).row_key


def _row_of_replaced_session(request: HttpRequest) -> OIDCSession | None:
    """Return the row of a session that its store did not find, so that `login()` replaced it.

    Without the package's middleware, the cookie alone does not prove that the session was
    replaced: the request's session may have come from another cookie, or from none.
    """
    arrived, cookie = entry.arrived_key(request.session), engines.cookie_key(request)
    key = arrived or cookie
    if not key or key == request.session.session_key:
        return None
    row = _row(key)
    if row is None or row.expires_at <= timezone.now():
        return None
    return row if arrived or not engines.is_alive(key) else None


def keep_ended(request: HttpRequest, row: OIDCSession | None) -> None:
    """Keep the row that `logout()` removed, in case `login()` follows in the same request."""
    if row is not None:
        row.pk = None
        setattr(unwrapped(request), ENDED_ROW, row)


def remove_replaced(request: HttpRequest) -> None:
    """Remove the row of the session that a sign-in through a provider has replaced."""
    row = row_before_login(request)
    if row is None or row.session_key == entry.row_key(request.session):
        return
    if engines.delete_hidden(row.session_key):  # otherwise the row must remain
        index.remove_key(row.session_key)
        end.announce_gone([row], EndedCode.REPLACED)
