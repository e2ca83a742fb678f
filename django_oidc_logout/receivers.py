"""Signal receivers: they record Django's sign-ins and sign-outs, and log the package's signals."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.contrib import auth
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver

from . import sign_in
from .outcome import Outcome
from .rp_initiated import destination
from .sessions import end, entry, index, record
from .signals import logout_token_rejected, session_ended, signed_out

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest

    from .models import OIDCSession

logger = logging.getLogger("django_oidc_logout")

NOT_NOTIFIED = "The site's own logout ended the session and did not notify the provider."


@receiver(user_logged_in, dispatch_uid="oidc_logout.record_sign_in")
def record_sign_in(request: HttpRequest | None, user: AbstractBaseUser, **_: Any) -> None:
    """Record a sign-in, or note that the browser's session has another user now."""
    if request is None or not hasattr(request, "session"):
        return
    sign_in.after_login(request, user)


@receiver(user_logged_out, dispatch_uid="oidc_logout.follow_sign_out")
def follow_sign_out(request: HttpRequest | None, user: Any, **_: Any) -> None:
    """End a session that other code signs out, such as Django's own logout view, and say so."""
    session = getattr(request, "session", None)
    if request is None or session is None or isinstance(session, end.EndedSession):
        return
    if not entry.is_from_provider(session):
        return
    row = index.current(request)
    end.end_before_logout(request)
    record.keep_ended(request, row)
    chosen = destination.handed_out(request)
    outcome = Outcome(
        provider=chosen.provider_outcome if chosen else "skipped",
        reason=chosen.reason if chosen else NOT_NOTIFIED,
    )
    end.announce(signed_out, sender=auth.logout, request=request, user=user, outcome=outcome)


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
