"""Logout tokens (OpenID Connect Back-Channel Logout 1.0, section 2.6)."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..codes import RejectedCode
from ..exceptions import LogoutTokenInvalid, OIDCLogoutError, ProviderUnavailable
from ..framework import safe_cache
from ..providers import configured, metadata, tenants
from . import jws

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from django.db.models import Q

    from ..conf import ProviderOptions

MAX_LENGTH = 16 * 1024
LEEWAY = 60  # seconds that the clocks of the provider and the site may differ
LOGGABLE = re.compile(r"[!-~]{1,100}")
SECONDS_TO_REMEMBER = 7 * 24 * 60 * 60  # the types of a provider's tokens
EVENT = "http://schemas.openid.net/event/backchannel-logout"
TYPE, GENERAL_TYPE = "logout+jwt", "jwt"
MEDIA_TYPE = "application/"  # a typ may begin with it (RFC 7515, section 4.1.9)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutToken:
    """A verified logout token."""

    options: ProviderOptions
    """The options of the provider that signed it."""
    jti: str
    issued_at: float
    subject: str
    sid: str

    @property
    def issuer(self) -> str:
        """The provider's issuer."""
        return self.options.issuer

    @property
    def loggable_jti(self) -> str:
        """The `jti`, unless it could forge a line or a field in the log."""
        return self.jti if LOGGABLE.fullmatch(self.jti) else "(not shown)"

    @property
    def rows(self) -> Q:
        """A filter for the issuer's rows that the token may end: not those of other clients."""
        return configured.rows_of(self.options)

    @property
    def valid_until(self) -> float:
        """When the token will be too old, in seconds since the epoch."""
        return self.issued_at + self.options.max_token_age + LEEWAY


def verify(encoded: str) -> LogoutToken:
    """Verify a logout token.

    Raises:
        TokenUnreadable: it is not a signed JWT, or an identifier is missing or cannot be used.
        LogoutTokenInvalid: it fails a check.
        ProviderUnavailable: its keys cannot be fetched.
    """
    if len(encoded) > MAX_LENGTH:
        raise LogoutTokenInvalid(code=RejectedCode.TOO_LONG, length=MAX_LENGTH)
    header, claims = jws.parse(encoded)
    options = _recipient(claims)
    try:
        tenants.limit(options)
        _verify_signature(encoded, header, options)
        token = validate(claims, options, now=time.time())
    except OIDCLogoutError as exc:
        exc.issuer, exc.alias = options.issuer, options.alias
        raise
    tenants.note(options)
    safe_cache.put(_type_key(options, is_typed=is_typed(header)), 1, SECONDS_TO_REMEMBER)
    return token


def _recipient(claims: Mapping[str, Any]) -> ProviderOptions:
    """Return the options of the provider and client that the unverified claims name."""
    options = configured.options_for(
        claims.get("iss"), jws.audience(claims), claims.get("azp"), claims.get("tid")
    )
    if options is None:
        configured.require_readable()
        raise LogoutTokenInvalid(code=RejectedCode.UNKNOWN_PROVIDER)
    return options


def _verify_signature(encoded: str, header: Mapping[str, Any], options: ProviderOptions) -> None:
    algorithm = require_algorithm(header, options)
    require_header(header, options)
    key_sets = _key_sets(algorithm, header.get("kid"), options)
    if not any(jws.is_signed_by(encoded, algorithm, keys) for keys in key_sets):
        raise LogoutTokenInvalid(code=RejectedCode.BAD_SIGNATURE)


def _key_sets(algorithm: str, kid: object, options: ProviderOptions) -> Iterable[list[Any]]:
    """Yield the keys to try: the trusted ones, and then the newest if the first may be outdated."""
    if algorithm.startswith("HS"):
        yield [options.client_secret] if options.client_secret else []
        return
    trusted = jws.matching_keys(metadata.trusted_keys(options), algorithm, kid)
    yield trusted
    if not trusted or kid is None:
        yield jws.matching_keys(metadata.newest_keys(options), algorithm, kid)


def require_algorithm(header: Mapping[str, Any], options: ProviderOptions) -> str:
    """Return the token's algorithm if it is allowed. `none` is never allowed."""
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm.lower() == "none":
        raise LogoutTokenInvalid(code=RejectedCode.NOT_SIGNED)
    allowed = allowed_algorithms(options)
    if algorithm not in allowed:
        raise LogoutTokenInvalid(code=RejectedCode.WRONG_ALG, allowed=", ".join(allowed))
    return algorithm


def allowed_algorithms(options: ProviderOptions) -> Sequence[str]:
    """Return the algorithms in the settings, or else those that the provider publishes.

    Without a setting, only keys verify tokens. A client secret does not, because the provider's
    document is not about this client.

    Raises:
        ProviderUnavailable: the provider's document is needed and cannot be fetched.
    """
    if options.algorithms:
        return options.algorithms
    try:
        published = metadata.document(options, renew=True)
    except ProviderUnavailable:
        if options.jwks_uri:  # the provider may not have such a document
            return jws.DEFAULT_ALGORITHMS
        raise
    return jws.verified_by_keys(published.get("id_token_signing_alg_values_supported"))


def require_header(header: Mapping[str, Any], options: ProviderOptions) -> None:
    """Reject critical extensions, which are not supported, and tokens of another type."""
    if "crit" in header:
        raise LogoutTokenInvalid(code=RejectedCode.UNKNOWN_CRIT)
    if "typ" not in header and not options.require_typ:
        return
    if not is_typed(header) and (options.require_typ or _typ(header) != GENERAL_TYPE):
        raise LogoutTokenInvalid(code=RejectedCode.WRONG_TYP)


def is_typed(header: Mapping[str, Any]) -> bool:
    """Return whether the header's `typ` is that of a logout token."""
    return _typ(header) == TYPE


def types_seen(options: ProviderOptions) -> tuple[bool, bool]:
    """Return whether the provider has recently sent tokens with this `typ`, and without it."""
    typed, untyped = (safe_cache.get(_type_key(options, is_typed=each)) for each in (True, False))
    return typed is not None, untyped is not None


def _typ(header: Mapping[str, Any]) -> str:
    return str(header.get("typ")).lower().removeprefix(MEDIA_TYPE)


def _type_key(options: ProviderOptions, *, is_typed: bool) -> str:
    return safe_cache.key("typ", "given" if is_typed else "absent", options.issuer)


def validate(claims: Mapping[str, Any], options: ProviderOptions, *, now: float) -> LogoutToken:
    """Check the claims of a token whose signature has been verified.

    Args:
        claims: the token's claims.
        options: the options of the provider that signed it.
        now: seconds since the epoch.

    Raises:
        LogoutTokenInvalid: a claim fails its check.
        TokenUnreadable: an identifier is missing or cannot be used.
    """
    _validate_iss(claims, options)
    _validate_aud(claims, options)
    issued_at = _validate_iat(claims, options, now)
    _validate_exp(claims, options, now)
    jti = jws.identifier(claims, "jti")
    _validate_events(claims)
    if "nonce" in claims:
        raise LogoutTokenInvalid(code=RejectedCode.HAS_NONCE)
    if "sub" not in claims and "sid" not in claims:
        raise LogoutTokenInvalid(code=RejectedCode.NO_SUB_OR_SID)
    return LogoutToken(
        options=options,
        jti=jti,
        issued_at=issued_at,
        subject=jws.identifier(claims, "sub") if "sub" in claims else "",
        sid=jws.identifier(claims, "sid") if "sid" in claims else "",
    )


def _validate_iss(claims: Mapping[str, Any], options: ProviderOptions) -> None:
    if claims.get("iss") != options.issuer:
        raise LogoutTokenInvalid(code=RejectedCode.WRONG_ISS)


def _validate_aud(claims: Mapping[str, Any], options: ProviderOptions) -> None:
    if not options.client_id or options.client_id not in jws.audience(claims):
        raise LogoutTokenInvalid(code=RejectedCode.WRONG_AUD)
    if claims.get("azp", options.client_id) != options.client_id:
        raise LogoutTokenInvalid(code=RejectedCode.WRONG_AZP)


def _validate_iat(claims: Mapping[str, Any], options: ProviderOptions, now: float) -> float:
    issued_at = _seconds(claims, "iat")
    if issued_at > now + LEEWAY:
        raise LogoutTokenInvalid(code=RejectedCode.IAT_IN_FUTURE)
    if issued_at < now - options.max_token_age:
        raise LogoutTokenInvalid(code=RejectedCode.TOO_OLD, seconds=options.max_token_age)
    return issued_at


def _validate_exp(claims: Mapping[str, Any], options: ProviderOptions, now: float) -> None:
    if "exp" not in claims and not options.require_exp:
        return
    if _seconds(claims, "exp") + LEEWAY <= now:
        raise LogoutTokenInvalid(code=RejectedCode.EXPIRED)


def _validate_events(claims: Mapping[str, Any]) -> None:
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise LogoutTokenInvalid(code=RejectedCode.WRONG_EVENTS)


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    value = jws.seconds(claims, name)
    if value is None:
        raise LogoutTokenInvalid(code=RejectedCode.NOT_A_TIME, name=name)
    return value
