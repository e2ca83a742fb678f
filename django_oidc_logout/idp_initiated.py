"""Sign-out that starts at the identity provider.

OpenID Connect Back-Channel Logout 1.0 (a signed token, server to server) and Front-Channel
Logout 1.0 (a frame in the browser; browsers no longer send its cookies, so it is a look-up).
"""

from __future__ import annotations

from .codes import EndedCode
from .exceptions import OIDCLogoutError
from .providers import configured
from .sessions import end, index
from .sessions.back_channel import end_named_by
from .signals import logout_token_rejected
from .tokens import logout_token


def back_channel(encoded: str) -> int:
    """Verify a logout token, end its sessions, and return how many there were.

    Raises:
        OIDCLogoutError: the token is invalid, its keys cannot be fetched, or a session cannot be
            ended. The provider may send the same token again until it has ended its sessions.
    """
    token = None
    try:
        token = logout_token.verify(encoded)
        return end_named_by(token)
    except OIDCLogoutError as exc:
        if token:
            exc.issuer, exc.alias = token.issuer, token.options.alias
        reject(exc)
        raise


def reject(exc: OIDCLogoutError) -> None:
    """Send `logout_token_rejected` for a message that was rejected because of `exc`."""
    logout_token_rejected.send_robust(
        sender=back_channel,
        issuer=exc.issuer,
        provider=exc.alias,
        reason=str(exc),
        code=exc.rejected_code,
    )


def front_channel(issuer: str, sid: str) -> int:
    """End the session that the provider names. Return how many ended: one, or none.

    Raises:
        SessionsNotEnded: the session could not be ended.
    """
    if not sid or not configured.is_issuer(issuer):
        return 0
    rows = index.matching(issuer=issuer, sid=sid)
    return end.end_rows(rows, code=EndedCode.FRONT_CHANNEL)
