"""ID Tokens (OpenID Connect Core 1.0, section 2): what a sign-out needs from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..exceptions import TokenUnreadable
from ..providers import configured, metadata
from . import jws
from .logout_token import LEEWAY

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from ..conf import ProviderOptions

ENCRYPTED_DOTS = 4  # an encrypted JWT has five parts (RFC 7516, section 7.1)
LOGIN_HINT_CLAIMS = ("login_hint", "preferred_username", "email")


@dataclass(frozen=True, slots=True, kw_only=True)
class IDToken:
    """The claims of an ID Token that a sign-out needs."""

    encoded: str
    """As the provider sent it. Empty if only its claims are known, or if it is encrypted."""
    issuer: str
    subject: str
    sid: str
    audience: tuple[str, ...]
    authorized_party: str
    login_hint: str
    """A name by which the provider may know the person; empty if the claims lack one."""
    email: str
    """In lower case; empty unless the provider has verified it."""
    issued_at: float | None
    """`iat`, or else `auth_time`, in seconds since the epoch; None if both are missing."""
    auth_time: float | None
    """When the person authenticated at the provider; None if the claim is missing."""
    session_expiry: object
    """The claim as the provider sent it (OpenID IPSIE SL1); None if it is missing."""
    key_id: str | None = None
    """The `kid` of the provider's key that signed it; None if it does not name one."""
    tenant: str = ""
    """The claim `tid`; empty if it is missing."""
    provider: str = ""
    """The alias that the site's code named, if it is configured."""

    @property
    def alias(self) -> str:
        """The alias of the provider that issued this token to the site; empty if it is unknown."""
        if self.provider:
            return self.provider
        if not self.audience:  # the claims are not from an ID Token
            return configured.only_alias_of(self.issuer)
        options = configured.options_for(
            self.issuer, self.audience, self.authorized_party, self.tenant
        )
        return options.alias if options else ""


def read(encoded: str) -> IDToken:
    """Read an ID Token that the caller has verified.

    Raises:
        TokenUnreadable: it is not a signed JWT, or lacks a usable `iss`, `sub` or `sid`.
    """
    header, claims = _parse(encoded)
    return _from_claims(claims, encoded=encoded, header=header)


def read_verified(
    encoded: str | None, claims: Mapping[str, Any] | None, provider: str = ""
) -> IDToken:
    """Read an ID Token and its verified claims. One of the two may be missing or unusable.

    An encrypted ID Token cannot be read without its claims, and does not serve as a hint
    (RP-Initiated Logout 1.0, section 2). If both have a claim, the value is the ID Token's.

    Args:
        encoded: the ID Token as the provider sent it.
        claims: its claims, or those of the UserInfo response, which lack the issuer.
        provider: the alias of the provider. Without it, the issuer and the audience decide.

    Raises:
        TokenUnreadable: neither has a usable `sub`, or the issuer is not known.
    """
    given = claims if isinstance(claims, Mapping) else None
    header: dict[str, Any] = {}
    token_claims: dict[str, Any] = {}
    try:
        header, token_claims = _parse(encoded)
    except TokenUnreadable as exc:
        if given is None:
            raise TokenUnreadable(_remedy(encoded) or str(exc)) from exc
    merged = {**(given or {}), **token_claims}
    merged.setdefault("iss", configured.issuer_of(provider, merged.get("tid")))
    hint = encoded if encoded and token_claims else ""
    return _from_claims(merged, encoded=hint, header=header, provider=provider)


def _parse(encoded: object) -> tuple[dict[str, Any], dict[str, Any]]:
    return jws.parse(str(encoded).replace("=", ""))  # some providers add padding


def _remedy(encoded: object) -> str:
    if not encoded:
        return "there is no ID Token: request the scope openid, or pass its claims"
    if str(encoded).count(".") == ENCRYPTED_DOTS:
        return "the ID Token is encrypted: pass its claims to remember_login() as well"
    return ""


def _from_claims(
    claims: Mapping[str, Any], *, encoded: str, header: Mapping[str, Any], provider: str = ""
) -> IDToken:
    return IDToken(
        encoded=encoded,
        issuer=jws.identifier(claims, "iss"),
        subject=jws.identifier(claims, "sub"),
        sid=jws.identifier(claims, "sid") if claims.get("sid") else "",
        audience=jws.audience(claims),
        authorized_party=str(claims.get("azp") or ""),
        key_id=_key_id(header),
        tenant=str(claims.get("tid") or ""),
        login_hint=_login_hint(claims),
        email=_verified_email(claims),
        issued_at=jws.seconds(claims, "iat") or jws.seconds(claims, "auth_time"),
        auth_time=jws.seconds(claims, "auth_time"),
        session_expiry=claims.get("session_expiry"),
        provider=provider,
    )


def read_or_none(encoded: str) -> IDToken | None:
    """Read an ID Token like `read`, but return None if it cannot be read."""
    try:
        return read(encoded)
    except TokenUnreadable:
        return None


def is_withdrawn(
    token: IDToken, options: ProviderOptions, signed_in_at: datetime | None = None
) -> bool:
    """Return whether the provider has withdrawn the key that signed an ID Token.

    That is known only if its keys were fetched after the token was issued, are fresh, and each has
    a `kid`. This does not use the network.

    Args:
        token: the ID Token.
        options: the options of the provider that issued it.
        signed_in_at: when the token's session began, by the site's clock, if that is known.
    """
    if token.key_id is None or token.issued_at is None:
        return False
    began = signed_in_at.timestamp() if signed_in_at else token.issued_at + LEEWAY
    return _lacks(metadata.keys_after(options, max(token.issued_at, began)), token.key_id)


def learn_key(token: IDToken, options: ProviderOptions) -> None:
    """Fetch the provider's keys if they lack the one that signed a new ID Token.

    Raises:
        ProviderUnavailable: they cannot be fetched.
    """
    if token.key_id is not None and _lacks(metadata.keys(options), token.key_id):
        metadata.newest_keys(options)


def _key_id(header: Mapping[str, Any]) -> str | None:
    kid, is_by_key = header.get("kid"), str(header.get("alg"))[:2] in jws.KEY_TYPES
    return kid if is_by_key and isinstance(kid, str) else None


def _lacks(keys: Iterable[Any], kid: str) -> bool:
    kids = [key.get("kid") for key in keys if isinstance(key, dict)]
    return bool(kids) and all(kids) and kid not in kids


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
    return ""


def _verified_email(claims: Mapping[str, Any]) -> str:
    email, is_verified = claims.get("email"), claims.get("email_verified")
    if not isinstance(email, str) or is_verified not in (True, "true"):  # Apple sends text
        return ""
    return email.lower()
