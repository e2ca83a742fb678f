"""ID Tokens (OpenID Connect Core 1.0, section 2): what a sign-out needs from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..exceptions import TokenUnreadable
from ..providers import configured
from . import jws

if TYPE_CHECKING:
    from collections.abc import Mapping

LOGIN_HINT_CLAIMS = ("login_hint", "preferred_username", "email")


@dataclass(frozen=True, slots=True, kw_only=True)
class IDToken:
    """The claims of an ID Token that a sign-out needs."""

    encoded: str
    issuer: str
    subject: str
    sid: str
    audience: tuple[str, ...]
    authorized_party: str
    login_hint: str
    issued_at: float | None
    """By the provider's clock, in seconds since the epoch. None if the token does not say."""

    @property
    def alias(self) -> str:
        """The alias of the provider that issued this token to the site; empty if none matches."""
        options = configured.options_for(self.issuer, self.audience, self.authorized_party)
        return options.alias if options else ""


def read(encoded: str) -> IDToken:
    """Read an ID Token that the caller has verified.

    Raises:
        TokenUnreadable: it is not a signed JWT, or lacks a usable `iss`, `sub` or `sid`.
    """
    _, claims = jws.parse(str(encoded).replace("=", ""))  # some providers pad, which is wrong
    return IDToken(
        encoded=encoded,
        issuer=jws.identifier(claims, "iss"),
        subject=jws.identifier(claims, "sub"),
        sid=jws.identifier(claims, "sid") if claims.get("sid") else "",
        audience=jws.audience(claims),
        authorized_party=str(claims.get("azp") or ""),
        login_hint=_login_hint(claims),
        issued_at=jws.seconds(claims, "iat") or jws.seconds(claims, "auth_time"),
    )


def read_or_none(encoded: str) -> IDToken | None:
    """Read an ID Token like `read`, but return None if it cannot be read."""
    try:
        return read(encoded)
    except TokenUnreadable:
        return None


def read_sid(access_token: str | None) -> str:
    """Return the `sid` of an access token if it is a JWT that has one, or the empty string."""
    try:
        _, claims = jws.parse(access_token)
        return jws.identifier(claims, "sid")
    except TokenUnreadable:
        return ""


def _login_hint(claims: Mapping[str, Any]) -> str:
    for name in LOGIN_HINT_CLAIMS:
        value = claims.get(name)
        if isinstance(value, str) and value and not jws.UNSTORABLE.search(value):
            return value
    return jws.identifier(claims, "sub")
