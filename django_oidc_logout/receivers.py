"""Signal receivers: they record Django's sign-ins and sign-outs, and log the package's signals."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver

from . import sign_in
from .sessions import entry, index, record
from .signals import logout_token_rejected, session_ended, signed_out

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest

    from .models import OIDCSession
    from .outcome import Outcome

logger = logging.getLogger("django_oidc_logout")


@receiver(user_logged_in, dispatch_uid="oidc_logout.record_sign_in")
def record_sign_in(request: HttpRequest | None, user: AbstractBaseUser, **_: Any) -> None:
    """Record a sign-in, or note that the browser's session has another user now."""
    if request is None or not hasattr(request, "session"):
        return
    sign_in.after_login(request, user)


@receiver(user_logged_out, dispatch_uid="oidc_logout.remove_row")
def remove_row(request: HttpRequest | None, **_: Any) -> None:
    """Remove the row of a session that other code ends, such as Django's own logout view."""
    if request is None or not hasattr(request, "session") or not entry.row_key(request.session):
        return
    row = index.current(request.session)
    index.remove_row_of(request.session)
    record.keep_ended(request, row)


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
