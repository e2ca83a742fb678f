"""Receivers of signals: Django's sign-ins and sign-outs are noted, our outcomes are logged."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver

from . import index, sessions
from .late import late
from .signals import logout_token_rejected, session_ended, signed_out

if TYPE_CHECKING:
    from django.http import HttpRequest

    from . import api
    from .models import OIDCSession
    from .outcome import Outcome
else:
    api = late(".api")

logger = logging.getLogger("django_oidc_logout")


@receiver(user_logged_in, dispatch_uid="oidc_logout.remember")
def remember(request: HttpRequest | None, **_: Any) -> None:
    """Record a sign-in of which our backend, or mozilla's, has kept the ID Token."""
    if request is None or not hasattr(request, "session"):
        return
    index.forget_replaced(request)
    if tokens := sessions.take_tokens(request):
        api.remember_login(request, **tokens)


@receiver(user_logged_out, dispatch_uid="oidc_logout.forget")
def forget(request: HttpRequest | None, **_: Any) -> None:
    """Remove the row of a session that ends by another road than ours, such as Django's view."""
    if request is not None and hasattr(request, "session"):
        index.forget_filed(request.session)


@receiver(signed_out, dispatch_uid="oidc_logout.log_signed_out")
def log_signed_out(outcome: Outcome, **_: Any) -> None:
    """Log a sign-out: what was done, and why no more than that."""
    told = outcome.provider != "unavailable" and outcome.tokens != "failed"
    logger.log(
        logging.INFO if told else logging.WARNING,
        "Signed out: site=%s provider=%s tokens=%s reason=%s",
        outcome.site,
        outcome.provider,
        outcome.tokens,
        outcome.reason,
    )


@receiver(session_ended, dispatch_uid="oidc_logout.log_session_ended")
def log_session_ended(session: OIDCSession, reason: str, **_: Any) -> None:
    """Log a session that was ended from elsewhere."""
    logger.info("Session ended: issuer=%s reason=%s", session.issuer, reason)


@receiver(logout_token_rejected, dispatch_uid="oidc_logout.log_logout_token_rejected")
def log_logout_token_rejected(issuer: str, reason: str, **_: Any) -> None:
    """Log a logout token that was refused."""
    logger.warning("A logout token was refused: issuer=%s reason=%s", issuer, reason)
