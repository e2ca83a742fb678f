"""Receiving security events: verify, end sessions, and send the signal, once per event."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from django.db import Error

from ..codes import EndedCode, NotEndedCode, RejectedCode
from ..exceptions import (
    OIDCLogoutError,
    SecurityEventInvalid,
    SessionsNotEnded,
    TokenUnreadable,
)
from ..sessions import end, sql, tombstones
from ..signals import logout_token_rejected, security_event
from . import policy, receipts, selection, state, subjects, token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..providers.transmitter import Transmitter
    from .subjects import Subject
    from .token import SecurityEvent

logger = logging.getLogger("django_oidc_logout")

FINAL = (SecurityEventInvalid, TokenUnreadable)  # the same event would be rejected again


def receive(encoded: str, *, authorization: str | None = None, is_wrapped: bool = False) -> None:
    """Verify an event and act on it, for each provider that it is for.

    Args:
        encoded: the token.
        authorization: the request's Authorization header; None if the site fetched the event.
        is_wrapped: whether the token came in a JSON object.

    Raises:
        OIDCLogoutError: the event is invalid for all of them, its keys cannot be fetched, or the
            site failed. If the site failed, the same event can be sent again.
    """
    try:
        senders = token.senders(encoded, is_wrapped=is_wrapped)
        attempts = [_try(encoded, sender, authorization) for sender in senders]
        failures = [failure for failure in attempts if failure]
        temporary = [failure for failure in failures if not isinstance(failure, FINAL)]
        if temporary or len(failures) == len(senders):
            raise (temporary or failures)[0]
    except OIDCLogoutError as exc:
        reject(exc)
        raise


def _try(encoded: str, sender: Transmitter, authorization: str | None) -> OIDCLogoutError | None:
    try:
        _act_once(token.verify(encoded, sender, authorization=authorization))
    except OIDCLogoutError as exc:
        token.note_sender(exc, sender)
        return exc
    return None


def reject(exc: OIDCLogoutError) -> None:
    """Send `logout_token_rejected` for an event, or a malformed request, that was rejected."""
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
    _act(event)
    try:
        with sql.savepoints():
            is_first = receipts.keep(event)
    except Error as exc:
        raise SessionsNotEnded(ended=0, failed=1) from exc
    if is_first:
        end.announce(
            security_event,
            sender=receive,
            provider=event.options.alias,
            event=event.name,
            subject=dict(event.subject),
            details=dict(event.details),
        )


def _act(event: SecurityEvent) -> None:
    if event.name == policy.VERIFICATION:
        _verify_stream(event)
    elif policy.action(event.transmitter, event.name, event.details) == "end":
        _end(event)


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
    event = replace(event, transmitter=subjects.of_tenant(event.transmitter, event.subject))
    is_session = event.name == policy.SESSION_REVOKED
    meant = subjects.parse(event.transmitter, event.subject, is_session=is_session)
    if not _end_sessions_of(meant, event):
        why_none = NotEndedCode.NONE_BEFORE if meant else NotEndedCode.UNKNOWN_SUBJECT
        logger.info(
            "Security event ended no session: issuer=%s jti=%s reason=%s",
            event.options.issuer,
            event.loggable_jti,
            why_none.sentence,
            extra=why_none.extra(provider=event.options.alias),
        )


def _end_sessions_of(meant: Sequence[Subject], event: SecurityEvent) -> int:
    found = selection.select(meant, event.transmitter, event.occurred_at)
    rows = [row for row in found.rows if tombstones.began_by_id_token(row) <= found.at]
    found.require_reauthentication(rows)
    ended = end.end_rows(rows, code=EndedCode.SECURITY_EVENT)
    if ended:
        found.settle()
    return ended
