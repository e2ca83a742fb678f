"""Receivers that record Django's sign-ins and sign-outs, and follow changes to its users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib import auth
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db.models.signals import post_save, pre_delete
from django.dispatch import receiver

from ..codes import OutcomeCode
from ..conf import conf
from ..framework import request_scope
from ..outcome import Outcome
from ..rp_initiated import destination
from ..sessions import end, end_own, entry, handles, index, record, user_changes
from ..sign_in import recording, refusals
from ..signals import signed_out

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest


@receiver(user_logged_in, dispatch_uid="oidc_logout.record_sign_in")
def record_sign_in(request: HttpRequest | None, user: AbstractBaseUser, **_: Any) -> None:
    """Record a sign-in, or the new user of the browser's session."""
    if request is None or not hasattr(request, "session"):
        return
    recording.after_login(request, user)
    if entry.is_signed_in(request.session):  # it was flushed if it has ended
        handles.ensure(request.session)


@receiver(user_logged_out, dispatch_uid="oidc_logout.follow_sign_out")
@request_scope.within
def follow_sign_out(request: HttpRequest | None, user: Any, **_: Any) -> None:
    """End a session that other code signs out, such as Django's logout view, and announce it."""
    session = getattr(request, "session", None)
    if request is None or session is None or isinstance(session, end_own.EndedSession):
        return
    if not entry.is_from_provider(session):
        return
    row = index.current(request)
    end_own.end_before_logout(request)
    record.keep_ended(request, row)
    chosen = destination.handed_out(request)
    outcome = Outcome(
        provider=chosen.provider_outcome if chosen else "skipped",
        code=chosen.code if chosen else OutcomeCode.OTHER_LOGOUT,
        reason=chosen.reason if chosen else OutcomeCode.OTHER_LOGOUT.sentence,
        alias=chosen.alias if chosen else entry.provider_alias(session) or "",
        recorded=row is not None,
    )
    end.announce(
        signed_out,
        sender=auth.logout,
        request=request,
        user=user,
        session=row,
        outcome=outcome,
        handle=handles.of_request(request, row),
    )


def connect_to_users() -> None:
    """Connect to the user model, its proxies and its subclasses: each sends its own signals.

    If an instance of a subclass is deleted, Django also deletes its user, and sends that signal.
    """
    user_model = get_user_model()
    for model in apps.get_models():
        if issubclass(model, user_model):
            post_save.connect(follow_saved_user, model, dispatch_uid="oidc_logout.saved_user")
            if model._meta.concrete_model is user_model:
                pre_delete.connect(
                    follow_deleted_user, model, dispatch_uid="oidc_logout.deleted_user"
                )


def follow_saved_user(
    instance: AbstractBaseUser,
    *,
    created: bool,
    update_fields: Collection[str] | None,
    using: str,
    **_: Any,
) -> None:
    """End sessions of a user who was deactivated, or whose password has changed."""
    if conf.OIDC_LOGOUT_FOLLOW_USER and not created:
        user_changes.saved(instance, update_fields, using=using)


def follow_deleted_user(instance: AbstractBaseUser, *, using: str, **_: Any) -> None:
    """End the sessions of a user who is being deleted."""
    if conf.OIDC_LOGOUT_FOLLOW_USER:
        user_changes.deleted(instance, using=using)


@receiver(signed_out, dispatch_uid="oidc_logout.ask_next_time")
def ask_next_time(
    request: HttpRequest, user: Any, outcome: Outcome, session: Any = None, **_: Any
) -> None:
    """Require reauthentication at the browser's next sign-in, if the settings require it."""
    # Django REST framework may not know the user of a session.
    was_signed_in = user is not None or session is not None
    is_asked = conf.OIDC_LOGOUT_REAUTHENTICATE_AFTER_LOCAL and was_signed_in
    has_session_there = outcome.code != OutcomeCode.NOT_THROUGH_PROVIDER
    if is_asked and has_session_there and outcome.provider != "redirect":
        setattr(request_scope.unwrapped(request), refusals.ASK_NEXT_TIME, True)
