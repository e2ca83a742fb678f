"""Global Token Revocation, which Okta's Universal Logout uses: it ends all sessions of a person.

draft-parecki-oauth-global-token-revocation. The request authenticates with a bearer JWT of the
provider, whose `aud` is the URL of the endpoint.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.db import Error

from ..codes import EndedCode, RejectedCode
from ..exceptions import (
    OIDCLogoutError,
    SecurityEventInvalid,
    SessionsNotEnded,
    TokenUnreadable,
)
from ..providers import revocation
from ..sessions import end, index, sql
from ..tokens import jws
from ..tokens.logout_token import LEEWAY
from . import receiver, selection, subjects, token

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from ..models import OIDCSession
    from ..providers.transmitter import Transmitter

TYPE = "global-token-revocation+jwt"
SCHEME = "bearer "
UNAUTHENTICATED = "invalid_token"


def revoke(authorization: str, read: Callable[[], str], urls: Collection[str]) -> int:
    """End all sessions of the person in the body.

    If `OIDC_LOGOUT_REVOKE_TOKENS` is on, this also revokes their refresh tokens.

    Args:
        authorization: the request's Authorization header.
        read: returns the body, a JSON object that names the person.
        urls: the URLs of the endpoint.

    Returns:
        How many sessions ended.

    Raises:
        OIDCLogoutError: the request is not allowed or is malformed, the person does not have a
            session here, or a session cannot be ended.
    """
    sender = None
    try:
        sender = _authenticate(authorization, urls)
        return _end_all(sender, _subject(read()))
    except OIDCLogoutError as exc:
        if sender:
            token.note_sender(exc, sender)
        receiver.reject(exc)
        raise


def _authenticate(authorization: str, urls: Collection[str]) -> Transmitter:
    try:
        encoded = _bearer_token(authorization)
        header, claims = jws.parse(encoded)
        senders = token.by_issuer(claims.get("iss"))
        token.require_type(header, [TYPE], code=RejectedCode.WRONG_REVOCATION_TYP)
        token.require_signature(encoded, header, senders[0])
        _validate(claims, urls, now=time.time())
    except (SecurityEventInvalid, TokenUnreadable) as exc:
        exc.error = UNAUTHENTICATED
        raise
    for sender in senders:
        if sender.options.client_id == claims.get("sub"):
            return sender
    raise SecurityEventInvalid("access_denied", RejectedCode.OTHER_CLIENT)


def _bearer_token(authorization: str) -> str:
    if not authorization.lower().startswith(SCHEME):
        raise SecurityEventInvalid("", RejectedCode.NO_BEARER_TOKEN)
    return authorization[len(SCHEME) :].strip()


def _validate(claims: Mapping[str, Any], urls: Collection[str], *, now: float) -> None:
    if set(jws.audience(claims)).isdisjoint(urls):
        raise SecurityEventInvalid("", RejectedCode.OTHER_URL)
    expires = jws.seconds(claims, "exp")
    if expires is None:
        raise SecurityEventInvalid("", RejectedCode.NOT_A_TIME, name="exp")
    if expires + LEEWAY <= now:
        raise SecurityEventInvalid("", RejectedCode.EXPIRED)
    for name in {"iat", "nbf"} & {*claims}:
        begins = jws.seconds(claims, name)
        if begins is None or begins > now + LEEWAY:
            raise SecurityEventInvalid("", RejectedCode.NOT_A_TIME, name=name)


def _subject(body: str) -> Mapping[str, Any]:
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    found = document.get("sub_id", document.get("subject")) if isinstance(document, dict) else None
    if not isinstance(found, dict):
        raise SecurityEventInvalid("invalid_request", RejectedCode.NO_SUBJECT)
    return found


def _end_all(sender: Transmitter, named: Mapping[str, Any]) -> int:
    sender = subjects.of_tenant(sender, named)
    meant = subjects.parse(sender, named, is_session=False)
    found = selection.select(meant, sender, time.time())
    found.require_reauthentication(found.rows)
    if not found.rows:
        raise SecurityEventInvalid("not_found", RejectedCode.UNKNOWN_PERSON)
    try:
        ended = end.end_rows(found.rows, code=EndedCode.TOKEN_REVOCATION)
    except SessionsNotEnded:
        # A repetition of the request no longer finds them.
        revocation.revoke_all(_without_row(found.rows))
        raise
    found.settle()
    revocation.revoke_all(found.rows)
    return ended


def _without_row(rows: Collection[OIDCSession]) -> list[OIDCSession]:
    """Return those that no longer exist. If the index cannot be read, return those that ended."""
    left = {row.pk for row in rows if row.pk}
    with suppress(Error), sql.savepoints():
        left = {*index.matching().filter(pk__in=left).values_list("pk", flat=True)}
    return [row for row in rows if row.pk not in left]
