"""The rules for a logout token, written a second time, as a list.

It shares no code with the package. If the two disagree, one of them is wrong.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

EVENT = "http://schemas.openid.net/event/backchannel-logout"


class Provider:
    """One that the site knows: its issuer, our client there, and how it signs."""

    def __init__(self, issuer, client_id, *, secret=None, public_key=None, kid=None):
        self.issuer = issuer
        self.client_id = client_id
        self.secret = secret
        self.public_key = public_key
        self.kid = kid


def verdict(encoded, providers, now):
    """Return (issuer, jti, sub, sid, iat) of a token that is valid, with None for what it lacks.

    Return None for one that is not.
    """
    try:
        if len(encoded) > 16 * 1024:
            return None
        signed, _, signature = encoded.rpartition(".")
        header, claims = (_object(part) for part in signed.split("."))
        mac = _bytes(signature)
    except (ValueError, RecursionError):
        return None
    for provider in providers:
        if claims.get("iss") != provider.issuer or not _is_for(claims, provider.client_id):
            continue
        if _is_signed(header, signed.encode(), mac, provider) and _holds(claims, provider, now):
            ids = (claims.get(name) for name in ("sub", "sid"))
            return provider.issuer, claims["jti"], *ids, claims["iat"]
    return None


def ended_by(token, sessions):
    """Return those of the sessions that a valid token ends, as `verdict` returns it.

    A session is (issuer, sub, sid, when it began by the site's clock); its sid may be empty.
    """
    issuer, _, sub, sid, iat = token
    theirs = {session for session in sessions if session[0] == issuer}
    named = {session for session in theirs if sid and session[2] == sid}
    if named and sub and all(session[1] != sub for session in named):
        return set()
    by_sid = {session for session in named if sub in {None, session[1]}}
    by_sub = {session for session in theirs if session[1] == sub and session[3] <= iat + 60}
    return by_sid | {session for session in by_sub if not sid or not session[2]}


def _bytes(part):
    if not re.fullmatch("[A-Za-z0-9_-]*", part) or len(part) % 4 == 1:
        raise ValueError
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_")


def _object(part):
    text = _bytes(part).decode("utf-8")
    document = json.loads(text, object_pairs_hook=_distinct, parse_constant=int)
    if type(document) is not dict:
        raise ValueError
    return document


def _distinct(pairs):
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError
    return dict(pairs)


def _is_for(claims, client_id):
    aud = claims.get("aud")
    return aud == client_id or (type(aud) is list and client_id in aud)


def _is_signed(header, signed, mac, provider):
    typ, kid = header.get("typ", "JWT"), header.get("kid", provider.kid)
    refused = "crit" in header or header.get("b64", True) is False
    readable = type(typ) is str and (type(kid) is str or "kid" not in header)
    if refused or not readable or not re.fullmatch("(application/)?(logout[+])?jwt", typ.lower()):
        return False
    if provider.secret:
        good = hmac.digest(provider.secret, signed, hashlib.sha256)
        return header.get("alg") == "HS256" and hmac.compare_digest(good, mac)
    return header.get("alg") == "RS256" and kid == provider.kid and _fits(signed, mac, provider)


def _fits(signed, mac, provider):
    try:
        provider.public_key.verify(mac, signed, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def _holds(claims, provider, now):
    iat, exp = claims.get("iat"), claims.get("exp", now + 1)
    events = claims.get("events")
    return (
        claims.get("azp", provider.client_id) == provider.client_id
        and _is_number(iat)
        and now - 300 <= iat <= now + 60
        and _is_number(exp)
        and now - 60 < exp < 2**53
        and _is_identifier(claims.get("jti"))
        and type(events) is dict
        and type(events.get(EVENT)) is dict
        and "nonce" not in claims
        and ("sub" in claims or "sid" in claims)
        and all(_is_identifier(claims[name]) for name in ("sub", "sid") if name in claims)
    )


def _is_number(value):
    return type(value) in (int, float)


def _is_identifier(value):
    return (
        type(value) is str
        and 0 < len(value) <= 4096
        and "\0" not in value
        and not any(0xD800 <= ord(character) <= 0xDFFF for character in value)
    )
