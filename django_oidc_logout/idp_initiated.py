"""Sign-out that starts at the identity provider.

OpenID Connect Back-Channel Logout 1.0 (a signed token, server to server) and Front-Channel
Logout 1.0 (a frame in the browser; browsers no longer send its cookies, so it is a look-up).
"""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.db import Error
from django.db.models import Q

from . import safe_cache
from .exceptions import LogoutTokenInvalid, OIDCLogoutError, SessionsNotEnded
from .fields import digest
from .providers import configured
from .sessions import end, index, tombstones
from .signals import logout_token_rejected
from .tokens import logout_token

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from .models import OIDCSession
    from .tokens.logout_token import LogoutToken

logger = logging.getLogger("django_oidc_logout")

UNKNOWN = "no matching session is known"
SUB_DIFFERS = "its sub is not that of its session"


def back_channel(encoded: str) -> int:
    """Verify a logout token, end its sessions, and return how many there were.

    Raises:
        OIDCLogoutError: the token is invalid, its keys cannot be fetched, or a session cannot be
            ended. The provider may send the same token again until it has ended its sessions.
    """
    issuer = ""
    try:
        token = logout_token.verify(encoded)
        issuer = token.issuer
        return _end(token)
    except OIDCLogoutError as exc:
        logout_token_rejected.send_robust(
            sender=back_channel, issuer=issuer or exc.issuer, reason=str(exc)
        )
        raise


def _end(token: LogoutToken) -> int:
    """End the sessions, once per token: a replay must not end a later sign-in.

    The token counts as used only once its sessions have ended. If the process dies before, the
    provider gets no response and can send the same token again.
    """
    used = safe_cache.key("jti", token.issuer, token.jti)
    if safe_cache.get(used):
        raise LogoutTokenInvalid("the token has been used")
    tombstones.put(token)  # before the query: a sign-in writes its row first, and then looks here
    rows, why_none = _sessions_of(token)
    ended = end.end_rows(rows, reason="The provider ended the session (back-channel).")
    if not safe_cache.add(used, token.valid_until - time.time()):
        raise LogoutTokenInvalid("the token has been used at the same time")
    if ended:
        tombstones.narrow(token, rows)
    else:
        logger.info(
            "Logout token ended no session: issuer=%s jti=%s reason=%s",
            token.issuer,
            token.loggable_jti,
            why_none,
        )
    return ended


def _sessions_of(token: LogoutToken) -> tuple[list[OIDCSession], str]:
    """Return the rows of the sessions that a logout token ends, or else why there are none.

    If its `sub` is not that of the session with its `sid`, the token contradicts itself.
    """
    try:
        rows = list(_named_by(token))
    except Error as exc:
        raise SessionsNotEnded(ended=0, failed=1) from exc
    agreeing = [row for row in rows if token.subject in ("", row.sub)]
    if not token.sid or len(agreeing) == len(rows) or any(row.sid for row in agreeing):
        return agreeing, UNKNOWN
    tombstones.remove(token)
    logger.warning(
        "The sub of a logout token differs from its session's, so nothing ended, check the "
        "provider's subject identifiers: issuer=%s jti=%s",
        token.issuer,
        token.loggable_jti,
    )
    return [], SUB_DIFFERS


def _named_by(token: LogoutToken) -> QuerySet[OIDCSession]:
    """Return the rows with the token's `sid`, and those that only its `sub` names.

    The latter are of sessions that began before the token, or seem to, because the site's clock may
    be ahead. If the token has a `sid`, they are those whose own is unknown.
    """
    rows = index.matching(issuer=token.issuer).exclude(provider__in=token.other_clients)
    latest = datetime.fromtimestamp(token.issued_at + logout_token.LEEWAY, UTC)
    by_sub = Q(sub_digest=digest(token.issuer, token.subject), signed_in_at__lte=latest)
    if not token.sid:
        return rows.filter(by_sub)
    by_sid = Q(sid_digest=digest(token.issuer, token.sid))
    # Not by `sid_digest`: a database could read all sessions without a `sid` by its index.
    return rows.filter(by_sid | by_sub & Q(sid="") if token.subject else by_sid)


def front_channel(issuer: str, sid: str) -> int:
    """End the session that the provider names. Return how many ended: one, or none.

    Raises:
        SessionsNotEnded: the session could not be ended.
    """
    if not sid or issuer not in configured.issuers():
        return 0
    rows = index.matching(issuer=issuer, sid=sid)
    return end.end_rows(rows, reason="The provider ended the session (front-channel).")
