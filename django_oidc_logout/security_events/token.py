"""Security Event Tokens (RFC 8417): their verification and their content."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.utils.crypto import constant_time_compare

from ..codes import RejectedCode
from ..exceptions import OIDCLogoutError, SecurityEventInvalid
from ..providers import metadata, transmitter
from ..tokens import jws, logout_token
from ..tokens.logout_token import LEEWAY, LOGGABLE, MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..conf import ProviderOptions
    from ..providers.transmitter import Transmitter

MAX_BYTES = 64 * 1024
MILLISECONDS = 10_000_000_000  # seconds do not reach it before the year 2286


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityEvent:
    """A verified security event."""

    transmitter: Transmitter
    jti: str
    issued_at: float
    """In seconds since the epoch."""
    name: str
    """The event's URI."""
    details: Mapping[str, Any]
    subject: Mapping[str, Any]
    """Empty if the event is not about anybody."""
    toe: float | None = None
    """When the event occurred, in seconds since the epoch (RFC 8417, section 2.2)."""

    @property
    def options(self) -> ProviderOptions:
        """The options of the provider that sent it."""
        return self.transmitter.options

    @property
    def occurred_at(self) -> float:
        """When the event occurred, in seconds since the epoch: not after the token was issued."""
        older = (_time(self.details, name) for name in ("toe", "event_time"))
        for at in (_time(self.details, "event_timestamp"), self.toe, *older):
            if at is not None:
                return min(at, self.issued_at)
        return self.issued_at

    @property
    def loggable_jti(self) -> str:
        """The `jti`, unless it could forge a line or a field in the log."""
        return loggable(self.jti)


def loggable(jti: str) -> str:
    """Return a `jti` as the log shows it."""
    return jti if LOGGABLE.fullmatch(jti) else "(not shown)"


def senders(encoded: str, *, is_wrapped: bool) -> list[Transmitter]:
    """Return the transmitters that an unverified event names, with each provider it is for.

    Several providers can have one transmitter, such as the authorization servers of one
    organization. There is at least one.

    Args:
        encoded: the token.
        is_wrapped: whether the token came in a JSON object.

    Raises:
        TokenUnreadable: it is not a signed JWT.
        SecurityEventInvalid: the event is not for this site.
    """
    _, claims = jws.parse(encoded)
    known, audience = by_issuer(claims.get("iss")), jws.audience(claims)
    mine = [sender for sender in known if sender.is_audience(audience)]
    if found := [sender for sender in mine if sender.dialect.is_wrapped == is_wrapped]:
        return found
    failure = (
        SecurityEventInvalid("invalid_request", RejectedCode.OTHER_MEDIA_TYPE)
        if mine
        else SecurityEventInvalid("invalid_audience", RejectedCode.OTHER_AUDIENCE)
    )
    note_sender(failure, known[0])
    raise failure


def verify(encoded: str, sender: Transmitter, *, authorization: str | None) -> SecurityEvent:
    """Verify a security event.

    Args:
        encoded: the token.
        sender: one of its `senders`.
        authorization: the request's Authorization header; None if the site fetched the event.

    Raises:
        TokenUnreadable: it is not a signed JWT, or its `jti` is missing or cannot be used.
        SecurityEventInvalid: it fails a check.
        ProviderUnavailable: its keys cannot be fetched.
    """
    header, claims = jws.parse(encoded)
    _require_authorization(sender, authorization)
    require_type(header, sender.dialect.types)
    require_signature(encoded, header, sender)
    return _validate(claims, sender, now=time.time())


def note_sender(exc: OIDCLogoutError, sender: Transmitter) -> None:
    """Store in an exception whose message was rejected."""
    exc.issuer, exc.alias = sender.options.issuer, sender.options.alias


def by_issuer(issuer: object) -> list[Transmitter]:
    """Return the transmitters with this `iss`: at least one.

    Raises:
        SecurityEventInvalid: the `iss` is not that of a transmitter.
    """
    every = transmitter.configured_transmitters()
    found = [own for each in every if (own := each.of_issuer(issuer))]
    if not found:
        raise SecurityEventInvalid("invalid_issuer", RejectedCode.UNKNOWN_TRANSMITTER)
    return found


def _require_authorization(sender: Transmitter, authorization: str | None) -> None:
    expected = sender.signals.authorization
    if authorization is None or not expected:
        return
    if not constant_time_compare(authorization, expected):
        raise SecurityEventInvalid("authentication_failed", RejectedCode.WRONG_AUTHORIZATION)


def require_type(
    header: Mapping[str, Any],
    types: Iterable[str],
    *,
    code: RejectedCode = RejectedCode.WRONG_EVENT_TYP,
) -> None:
    """Reject other types of tokens, and critical extensions, which are not supported."""
    if "crit" in header:
        raise SecurityEventInvalid("invalid_request", RejectedCode.UNKNOWN_CRIT)
    typ = header.get("typ", "")
    if not isinstance(typ, str) or typ.lower().removeprefix(MEDIA_TYPE) not in types:
        raise SecurityEventInvalid("invalid_request", code)


def require_signature(encoded: str, header: Mapping[str, Any], sender: Transmitter) -> None:
    """Verify a signature with the transmitter's keys."""
    algorithm, allowed = header.get("alg"), allowed_algorithms(sender)
    if not isinstance(algorithm, str) or algorithm not in allowed:
        names = ", ".join(allowed)
        raise SecurityEventInvalid("invalid_key", RejectedCode.WRONG_ALG, allowed=names)
    key_sets = _key_sets(sender, algorithm, header.get("kid"))
    if not any(jws.is_signed_by(encoded, algorithm, keys) for keys in key_sets):
        raise SecurityEventInvalid("invalid_key", RejectedCode.BAD_SIGNATURE)


def allowed_algorithms(sender: Transmitter) -> list[str]:
    """Return the allowed algorithms of a transmitter's signatures, none with a shared secret.

    Without a setting, they are RS256, which the CAEP Interoperability Profile requires, and those
    that the provider publishes.

    Raises:
        ProviderUnavailable: the provider's document is needed and cannot be fetched.
    """
    names = [str(name) for name in sender.options.algorithms]
    if found := [name for name in names if name[:2].upper() not in ("HS", "NO")]:
        return found
    options = replace(sender.options, algorithms=(), jwks_uri=sender.key_options().jwks_uri)
    return sorted({*jws.DEFAULT_ALGORITHMS, *logout_token.allowed_algorithms(options)})


def _key_sets(sender: Transmitter, algorithm: str, kid: object) -> Iterable[list[Any]]:
    options = sender.key_options()
    trusted = jws.matching_keys(metadata.trusted_keys(options), algorithm, kid)
    yield trusted
    if not trusted or kid is None:
        yield jws.matching_keys(metadata.newest_keys(options), algorithm, kid)


def _validate(claims: Mapping[str, Any], sender: Transmitter, *, now: float) -> SecurityEvent:
    issued_at = _time(claims, "iat")
    if issued_at is None:
        raise SecurityEventInvalid("invalid_request", RejectedCode.NOT_A_TIME, name="iat")
    if issued_at > now + LEEWAY:
        raise SecurityEventInvalid("invalid_request", RejectedCode.IAT_IN_FUTURE)
    for name in ("sub",) if sender.dialect.is_wrapped else ("sub", "exp"):  # RFC 8417, section 2.2
        if name in claims:
            raise SecurityEventInvalid("invalid_request", RejectedCode.HAS_SUB_OR_EXP, name=name)
    event, details = _only_event(claims, is_wrapped=sender.dialect.is_wrapped)
    return SecurityEvent(
        transmitter=sender,
        jti=jws.identifier(claims, "jti"),
        issued_at=issued_at,
        name=event,
        details=details,
        subject=_subject(claims, details, sender),
        toe=_time(claims, "toe"),
    )


def _only_event(claims: Mapping[str, Any], *, is_wrapped: bool) -> tuple[str, Mapping[str, Any]]:
    events: Any = claims.get("events")
    if is_wrapped:
        events = _unwrap(events)
    if not isinstance(events, dict) or len(events) != 1:
        raise SecurityEventInvalid("invalid_request", RejectedCode.NOT_ONE_EVENT)
    ((name, details),) = events.items()
    if not name or not isinstance(details, dict):
        raise SecurityEventInvalid("invalid_request", RejectedCode.NOT_ONE_EVENT)
    return name, details


def _unwrap(events: Any) -> Any:
    """Return the standard form of an event, an object or its JSON text, with its name in `type`."""
    try:
        event = json.loads(events) if isinstance(events, str) else events
        return {str(event["type"]): event}
    except (KeyError, TypeError, ValueError, RecursionError):
        return None


def _subject(
    claims: Mapping[str, Any], details: Mapping[str, Any], sender: Transmitter
) -> Mapping[str, Any]:
    """Return the subject. Older drafts have it in the event."""
    if sender.dialect.is_wrapped and "sub" in details:
        return {"format": "iss_sub", "iss": sender.issuer, "sub": details["sub"]}
    subject = claims.get("sub_id", details.get("subject", {}))
    if not isinstance(subject, dict):
        raise SecurityEventInvalid("invalid_request", RejectedCode.WRONG_SUBJECT, name="format")
    return subject


def _time(values: Mapping[str, Any], name: str) -> float | None:
    """Return a time in seconds, even if it is given in milliseconds."""
    at = jws.seconds(values, name)
    return at / 1000 if at is not None and at >= MILLISECONDS else at
