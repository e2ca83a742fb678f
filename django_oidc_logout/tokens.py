"""Tokens: a string becomes values or an error. The only module that imports the JWT library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt

from .exceptions import TokenUnreadable

if TYPE_CHECKING:
    from collections.abc import Mapping

# Far longer than any identifier seen. A longer one is refused: cut short, it could be another's.
MAX_IDENTIFIER_LENGTH = 4096
LOGIN_HINT_CLAIMS = ("login_hint", "preferred_username", "email", "sub")


@dataclass(frozen=True, slots=True, kw_only=True)
class IDToken:
    """What sign-out needs to know of an ID Token (OpenID Connect Core 1.0, section 2)."""

    encoded: str
    issuer: str
    subject: str
    sid: str
    audience: tuple[str, ...]
    authorized_party: str
    login_hint: str


def read_id_token(encoded: str) -> IDToken:
    """Read an ID Token that the caller has verified.

    Raises:
        TokenUnreadable: it is no signed JWT, or lacks a usable `iss`, `sub` or `sid`.
    """
    claims = _claims(encoded)
    return IDToken(
        encoded=encoded,
        issuer=_identifier(claims, "iss"),
        subject=_identifier(claims, "sub"),
        sid=_identifier(claims, "sid") if claims.get("sid") else "",
        audience=_audience(claims.get("aud")),
        authorized_party=str(claims.get("azp") or ""),
        login_hint=_login_hint(claims),
    )


def read_sid(access_token: str | None) -> str:
    """Return the `sid` of an access token that happens to be a JWT, or nothing."""
    if not access_token:
        return ""
    try:
        claims = _claims(access_token)
        return _identifier(claims, "sid") if claims.get("sid") else ""
    except TokenUnreadable:
        return ""


def _claims(encoded: str) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(encoded, options={"verify_signature": False})
    except (jwt.InvalidTokenError, ValueError, RecursionError) as exc:
        raise TokenUnreadable(f"a token is no JSON Web Token: {type(exc).__name__}") from exc
    return claims


def _identifier(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise TokenUnreadable(f"the token's {name} is missing or no text")
    if len(value) > MAX_IDENTIFIER_LENGTH:
        raise TokenUnreadable(f"the token's {name} is over {MAX_IDENTIFIER_LENGTH} characters long")
    if "\0" in value or (not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value)):
        raise TokenUnreadable(f"the token's {name} holds characters that cannot be stored")
    return value


def _audience(value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(item for item in values if isinstance(item, str))


def _login_hint(claims: Mapping[str, Any]) -> str:
    values = (claims.get(name) for name in LOGIN_HINT_CLAIMS)
    return next((value for value in values if isinstance(value, str) and value), "")
