"""Signed JSON Web Tokens (RFC 7515, RFC 7519). Only this module imports the JWT library."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NoReturn

import jwt

from ..codes import RejectedCode
from ..exceptions import TokenUnreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# Far longer than real identifiers. A longer one is rejected: if cut, it could match another one.
MAX_IDENTIFIER_LENGTH = 4096
LAST_SECOND = 2**53  # beyond it, a float no longer counts seconds
SIGNED = re.compile(r"[\w-]+\.[\w-]+\.[\w-]*", re.ASCII)
UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
UNREADABLE = "cannot be read"
DEFAULT_ALGORITHMS = ("RS256",)
KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}


def parse(encoded: object) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of a signed JWT, without verifying it.

    Raises:
        TokenUnreadable: it is not a signed JWT, or breaks the format (RFC 7515, sections 3.1 and
            4; RFC 7519, section 7.2).
    """
    if not isinstance(encoded, str) or not SIGNED.fullmatch(encoded):
        raise TokenUnreadable(code=RejectedCode.NOT_A_JWT)
    try:
        header, claims, _ = encoded.split(".")
        return _object(header), _object(claims)
    except (ValueError, RecursionError) as exc:
        raise TokenUnreadable(code=RejectedCode.NOT_JSON) from exc


def _object(part: str) -> dict[str, Any]:
    document = json.loads(
        jwt.utils.base64url_decode(part).decode(),  # json.loads() would accept UTF-16 bytes
        object_pairs_hook=_without_duplicates,
        parse_constant=_reject_constant,
    )
    if not isinstance(document, dict):
        raise ValueError("not an object")  # noqa: TRY004  # as json.loads() would
    return document


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("duplicate name")
    return document


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def algorithms() -> list[str]:
    """Return the algorithms that can verify a signature."""
    return sorted({*jwt.PyJWS().get_algorithms()} - {"none"})


def verified_by_keys(published: object) -> Sequence[str]:
    """Return the algorithms that a provider publishes and that a key can verify.

    Without any, return RS256, which providers must support (OpenID Connect Discovery 1.0, section
    3).
    """
    names = published if isinstance(published, list) else []
    known = [name for name in algorithms() if name in names and name[:2] in KEY_TYPES]
    return known or DEFAULT_ALGORITHMS


def is_signed_by(encoded: str, algorithm: str, keys: Iterable[Any]) -> bool:
    """Return whether one of `keys` (JSON Web Keys, or a secret) verifies the signature."""
    for key in keys:
        try:
            usable = jwt.PyJWK(key, algorithm).key if isinstance(key, dict) else key
            jwt.PyJWS().decode(encoded, usable, algorithms=[algorithm])
        except (jwt.PyJWTError, ValueError, TypeError):
            continue
        return True
    return False


def matching_keys(keys: Iterable[Any], algorithm: str, kid: object) -> list[dict[str, Any]]:
    """Return the keys that fit `algorithm`, and `kid` unless it is None.

    A shared secret in a published key set is ignored (RFC 8725, section 3.1).
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


def key_problem(key: Mapping[str, Any], algorithm: str) -> str:
    """Return what is wrong with a published key for `algorithm`, or the empty string.

    A key that is too short (RFC 7518, section 3) still works.
    """
    try:
        usable = jwt.PyJWK(dict(key), algorithm)
    except (jwt.PyJWTError, ValueError, TypeError):
        return UNREADABLE
    return "is too short" if usable.Algorithm.check_key_length(usable.key) else ""


def identifier(claims: Mapping[str, Any], name: str) -> str:
    """Return a claim that is an opaque identifier.

    Raises:
        TokenUnreadable: it is missing, empty, too long or not a string, or cannot be stored.
    """
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise TokenUnreadable(code=RejectedCode.MISSING_IDENTIFIER, name=name)
    if len(value) > MAX_IDENTIFIER_LENGTH:
        code, length = RejectedCode.LONG_IDENTIFIER, MAX_IDENTIFIER_LENGTH
        raise TokenUnreadable(code=code, name=name, length=length)
    if UNSTORABLE.search(value):
        raise TokenUnreadable(code=RejectedCode.UNSTORABLE_IDENTIFIER, name=name)
    return value


def audience(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the claim `aud`, which is a string or a list of strings."""
    value = claims.get("aud")
    values = value if isinstance(value, list) else [value]
    return tuple(item for item in values if isinstance(item, str))


def seconds(claims: Mapping[str, Any], name: str) -> float | None:
    """Return a claim that is a time, in seconds since the epoch, or None if it is not one."""
    value: Any = claims.get(name)
    is_time = type(value) in (int, float) and 0 <= value < LAST_SECOND
    return float(value) if is_time else None
