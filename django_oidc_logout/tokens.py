"""JSON Web Tokens: a string becomes values or an error. The only module with the JWT library."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import jwt

from .exceptions import TokenUnreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Far longer than any identifier seen. A longer one is refused: cut short, it could be another's.
MAX_IDENTIFIER_LENGTH = 4096
SIGNED = re.compile(r"[\w-]+\.[\w-]+\.[\w-]*", re.ASCII)
UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
LOGIN_HINT_CLAIMS = ("login_hint", "preferred_username", "email")
UNREADABLE = "cannot be read"
KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}


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
    _, claims = parse(str(encoded).replace("=", ""))  # some pad, though they should not
    return IDToken(
        encoded=encoded,
        issuer=identifier(claims, "iss"),
        subject=identifier(claims, "sub"),
        sid=identifier(claims, "sid") if claims.get("sid") else "",
        audience=audience(claims),
        authorized_party=str(claims.get("azp") or ""),
        login_hint=_login_hint(claims),
    )


def read_sid(access_token: str | None) -> str:
    """Return the `sid` of an access token that happens to be a JWT, or nothing."""
    try:
        _, claims = parse(access_token)
        return identifier(claims, "sid")
    except TokenUnreadable:
        return ""


def parse(encoded: object) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of a signed JWT, unverified.

    Raises:
        TokenUnreadable: it is none, or not to the letter (RFC 7515, sections 3.1 and 4; RFC 7519,
            section 7.2).
    """
    if not isinstance(encoded, str) or not SIGNED.fullmatch(encoded):
        raise TokenUnreadable("the token is no signed JSON Web Token")
    try:
        header, claims, _ = encoded.split(".")
        return _object(header), _object(claims)
    except (ValueError, RecursionError) as exc:
        raise TokenUnreadable("the token's header or payload is no JSON object") from exc


def _object(part: str) -> dict[str, Any]:
    document = json.loads(
        jwt.utils.base64url_decode(part).decode(),  # bytes could be UTF-16 as well
        object_pairs_hook=_without_doubles,
        parse_constant=_no_number,
    )
    if not isinstance(document, dict):
        raise ValueError("not an object")  # noqa: TRY004  # as json.loads() would
    return document


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a name stands twice")
    return document


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def algorithms() -> list[str]:
    """Return the names of the algorithms that a signature can be verified with."""
    return sorted({*jwt.PyJWS().get_algorithms()} - {"none"})


def is_signed_by(encoded: str, algorithm: str, keys: Iterable[Any]) -> bool:
    """Tell whether one of `keys` (JSON Web Keys, or a secret) has signed the token."""
    for key in keys:
        try:
            usable = jwt.PyJWK(key, algorithm).key if isinstance(key, dict) else key
            jwt.PyJWS().decode(encoded, usable, algorithms=[algorithm])
        except (jwt.PyJWTError, ValueError, TypeError):
            continue
        return True
    return False


def fitting_keys(keys: Iterable[Any], algorithm: str, kid: object) -> list[dict[str, Any]]:
    """Return the keys that may have signed with `algorithm`; all of them if `kid` is None.

    A shared secret in a published key set is none (RFC 8725, section 3.1).
    """
    key_type = KEY_TYPES.get(algorithm[:2])
    return [
        key
        for key in keys
        if key_type
        and isinstance(key, dict)
        and key.get("kty") == key_type
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (kid is None or key.get("kid") == kid)
    ]


def fault(key: Mapping[str, Any], algorithm: str) -> str:
    """Return what is wrong with a published key for `algorithm`, or nothing.

    One that is too short (RFC 7518, section 3) serves all the same.
    """
    try:
        usable = jwt.PyJWK(dict(key), algorithm)
    except (jwt.PyJWTError, ValueError, TypeError):
        return UNREADABLE
    return "is too short" if usable.Algorithm.check_key_length(usable.key) else ""


def identifier(claims: Mapping[str, Any], name: str) -> str:
    """Return a claim that is an opaque identifier.

    Raises:
        TokenUnreadable: it is missing, empty, no text, or could not be stored as it is.
    """
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise TokenUnreadable(f"the token's {name} is missing or no text")
    if len(value) > MAX_IDENTIFIER_LENGTH:
        raise TokenUnreadable(f"the token's {name} is over {MAX_IDENTIFIER_LENGTH} characters long")
    if UNSTORABLE.search(value):
        raise TokenUnreadable(f"the token's {name} holds characters that cannot be stored")
    return value


def audience(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the claim `aud`, which may be one text or a list of them."""
    value = claims.get("aud")
    values = value if isinstance(value, list) else [value]
    return tuple(item for item in values if isinstance(item, str))


def _login_hint(claims: Mapping[str, Any]) -> str:
    for name in LOGIN_HINT_CLAIMS:
        value = claims.get(name)
        if isinstance(value, str) and value and not UNSTORABLE.search(value):
            return value
    return identifier(claims, "sub")
