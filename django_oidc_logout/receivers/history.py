"""The history: who signed in and out, and which sessions ended, by whom and why.

Receivers of the package's signals write it, if `OIDC_LOGOUT_HISTORY_DAYS` is more than 0.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import router
from django.dispatch import receiver
from django.utils import timezone

from ..codes import EndedCode, LogCode, Source
from ..conf import conf
from ..framework import batching
from ..models import SessionEvent
from ..sessions import devices, sql
from ..signals import (
    logout_token_rejected,
    session_ended,
    sign_in_refused,
    signed_in,
    signed_out,
)

if TYPE_CHECKING:
    from django.http import HttpRequest

    from ..codes import Code
    from ..models import OIDCSession
    from ..outcome import Outcome

logger = logging.getLogger("django_oidc_logout")

BATCH = 500  # what fits into one statement of every database


@receiver(signed_in, dispatch_uid="oidc_logout.history_signed_in")
def signed_in_event(
    request: HttpRequest, session: OIDCSession | None, code: Code, provider: str, **_: Any
) -> None:
    """Write a sign-in."""
    _write(
        "sign_in",
        code,
        session=session,
        request=request,
        provider=provider,
        source=Source.PERSON,
        actor=session.user if session else None,
    )


@receiver(sign_in_refused, dispatch_uid="oidc_logout.history_refused")
def refused_event(
    request: HttpRequest, code: Code, provider: str, sub_digest: str, **_: Any
) -> None:
    """Write a refused sign-in."""
    _write("refused", code, request=request, provider=provider, sub_digest=sub_digest)


@receiver(signed_out, dispatch_uid="oidc_logout.history_signed_out")
def signed_out_event(
    request: HttpRequest, user: Any, session: OIDCSession | None, outcome: Outcome, **_: Any
) -> None:
    """Write a sign-out, unless nobody was signed in."""
    if user is None and session is None:
        return
    _write(
        "sign_out",
        outcome.code,
        session=session,
        request=request,
        provider=outcome.alias,
        source=Source.PERSON,
        user=user,
        actor=user,
    )


@receiver(session_ended, dispatch_uid="oidc_logout.history_ended")
def ended_event(
    session: OIDCSession, code: EndedCode, actor: Any, source: Source, **_: Any
) -> None:
    """Write the end of a session."""
    _write("ended", code, session=session, source=source, actor=actor)


@receiver(logout_token_rejected, dispatch_uid="oidc_logout.history_rejected")
def rejected_event(code: Code, provider: str, **_: Any) -> None:
    """Write a rejected message of a configured provider. Anybody can send others."""
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
    """Write an event, if a history is kept. Those of many sessions that end are one statement."""
    if not conf.OIDC_LOGOUT_HISTORY_DAYS:
        return
    values = {**_values_of(session, code), **devices.describe(request), **_existing(values)}
    event = SessionEvent(kind=kind, code=code.value, **values)
    batching.put_off(_save, event)


def _save(events: list[SessionEvent]) -> None:
    """Save events. A failure is logged and breaks nothing."""
    try:
        using = router.db_for_write(SessionEvent)
        with sql.savepoint(using):
            SessionEvent.objects.using(using).bulk_create(events)
    except Exception:  # a history must not break a sign-in or a sign-out
        logger.exception(
            "Could not write to the history, run migrate",
            extra=LogCode.HISTORY_NOT_WRITTEN.extra(),
        )


def _existing(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out users who have no row, such as anonymous ones."""
    users = {"user", "actor"}
    return {
        name: value
        for name, value in values.items()
        if name not in users or getattr(value, "pk", None) is not None
    }


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
    """Remove the events that are older than the setting allows. Return how many there were."""
    oldest = timezone.now() - timedelta(days=conf.OIDC_LOGOUT_HISTORY_DAYS)
    events = SessionEvent.objects.using(router.db_for_write(SessionEvent))
    keys = events.filter(at__lt=oldest).order_by("at").values_list("pk", flat=True)
    count = 0
    while batch := list(keys[:BATCH]):
        count += events.filter(pk__in=batch).delete()[0]
    return count
