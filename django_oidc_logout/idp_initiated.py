"""Sign-out that starts at the identity provider.

OpenID Connect Back-Channel Logout 1.0 sends a signed token from server to server. Front-Channel
Logout 1.0 loads a frame in the browser. Browsers no longer send cookies with the frame's request,
so the index finds its session.
"""

from __future__ import annotations

import logging

from .codes import EndedCode, NotEndedCode
from .exceptions import OIDCLogoutError
from .providers import configured
from .sessions import end, index
from .sessions.back_channel import end_named_by
from .signals import logout_token_rejected
from .tokens import logout_token

logger = logging.getLogger("django_oidc_logout")


def back_channel(encoded: str) -> int:
    """Verify a logout token, end its sessions, and return how many ended.

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
    """End the session that the provider names. Return how many ended.

    Args:
        issuer: the issuer; empty if the request does not name exactly one.
        sid: the session's ID; empty if the request does not name exactly one.

    Raises:
        OIDCLogoutError: the session could not be ended, or the site's providers cannot be read.
    """
    known = issuer if configured.is_issuer(issuer) else ""  # not what a stranger made up
    alias = configured.only_alias_of(known) if known else ""
    try:
        ended, why_none = _end_session(issuer, sid)
    except OIDCLogoutError as exc:
        exc.issuer, exc.alias = known, alias
        reject(exc)
        raise
    if not ended:
        logger.info(
            "Front-channel logout ended no session: issuer=%s reason=%s",
            known,
            why_none.sentence,
            extra=why_none.extra(provider=alias),
        )
    return ended


def _end_session(issuer: str, sid: str) -> tuple[int, NotEndedCode]:
    """End a session. Return how many ended, and the reason if none did."""
    if not (issuer and sid):
        return 0, NotEndedCode.INCOMPLETE
    configured.require_readable()
    if not configured.is_issuer(issuer):
        return 0, NotEndedCode.UNKNOWN_ISSUER
    rows = index.matching(issuer=issuer, sid=sid)
    return end.end_rows(rows, code=EndedCode.FRONT_CHANNEL), NotEndedCode.UNKNOWN_SESSION
