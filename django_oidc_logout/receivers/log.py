"""Receivers that log the package's signals."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.dispatch import receiver

from ..signals import logout_token_rejected, session_ended, signed_out

if TYPE_CHECKING:
    from ..codes import EndedCode, RejectedCode
    from ..models import OIDCSession
    from ..outcome import Outcome

logger = logging.getLogger("django_oidc_logout")


@receiver(signed_out, dispatch_uid="oidc_logout.log_signed_out")
def log_signed_out(outcome: Outcome, **_: Any) -> None:
    """Log a sign-out with its outcome."""
    is_complete = outcome.provider != "unavailable" and outcome.tokens != "failed"
    logger.log(
        logging.INFO if is_complete else logging.WARNING,
        "Signed out: site=%s provider=%s tokens=%s reason=%s",
        outcome.site,
        outcome.provider,
        outcome.tokens,
        outcome.reason,
        extra=outcome.code.extra(provider=outcome.alias),
    )


@receiver(session_ended, dispatch_uid="oidc_logout.log_session_ended")
def log_session_ended(session: OIDCSession, reason: str, code: EndedCode, **_: Any) -> None:
    """Log the end of a session that ended without its own sign-out."""
    logger.info(
        "Session ended: issuer=%s reason=%s",
        session.issuer,
        reason,
        extra=code.extra(provider=session.provider),
    )


@receiver(logout_token_rejected, dispatch_uid="oidc_logout.log_logout_token_rejected")
def log_logout_token_rejected(
    issuer: str, reason: str, code: RejectedCode, provider: str, **_: Any
) -> None:
    """Log a rejected logout token."""
    logger.warning(
        "Logout token rejected: issuer=%s reason=%s",
        issuer,
        reason,
        extra=code.extra(provider=provider),
    )
