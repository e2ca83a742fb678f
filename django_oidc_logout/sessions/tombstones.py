"""Tombstones: logout tokens that may arrive before the row of their session is written.

A sign-in takes a moment: the provider issues the ID Token, and the site writes the row. If the
provider ends the session in between, its logout token finds no row. So the token leaves a tombstone
in Django's cache for as long as it is valid, and a sign-in looks for one after it wrote its row.
The token leaves it before it looks for rows, so one of the two finds the other.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from django.db import connections, router, transaction

from .. import safe_cache
from ..conf import conf
from ..exceptions import SessionsNotEnded
from ..fields import digest
from ..providers import configured
from ..tokens.logout_token import LEEWAY
from . import end, engines, entry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest

    from ..models import OIDCSession
    from ..tokens.logout_token import LogoutToken

SAME_SECOND = 0.001  # what makes a time earlier than one that is given in whole seconds
SID, SUB, SUB_WITHOUT_SID = "ended-sid", "ended-sub", "ended-sub-without-sid"


def put(token: LogoutToken) -> None:
    """Leave the tombstones of a logout token, until the token is no longer valid."""
    seconds = token.valid_until - time.time()
    if token.sid:
        safe_cache.put(_sid_name(token), digest(token.issuer, token.subject), seconds)
    if token.subject and (safe_cache.get(_sub_name(token)) or 0) < token.issued_at:
        safe_cache.put(_sub_name(token), token.issued_at, seconds)


def narrow(token: LogoutToken, rows: Iterable[OIDCSession]) -> None:
    """Narrow the tombstones of a logout token that has ended the sessions of these rows.

    If the session with its `sid` is among them, no sign-in is under way that the token names. An ID
    Token of the same second as the token is now more likely to be that of a later sign-in.
    """
    if token.sid and any(row.sid == token.sid for row in rows):
        safe_cache.delete(_sid_name(token))
    if token.subject and safe_cache.get(_sub_name(token)) == token.issued_at:
        seconds = token.valid_until - time.time()
        safe_cache.put(_sub_name(token), token.issued_at - SAME_SECOND, seconds)


def remove(token: LogoutToken) -> None:
    """Remove the tombstones of a logout token that ends nothing."""
    safe_cache.delete(_sid_name(token))
    safe_cache.delete(_sub_name(token))


def enforce(request: HttpRequest, row: OIDCSession, issued_at: float | None) -> bool:
    """End a sign-in that has just been recorded if a tombstone covers it. Return whether one does.

    Inside a transaction, a logout token cannot see the row yet, so this looks again after it.

    Args:
        request: the request that has been signed in.
        row: the row that was written.
        issued_at: when the provider issued the ID Token, if the token says so.
    """
    if _end_if_covered(request, row, issued_at):
        return True
    database = router.db_for_write(type(row))
    if connections[database].in_atomic_block:
        again = partial(_end_if_covered, request, row, issued_at)
        transaction.on_commit(again, using=database, robust=True)
    return False


def _end_if_covered(request: HttpRequest, row: OIDCSession, issued_at: float | None) -> bool:
    if not covers(row, issued_at):
        return False
    try:
        end.end_rows(
            [row], reason="The provider ended the session before it was recorded (back-channel)."
        )
    except SessionsNotEnded:  # it is logged, and the row remains
        request.session = engines.store()()
    entry.flush(request)
    return True


def covers(row: OIDCSession, issued_at: float | None) -> bool:
    """Return whether a logout token has ended the session of a row.

    A `sub` names sessions that began before the token, by the provider's clock if the ID Token says
    when it was issued. A `sid` names one session, which does not begin again.
    """
    began = row.signed_in_at.timestamp() - LEEWAY if issued_at is None else issued_at
    return any(_covers(row, began, client_id) for client_id in _client_ids(row))


def _covers(row: OIDCSession, began: float, client_id: str) -> bool:
    by_sub = SUB if row.sid else SUB_WITHOUT_SID
    subs = {_name(kind, row.issuer, client_id, row.sub) for kind in (SUB, by_sub)}
    if any(began <= (safe_cache.get(name) or 0) for name in subs):
        return True
    sub = safe_cache.get(_name(SID, row.issuer, client_id, row.sid)) if row.sid else None
    return sub in ("", digest(row.issuer, row.sub))


def _client_ids(row: OIDCSession) -> set[str]:
    """Return the clients whose logout tokens can end a session: its own, or all if unknown."""
    return {
        options.client_id
        for options in conf.OIDC_LOGOUT_PROVIDERS.values()
        if options.issuer == row.issuer and row.provider not in configured.other_clients(options)
    }


def _sid_name(token: LogoutToken) -> str:
    return _name(SID, token.issuer, token.options.client_id, token.sid)


def _sub_name(token: LogoutToken) -> str:
    kind = SUB_WITHOUT_SID if token.sid else SUB
    return _name(kind, token.issuer, token.options.client_id, token.subject)


def _name(kind: str, issuer: str, client_id: str, identifier: str) -> str:
    return safe_cache.key(kind, issuer, client_id, identifier)
