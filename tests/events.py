"""Security events for the tests: they are signed as a transmitter would, and posted."""

from __future__ import annotations

import json
import time

from django.test import Client

from django_oidc_logout.codes import RejectedCode
from tests.idp import KID, MISSING, sign, signing_key

URL = "/oidc/logout/events/"
CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
RISC = "https://schemas.openid.net/secevent/risc/event-type/"
SSF = "https://schemas.openid.net/secevent/ssf/event-type/"
SESSION_REVOKED = f"{CAEP}session-revoked"
AUDIENCE = "https://www.example.com/events"
PUSHED = "application/secevent+jwt"


def encode(claims, *, header=None, key=None, alg="RS256"):
    """Return a signed token; a claim or a header that is MISSING is left out."""
    present = {name: value for name, value in claims.items() if value is not MISSING}
    header = {"kid": KID, "typ": "secevent+jwt"} | (header or {})
    header = {name: value for name, value in header.items() if value is not MISSING}
    return sign(json.dumps(present), header, key or signing_key(), alg)


def claims_of(issuer, event=SESSION_REVOKED, details=None, **claims):
    """Return the claims of a security event about Ada."""
    return {
        "iss": issuer,
        "aud": AUDIENCE,
        "iat": int(time.time()),
        "jti": f"{time.monotonic_ns()}",
        "sub_id": {"format": "iss_sub", "iss": issuer, "sub": "ada"},
        "events": {event: details or {}},
    } | claims


def post(body, content_type=PUSHED, url=URL, **extra):
    """Post a security event, as a provider does: no cookie, no CSRF token."""
    return Client(enforce_csrf_checks=True).post(url, body, content_type, **extra)


def assert_accepted(answer):
    assert (answer.status_code, answer.content) == (202, b"")
    assert "no-store" in answer["Cache-Control"]


def assert_rejected(answer, word):
    assert (answer.status_code, answer.json()["err"]) == (400, word)
    assert answer.json()["description"]
    assert answer.json()["code"] in {*RejectedCode}
    assert "no-store" in answer["Cache-Control"]
