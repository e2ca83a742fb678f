"""Ending the sessions that a verified logout token names (Back-Channel Logout 1.0, section 2.7)."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import Error
from django.db.models import Q

from ..codes import EndedCode, LogCode, NotEndedCode, RejectedCode
from ..exceptions import LogoutTokenInvalid, SessionsNotEnded
from ..fields import digest
from ..framework import safe_cache
from ..tokens.logout_token import LEEWAY
from . import end, entry, index, tombstones

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from django.db.models import QuerySet

    from ..models import OIDCSession
    from ..tokens.logout_token import LogoutToken
    from .tombstones import Names

logger = logging.getLogger("django_oidc_logout")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a logout token names."""

    rows: Sequence[OIDCSession] = ()
    settled: Collection[str] = ()
    """The tombstones that are not needed once the sessions have ended."""
    why_none: NotEndedCode = NotEndedCode.UNKNOWN_SESSION


def end_named_by(token: LogoutToken) -> int:
    """End the sessions, once per token: a replay must not end a later sign-in.

    The token counts as used only once its sessions have ended. If the process dies before that, the
    provider does not get a response and can send the same token again.

    Returns:
        How many ended.

    Raises:
        LogoutTokenInvalid: the token has been used.
        SessionsNotEnded: the index or a session store failed. The same token can be sent again.
    """
    names = tombstones.names_of(token)
    seconds = token.valid_until - time.time()
    found = safe_cache.get_many([names.used, names.sub])
    if names.used in found:
        raise LogoutTokenInvalid(code=RejectedCode.USED)
    left = dict(names.tombstones)
    if found.get(names.sub, 0) >= token.issued_at:
        left.pop(names.sub, None)  # the tombstone of a later token covers more
    safe_cache.put_many(left, seconds)  # first: a sign-in looks here after it has written its row
    named = _sessions_of(token, names)
    ended = end.end_rows(named.rows, code=EndedCode.BACK_CHANNEL)
    if not safe_cache.add(names.used, seconds):
        raise LogoutTokenInvalid(code=RejectedCode.USED_CONCURRENTLY)
    safe_cache.delete_many(named.settled)
    if ended and safe_cache.get(names.sub) == token.issued_at:
        safe_cache.put(names.sub, token.issued_at - tombstones.SAME_SECOND, seconds)
    if not ended:
        logger.info(
            "Logout token ended no session: issuer=%s jti=%s reason=%s",
            token.issuer,
            token.loggable_jti,
            named.why_none.sentence,
            extra=named.why_none.extra(provider=token.options.alias),
        )
    return ended


def _sessions_of(token: LogoutToken, names: Names) -> Named:
    """Return what a logout token names.

    If its `sub` differs from that of the session with its `sid`, the token contradicts itself, and
    the result does not have rows.
    """
    try:
        rows = [row for row in _named_by(token) if _is_meant(row, token)]
    except Error as exc:
        raise SessionsNotEnded(ended=0, failed=1) from exc
    agreeing = [row for row in rows if token.subject in ("", row.sub)]
    is_known = any(row.sid for row in agreeing)
    if is_known or not token.sid or len(agreeing) == len(rows):
        return Named(rows=agreeing, settled=[names.sid] if is_known and token.sid else [])
    logger.warning(
        "The sub of a logout token differs from its session's, so nothing ended, check the "
        "provider's subject identifiers: issuer=%s jti=%s",
        token.issuer,
        token.loggable_jti,
        extra=LogCode.SUB_DIFFERS.extra(provider=token.options.alias),
    )
    return Named(settled=list(names.tombstones), why_none=NotEndedCode.SUB_DIFFERS)


def _named_by(token: LogoutToken) -> QuerySet[OIDCSession]:
    """Return the rows with the token's `sid`, and those that only its `sub` names.

    A `sub` names only sessions that began before the token was issued. The leeway is for the site's
    clock, which may be ahead. If the token has a `sid`, its `sub` names only rows without a `sid`.
    """
    rows = index.matching(issuer=token.issuer).filter(token.rows)
    latest = entry.moment(token.issued_at + LEEWAY)
    by_sub = Q(sub_digest=digest(token.issuer, token.subject), signed_in_at__lte=latest)
    if not token.sid:
        return rows.filter(by_sub)
    by_sid = Q(sid_digest=digest(token.issuer, token.sid))
    # Not by `sid_digest`: a database could read all sessions without a `sid` by its index.
    return rows.filter(by_sid | by_sub & Q(sid="") if token.subject else by_sid)


def _is_meant(row: OIDCSession, token: LogoutToken) -> bool:
    """Return whether a token means a row that names it: a `sub` does not mean a later sign-in.

    Within the leeway, the ID Token says by the provider's clock when the session began.
    """
    is_by_sid = bool(token.sid and row.sid)
    if is_by_sid or int(row.signed_in_at.timestamp()) <= token.issued_at:  # as `began` counts
        return True
    try:
        return tombstones.began_by_id_token(row) <= token.issued_at
    except type(row).DoesNotExist:  # a concurrent call has just removed it
        return True
