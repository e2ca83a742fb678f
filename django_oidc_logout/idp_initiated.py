"""Sign-out that starts at the identity provider.

OpenID Connect Back-Channel Logout 1.0 (a signed token, server to server) and Front-Channel
Logout 1.0 (a frame in the browser; browsers no longer send its cookies, so it is a look-up).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from . import safe_cache
from .exceptions import LogoutTokenInvalid, OIDCLogoutError
from .providers import configured
from .sessions import end, index
from .signals import logout_token_rejected
from .tokens import logout_token

if TYPE_CHECKING:
    from .tokens.logout_token import LogoutToken


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
    rows = index.matching(issuer=token.issuer, sub=token.subject, sid=token.sid)
    rows = rows.exclude(provider__in=token.other_clients)
    ended = end.end_rows(rows, reason="The provider ended the session (back-channel).")
    if not safe_cache.add(used, token.valid_until - time.time()):
        raise LogoutTokenInvalid("the token has been used at the same time")
    return ended


def front_channel(issuer: str, sid: str) -> int:
    """End the session that the provider names. Return how many ended: one, or none.

    Raises:
        SessionsNotEnded: the session could not be ended.
    """
    if not sid or issuer not in configured.issuers():
        return 0
    rows = index.matching(issuer=issuer, sid=sid)
    return end.end_rows(rows, reason="The provider ended the session (front-channel).")
