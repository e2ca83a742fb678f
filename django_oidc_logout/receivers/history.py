"""The history: who signed in and out, and which sessions ended, by whom and why.

Receivers of the package's signals write it, if `OIDC_LOGOUT_HISTORY_DAYS` is more than 0.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.db import router
from django.dispatch import receiver
from django.utils import timezone

from ..codes import EndedCode, LogCode, Source
from ..conf import conf
from ..framework import batching, request_scope
from ..models import SessionEvent
from ..sessions import devices, entry, pending, sql
from ..signals import (
    logout_token_rejected,
    session_ended,
    sign_in_refused,
    signed_in,
    signed_out,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

    from ..codes import Code
    from ..models import OIDCSession
    from ..outcome import Outcome

logger = logging.getLogger("django_oidc_logout")

BATCH = 500  # what fits into one statement of every database


def _if_kept(write: Callable[..., None]) -> Callable[..., None]:
    """Decorate a receiver so that it does nothing, and queries nothing, without a history."""

    @wraps(write)
    def receive(**arguments: Any) -> None:
        if conf.OIDC_LOGOUT_HISTORY_DAYS:
            write(**arguments)

    return receive


@receiver(signed_in, dispatch_uid="oidc_logout.history_signed_in")
@_if_kept
def signed_in_event(
    request: HttpRequest, session: OIDCSession | None, code: Code, provider: str, **_: Any
) -> None:
    """Write a sign-in."""
    person = _person(session, entry.known_user(request) if session is None else None)
    _write(
        "sign_in",
        code,
        session=session,
        request=request,
        provider=provider,
        source=Source.PERSON,
        user_id=person,
        actor_id=person,
    )


@receiver(sign_in_refused, dispatch_uid="oidc_logout.history_refused")
@_if_kept
def refused_event(
    request: HttpRequest, code: Code, provider: str, sub_digest: str, **_: Any
) -> None:
    """Write a refused sign-in. Before `login()`, somebody else may be signed in."""
    is_theirs = pending.LOGGED_IN in request_scope.unwrapped(request).__dict__
    _write(
        "refused",
        code,
        request=request,
        provider=provider,
        sub_digest=sub_digest,
        user_id=_person(None, entry.known_user(request)) if is_theirs else None,
    )


@receiver(signed_out, dispatch_uid="oidc_logout.history_signed_out")
@_if_kept
def signed_out_event(
    request: HttpRequest, user: Any, session: OIDCSession | None, outcome: Outcome, **_: Any
) -> None:
    """Write a sign-out, unless nobody was signed in."""
    if user is None and session is None:
        return
    person = _person(session, user)
    _write(
        "sign_out",
        outcome.code,
        session=session,
        request=request,
        provider=outcome.alias,
        source=Source.PERSON,
        user_id=person,
        actor_id=person,
    )


@receiver(session_ended, dispatch_uid="oidc_logout.history_ended")
@_if_kept
def ended_event(
    session: OIDCSession, code: EndedCode, actor: Any, source: Source, **_: Any
) -> None:
    """Write the end of a session."""
    _write("ended", code, session=session, source=source, actor_id=getattr(actor, "pk", None))


@receiver(logout_token_rejected, dispatch_uid="oidc_logout.history_rejected")
@_if_kept
def rejected_event(code: Code, provider: str, **_: Any) -> None:
    """Write a rejected message of a configured provider. Anybody can send other messages."""
    if provider:
        _write("rejected", code, provider=provider, source=Source.PROVIDER)


def _write(
    kind: str,
    code: Code,
    *,
    session: OIDCSession | None = None,
    request: HttpRequest | None = None,
    **values: Any,
) -> None:
    """Write an event. The events of a batch are saved in one statement."""
    values = {**_values_of(session, code), **devices.describe(request), **values}
    event = SessionEvent(kind=kind, code=code.value, **values)
    batching.put_off(_save, event)


def _save(events: list[SessionEvent]) -> None:
    """Save events. A failure is logged and not raised."""
    try:
        using = router.db_for_write(SessionEvent)
        with sql.savepoint(using):
            SessionEvent.objects.using(using).bulk_create(events)
    except Exception:  # a history must not break a sign-in or a sign-out
        logger.exception(
            "Could not write to the history, run migrate",
            extra=LogCode.HISTORY_NOT_WRITTEN.extra(),
        )


def _person(session: OIDCSession | None, user: Any) -> Any:
    """Return the key of the user who signed in, even if they act as `user`, or None."""
    if session is not None and session.user_id is not None:
        return session.user_id
    return getattr(user, "pk", None)


def _values_of(session: OIDCSession | None, code: Code) -> dict[str, Any]:
    if session is None:
        return {}
    return {
        "user_id": None if code == EndedCode.USER_DELETED else session.user_id,
        "provider": session.provider,
        "sub_digest": session.sub_digest,
        "sid_digest": session.sid_digest,
    }


def clear() -> int:
    """Remove the events that are older than the setting allows. Return how many were removed.

    If the setting is wrong, nothing is removed.
    """
    if not conf.has_valid_history_days:
        return 0
    oldest = timezone.now() - timedelta(days=conf.OIDC_LOGOUT_HISTORY_DAYS)
    events = SessionEvent.objects.using(router.db_for_write(SessionEvent))
    keys = events.filter(at__lt=oldest).order_by("at").values_list("pk", flat=True)
    count = 0
    while batch := list(keys[:BATCH]):
        count += events.filter(pk__in=batch).delete()[0]
    return count
