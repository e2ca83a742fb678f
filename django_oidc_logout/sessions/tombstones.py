"""Tombstones: logout tokens that may arrive before the row of their session is written.

A sign-in takes a moment: the provider issues the ID Token, and the site writes the row. If the
provider ends the session in between, its logout token finds no row. So the token leaves a tombstone
in Django's cache for as long as it is valid, and a sign-in looks for one after it wrote its row.
The token leaves it before it looks for rows, so one of the two finds the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import connections, router, transaction

from .. import safe_cache
from ..codes import EndedCode
from ..conf import conf
from ..exceptions import SessionsNotEnded
from ..fields import digest
from ..providers import configured
from ..tokens.logout_token import LEEWAY
from . import end, engines, entry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest

    from ..models import OIDCSession
    from ..tokens.logout_token import LogoutToken

SID, SUB, SUB_WITHOUT_SID = "ended-sid", "ended-sub", "ended-sub-without-sid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names under which a logout token is kept in the cache."""

    used: str
    """It has ended its sessions."""
    sid: str
    """Its tombstone for the session with its `sid`."""
    sub: str
    """Its tombstone for the sessions of its `sub`."""
    tombstones: Mapping[str, Any]
    """The tombstones that it leaves."""


def names_of(token: LogoutToken) -> Names:
    """Return the names of a logout token."""
    issuer, client_id, subject = token.issuer, token.options.client_id, token.subject
    sub_digest = digest(issuer, subject)
    used = safe_cache.key("jti", issuer, token.jti)
    sid = safe_cache.key(SID, issuer, client_id, token.sid)
    kind = SUB_WITHOUT_SID if token.sid else SUB
    sub = safe_cache.key(kind, issuer, client_id, subject)
    by_sid = {sid: sub_digest} if token.sid else {}
    by_sub = {sub: token.issued_at} if subject else {}
    return Names(used=used, sid=sid, sub=sub, tombstones=by_sid | by_sub)


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
        end.end_rows([row], code=EndedCode.BACK_CHANNEL_EARLY)
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
    kinds = (SUB,) if row.sid else (SUB, SUB_WITHOUT_SID)
    by_sub = [safe_cache.key(kind, row.issuer, client_id, row.sub) for kind in kinds]
    by_sid = safe_cache.key(SID, row.issuer, client_id, row.sid)
    found = safe_cache.get_many([*by_sub, by_sid])
    if any(began <= found.get(name, 0) for name in by_sub):
        return True
    return bool(row.sid) and found.get(by_sid) in ("", digest(row.issuer, row.sub))


def _client_ids(row: OIDCSession) -> set[str]:
    """Return the clients whose logout tokens can end a session: its own, or all if unknown."""
    return {
        options.client_id
        for options in conf.OIDC_LOGOUT_PROVIDERS.values()
        if options.of_issuer(row.issuer) and row.provider not in configured.other_clients(options)
    }
