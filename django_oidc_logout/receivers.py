"""Signal receivers: they record Django's sign-ins and sign-outs, and log the package's signals."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver

from . import sign_in
from .sessions import index, pending
from .signals import logout_token_rejected, session_ended, signed_out

if TYPE_CHECKING:
    from django.http import HttpRequest

    from .models import OIDCSession
    from .outcome import Outcome

logger = logging.getLogger("django_oidc_logout")


@receiver(user_logged_in, dispatch_uid="oidc_logout.record_sign_in")
def record_sign_in(request: HttpRequest | None, **_: Any) -> None:
    """Record a sign-in whose ID Token our backend, or mozilla's, has kept."""
    if request is None or not hasattr(request, "session"):
        return
    index.remove_replaced(request)
    if tokens := pending.take(request):
        sign_in.record(request, tokens)


@receiver(user_logged_out, dispatch_uid="oidc_logout.remove_row")
def remove_row(request: HttpRequest | None, **_: Any) -> None:
    """Remove the row of a session that other code ends, such as Django's own logout view."""
    if request is not None and hasattr(request, "session"):
        index.remove_row_of(request.session)


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
    )


@receiver(session_ended, dispatch_uid="oidc_logout.log_session_ended")
def log_session_ended(session: OIDCSession, reason: str, **_: Any) -> None:
    """Log the end of a session that did not end by its own request."""
    logger.info("Session ended: issuer=%s reason=%s", session.issuer, reason)


@receiver(logout_token_rejected, dispatch_uid="oidc_logout.log_logout_token_rejected")
def log_logout_token_rejected(issuer: str, reason: str, **_: Any) -> None:
    """Log a rejected logout token."""
    logger.warning("Logout token rejected: issuer=%s reason=%s", issuer, reason)
