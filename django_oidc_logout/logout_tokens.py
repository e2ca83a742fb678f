"""Logout tokens: the checks of OpenID Connect Back-Channel Logout 1.0, section 2.6."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import tokens
from .exceptions import LogoutTokenInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .conf import ProviderOptions

MAX_LENGTH = 16 * 1024
LEEWAY = 60  # seconds that the provider's clock may be ahead
LAST_SECOND = 2**53
EVENT = "http://schemas.openid.net/event/backchannel-logout"
TYPES = ("jwt", "logout+jwt")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutToken:
    """A verified logout token."""

    issuer: str
    jti: str
    issued_at: float
    subject: str
    sid: str


def require_length(encoded: str) -> None:
    """Refuse a token that is longer than any honest one."""
    if len(encoded) > MAX_LENGTH:
        raise LogoutTokenInvalid(f"the token is over {MAX_LENGTH} characters long")


def require_algorithm(header: Mapping[str, Any], options: ProviderOptions) -> str:
    """Return the algorithm, which must be one that is configured; `none` is none."""
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm.lower() == "none":
        raise LogoutTokenInvalid("the token is not signed")
    if algorithm not in options.algorithms:
        allowed = ", ".join(options.algorithms)
        raise LogoutTokenInvalid(f"the token's alg is none of {allowed}")
    return algorithm


def require_header(header: Mapping[str, Any], options: ProviderOptions) -> None:
    """Refuse extensions that must be understood, and tokens that say they are something else."""
    if "crit" in header:
        raise LogoutTokenInvalid("the token's crit names what is not understood here")
    if "typ" not in header and not options.require_typ:
        return
    typ = str(header.get("typ")).lower()
    if typ not in (TYPES[1:] if options.require_typ else TYPES):
        raise LogoutTokenInvalid("the token's typ is not that of a logout token")


def validate(claims: Mapping[str, Any], options: ProviderOptions, *, now: float) -> LogoutToken:
    """Return the token whose verified claims these are.

    Args:
        claims: of a token whose signature has been verified.
        options: the provider's, with whose key that was done.
        now: seconds since the epoch.

    Raises:
        LogoutTokenInvalid: a claim fails its check.
        TokenUnreadable: an identifier is none.
    """
    _validate_iss(claims, options)
    _validate_aud(claims, options)
    issued_at = _validate_iat(claims, options, now)
    _validate_exp(claims, options, now)
    jti = tokens.identifier(claims, "jti")
    _validate_events(claims)
    if "nonce" in claims:
        raise LogoutTokenInvalid("the token has a nonce, as an ID Token has")
    if "sub" not in claims and "sid" not in claims:
        raise LogoutTokenInvalid("the token has neither sub nor sid")
    return LogoutToken(
        issuer=options.issuer,
        jti=jti,
        issued_at=issued_at,
        subject=tokens.identifier(claims, "sub") if "sub" in claims else "",
        sid=tokens.identifier(claims, "sid") if "sid" in claims else "",
    )


def _validate_iss(claims: Mapping[str, Any], options: ProviderOptions) -> None:
    if claims.get("iss") != options.issuer:
        raise LogoutTokenInvalid("the token's iss is another issuer")


def _validate_aud(claims: Mapping[str, Any], options: ProviderOptions) -> None:
    if not options.client_id or options.client_id not in tokens.audience(claims):
        raise LogoutTokenInvalid("the token's aud is another client")
    if claims.get("azp", options.client_id) != options.client_id:
        raise LogoutTokenInvalid("the token's azp is another client")


def _validate_iat(claims: Mapping[str, Any], options: ProviderOptions, now: float) -> float:
    issued_at = _seconds(claims, "iat")
    if issued_at > now + LEEWAY:
        raise LogoutTokenInvalid("the token's iat is in the future")
    if issued_at < now - options.max_token_age:
        raise LogoutTokenInvalid(f"the token is older than {options.max_token_age} seconds")
    return issued_at


def _validate_exp(claims: Mapping[str, Any], options: ProviderOptions, now: float) -> None:
    if "exp" not in claims and not options.require_exp:
        return
    if _seconds(claims, "exp") <= now:
        raise LogoutTokenInvalid("the token has expired")


def _validate_events(claims: Mapping[str, Any]) -> None:
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise LogoutTokenInvalid("the token's events do not name a back-channel logout")


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    value: Any = claims.get(name)
    if type(value) not in (int, float) or not 0 <= value < LAST_SECOND:
        raise LogoutTokenInvalid(f"the token's {name} is missing or no time")
    return float(value)
