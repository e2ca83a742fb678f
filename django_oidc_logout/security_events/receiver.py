"""Receiving security events: verify, end sessions, tell the site, once per event."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db import Error

from ..codes import EndedCode, NotEndedCode, RejectedCode
from ..exceptions import OIDCLogoutError, SecurityEventInvalid, SessionsNotEnded
from ..sessions import end, reauthentication, sql, tombstones
from ..signals import logout_token_rejected, security_event
from ..tokens import id_token
from ..tokens.logout_token import LOGGABLE
from . import policy, receipts, state, subjects, token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..models import OIDCSession
    from ..providers.transmitter import Transmitter
    from .subjects import Subject
    from .token import SecurityEvent

logger = logging.getLogger("django_oidc_logout")


def receive(
    encoded: str, *, authorization: str | None = None, is_wrapped: bool = False
) -> SecurityEvent:
    """Verify an event and act on it. See `token.verify` for the arguments.

    Raises:
        OIDCLogoutError: the event is invalid, its keys cannot be fetched, or the site failed. If
            the site failed, the same event succeeds later.
    """
    event = None
    try:
        event = token.verify(encoded, authorization=authorization, is_wrapped=is_wrapped)
        _act_once(event)
    except OIDCLogoutError as exc:
        if event:
            exc.issuer, exc.alias = event.options.issuer, event.options.alias
        reject(exc)
        raise
    return event


def reject(exc: OIDCLogoutError) -> None:
    """Tell the site that an event, or what should be one, was rejected."""
    end.announce(
        logout_token_rejected,
        sender=receive,
        issuer=exc.issuer,
        provider=exc.alias,
        reason=str(exc),
        code=exc.rejected_code,
    )


def _act_once(event: SecurityEvent) -> None:
    """Act on an event unless it was received before.

    It counts as received once its sessions have ended: if the process dies, or the session store
    fails, the transmitter sends it again.
    """
    try:
        with sql.savepoints():
            is_known = receipts.is_known(event)
    except Error as exc:
        raise SessionsNotEnded(ended=0, failed=1) from exc
    if is_known:
        return
    action = _act(event)
    try:
        with sql.savepoints():
            is_first = receipts.keep(event)
    except Error as exc:
        raise SessionsNotEnded(ended=0, failed=1) from exc
    if is_first and action != "ignore":
        end.announce(
            security_event,
            sender=receive,
            provider=event.options.alias,
            event=event.name,
            subject=dict(event.subject),
            details=dict(event.details),
        )


def _act(event: SecurityEvent) -> str:
    action = policy.action(event.transmitter, event.name, event.details)
    if event.name == policy.VERIFICATION:
        _verify_stream(event)
    elif action == "end":
        _end(event)
    return action


def _verify_stream(event: SecurityEvent) -> None:
    alias = event.options.alias
    if not state.is_valid(event.details.get("state"), alias, event.subject):
        raise SecurityEventInvalid("invalid_state", RejectedCode.WRONG_STATE)
    try:
        receipts.note_verification(alias)
    except Error as exc:
        raise SessionsNotEnded(ended=0, failed=1) from exc


def _end(event: SecurityEvent) -> None:
    if not event.subject:
        raise SecurityEventInvalid("invalid_request", RejectedCode.WRONG_SUBJECT, name="format")
    is_session = event.name == policy.SESSION_REVOKED
    subject = subjects.parse(event.transmitter, event.subject, is_session=is_session)
    why_none, ended = NotEndedCode.UNKNOWN_SUBJECT, 0
    if subject is not None:
        why_none = NotEndedCode.NONE_BEFORE
        ended = _end_sessions_of(subject, event)
    if not ended:
        logger.info(
            "Security event ended no session: issuer=%s jti=%s reason=%s",
            event.options.issuer,
            event.jti if LOGGABLE.fullmatch(event.jti) else "(not shown)",
            why_none.sentence,
            extra=why_none.extra(provider=event.options.alias),
        )


def _end_sessions_of(subject: Subject, event: SecurityEvent) -> int:
    options, at = event.options, event.occurred_at
    early = tombstones.leave(subject.selected(options.issuer), options, at)
    rows = [row for row in find_rows(subject, options.issuer) if _began(row) <= at]
    require_reauthentication(subject, rows, event.transmitter)
    ended = end.end_rows(rows, code=EndedCode.SECURITY_EVENT)
    if ended:
        tombstones.settle(early, options, at)
    return ended


def require_reauthentication(
    subject: Subject, rows: Sequence[OIDCSession], sender: Transmitter
) -> None:
    """Leave marks, unless one session is meant, or its provider could not satisfy them.

    Call it before the sessions end: a sign-in of the same moment finds one of both.

    Raises:
        SessionsNotEnded: the marks cannot be written.
    """
    if not subject.is_person or not sender.dialect.has_auth_time:
        return
    named = {(sender.options.issuer, subject.sub)} if subject.sub else set()
    people = named.union((row.issuer, row.sub) for row in rows)
    try:
        with sql.savepoints():
            reauthentication.require(people)
    except Error as exc:
        raise SessionsNotEnded(ended=0, failed=1) from exc


def find_rows(subject: Subject, issuer: str) -> list[OIDCSession]:
    """Return the rows of the sessions that a subject selects.

    Raises:
        SessionsNotEnded: the index cannot be read.
    """
    try:
        with sql.savepoints():
            return list(subject.rows(issuer))
    except Error as exc:
        raise SessionsNotEnded(ended=0, failed=1) from exc


def _began(row: OIDCSession) -> float:
    sign_in = id_token.read_or_none(row.id_token)
    return tombstones.began(row, sign_in.issued_at if sign_in else None)
