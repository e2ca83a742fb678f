"""What a site tells the demo's timeline. Your site could write the same into its own log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver

from django_oidc_logout.demo.timeline import NAME, report
from django_oidc_logout.signals import (
    logout_token_rejected,
    session_ended,
    sign_in_refused,
    signed_out,
)

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from django_oidc_logout.codes import RefusedCode
    from django_oidc_logout.outcome import Outcome


def _say(text: str, code: str = "") -> None:
    report(NAME, "", text, code=code)


@receiver(user_logged_in)
def say_signed_in(user: AbstractBaseUser, **_: Any) -> None:
    """Say who has signed in."""
    _say(f"{user.get_username()} is signed in.")


@receiver(signed_out)
def say_signed_out(outcome: Outcome, **_: Any) -> None:
    """Say that a person has signed out, and what the provider was told."""
    _say(f"The session at this site has ended. {outcome.reason}", outcome.code)


@receiver(session_ended)
def say_session_ended(reason: str, code: str, **_: Any) -> None:
    """Say that a session has ended from elsewhere."""
    _say(f"A session at this site has ended. {reason}", code)


@receiver(sign_in_refused)
def say_refused(code: RefusedCode, **_: Any) -> None:
    """Say that a sign-in was refused although the provider vouches for the person."""
    _say(f"The sign-in is refused: {code.sentence}.", code)


@receiver(logout_token_rejected)
def say_rejected(reason: str, code: str, **_: Any) -> None:
    """Say that a message was rejected."""
    _say(f"Rejected: {reason}.", code)
