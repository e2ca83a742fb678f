"""Global Token Revocation, as Okta's Universal Logout asks for it: end all that a person has here.

draft-parecki-oauth-global-token-revocation. The request brings its own proof: a bearer JWT of the
provider for this very URL.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from ..codes import EndedCode, RejectedCode
from ..exceptions import OIDCLogoutError, SecurityEventInvalid, TokenUnreadable
from ..providers import revocation
from ..sessions import end, tombstones
from ..tokens import jws
from ..tokens.logout_token import LEEWAY
from . import receiver, subjects, token

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from ..providers.transmitter import Transmitter

TYPE = "global-token-revocation+jwt"
SCHEME = "bearer "
UNAUTHENTICATED = "invalid_token"


def revoke(authorization: str, read: Callable[[], str], urls: Collection[str]) -> int:
    """End all sessions of the person in the body and revoke their refresh tokens.

    Args:
        authorization: the request's Authorization header.
        read: returns the body, a JSON object that names the person.
        urls: how the endpoint may be called.

    Returns:
        How many sessions ended.

    Raises:
        OIDCLogoutError: the request is not allowed or malformed, or names nobody who has a session
            here, or a session cannot be ended.
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
    subject = subjects.parse(sender, named, is_session=False)
    options, now, rows, early = sender.options, time.time(), [], []
    if subject:
        early = tombstones.leave(subject.selected(options.issuer), options, now)
        rows = receiver.find_rows(subject, options.issuer)
        receiver.require_reauthentication(subject, rows, sender)
    if not rows:
        raise SecurityEventInvalid("not_found", RejectedCode.UNKNOWN_PERSON)
    ended = end.end_rows(rows, code=EndedCode.TOKEN_REVOCATION)
    tombstones.settle(early, options, now)
    for row in rows:
        revocation.revoke(row)
    return ended
