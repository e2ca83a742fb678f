"""Tombstones: a provider's message can arrive before the row of its session is written.

At a sign-in, the provider issues the ID Token, and a moment later the site writes the row. If the
provider ends the session in between, its logout token does not find a row. So the site first writes
a tombstone to Django's cache for as long as the logout token is valid, and then looks for rows. A
sign-in first writes its row, and then looks for a tombstone. So one of the two finds the other. A
security event does the same, for the columns by which it selects rows.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import connections, router, transaction

from ..codes import EndedCode
from ..conf import conf
from ..exceptions import SessionsNotEnded
from ..fields import digest
from ..framework import safe_cache
from ..framework.request_scope import unwrapped
from ..providers import configured
from ..tokens import id_token
from ..tokens.logout_token import LEEWAY
from . import end, engines, entry

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from django.http import HttpRequest

    from ..conf import ProviderOptions
    from ..models import OIDCSession
    from ..tokens.logout_token import LogoutToken

SID, SUB, SUB_WITHOUT_SID = "ended-sid", "ended-sub", "ended-sub-without-sid"
EVENT = "ended-by-event"
SELECTED_BY = (
    ("sub_digest",),
    ("email_digest",),
    ("sid_digest",),
    ("sub_digest", "sid_digest"),
    ("email_digest", "sid_digest"),
)
"""The columns by which a security event may select rows."""
SAME_SECOND = 0.001  # seconds; makes a time in whole seconds just earlier


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names under which a logout token is kept in the cache."""

    used: str
    """Set once the token has ended its sessions."""
    sid: str
    """The tombstone for the session with the token's `sid`."""
    sub: str
    """The tombstone for the sessions of the token's `sub`."""
    tombstones: Mapping[str, Any]
    """The tombstones to write, by name."""


def names_of(token: LogoutToken) -> Names:
    """Return the names of a logout token."""
    issuer, client_id, subject = token.issuer, token.options.client_id, token.subject
    sub_digest = digest(issuer, subject)
    used = safe_cache.key("jti", issuer, client_id, token.jti)
    sid = safe_cache.key(SID, issuer, client_id, token.sid)
    kind = SUB_WITHOUT_SID if token.sid else SUB
    sub = safe_cache.key(kind, issuer, client_id, subject)
    by_sid = {sid: sub_digest} if token.sid else {}
    by_sub = {sub: token.issued_at} if subject else {}
    return Names(used=used, sid=sid, sub=sub, tombstones=by_sid | by_sub)


def enforce(request: HttpRequest, row: OIDCSession, issued_at: float | None) -> bool:
    """End a sign-in that has just been recorded if a tombstone covers it. Return whether one does.

    Inside a transaction, others cannot see the row yet, so this checks again after the commit.

    Args:
        request: the request that has been signed in.
        row: the row that was written.
        issued_at: when the provider issued the ID Token, or None if that is unknown.
    """
    if _end_if_covered(request, row, issued_at):
        return True
    database = router.db_for_write(type(row))
    if connections[database].in_atomic_block:
        again = partial(_end_if_covered, request, row, issued_at)
        transaction.on_commit(again, using=database, robust=True)
    return False


def _end_if_covered(request: HttpRequest, row: OIDCSession, issued_at: float | None) -> bool:
    if covers(row, issued_at):
        code = EndedCode.BACK_CHANNEL_EARLY
    elif is_covered_by_event(row, issued_at):
        code = EndedCode.SECURITY_EVENT_EARLY
    else:
        return False
    try:
        end.end_rows([row], code=code)
    except SessionsNotEnded:  # it is logged, and the row remains
        unwrapped(request).session = engines.store()()
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
    """Return the clients whose logout tokens can end a session: its own; if it is unknown, all."""
    return {
        options.client_id
        for options in conf.OIDC_LOGOUT_PROVIDERS.values()
        if options.of_issuer(row.issuer) and row.provider not in configured.other_clients(options)
    }


def leave(selected: Iterable[Mapping[str, str]], options: ProviderOptions, at: float) -> list[str]:
    """Write the tombstones of a security event, and return their names.

    Args:
        selected: the values by which the event selects rows. A row must have all those of a
            mapping.
        options: the provider's options. The tombstones last as long as those of logout tokens.
        at: when the event occurred.
    """
    names = [_event_name(values) for values in selected]
    found = safe_cache.get_many(names)
    later = {name: at for name in names if found.get(name, 0) < at}
    safe_cache.put_many(later, at + options.max_token_age + LEEWAY - time.time())
    return names


def settle(names: Collection[str], options: ProviderOptions, at: float) -> None:
    """Move the tombstones of an event that has ended its sessions to just before its second.

    So they do not end new sign-ins of the same second.
    """
    found = safe_cache.get_many(names)
    earlier = {name: math.floor(at) - SAME_SECOND for name in names if found.get(name) == at}
    safe_cache.put_many(earlier, at + options.max_token_age + LEEWAY - time.time())


def is_covered_by_event(row: OIDCSession, issued_at: float | None) -> bool:
    """Return whether a security event has ended the session of a row."""
    providers = conf.OIDC_LOGOUT_PROVIDERS.values()
    if all(each.shared_signals is None for each in providers):
        return False  # without calling the cache
    values = [{name: getattr(row, name) for name in names} for names in SELECTED_BY]
    found = safe_cache.get_many([_event_name(each) for each in values])
    return any(began(row, issued_at) <= at for at in found.values())


def began_by_id_token(row: OIDCSession) -> float:
    """Return when the session of a row began, as far as its ID Token says."""
    token = id_token.read_or_none(row.id_token)
    return began(row, token.issued_at if token else None)


def began(row: OIDCSession, issued_at: float | None) -> float:
    """Return when a session began, by the provider's clock if the ID Token has an `iat`.

    After a renewal, the ID Token is later than the sign-in, so the earlier time counts. Tokens and
    events have whole seconds, so the sign-in has as well.
    """
    signed_in_at = row.signed_in_at.timestamp()
    return signed_in_at - LEEWAY if issued_at is None else min(issued_at, int(signed_in_at))


def _event_name(values: Mapping[str, str]) -> str:
    return safe_cache.key(EVENT, *(f"{name}={value}" for name, value in sorted(values.items())))
