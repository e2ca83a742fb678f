"""What is rejected: no session ends, and the site is told."""

from __future__ import annotations

import json
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.test import Client

from django_oidc_logout.models import ReceivedEvent
from tests import events
from tests.events import (
    AUDIENCE,
    PUSHED,
    RISC,
    SESSION_REVOKED,
    SSF,
    URL,
    assert_accepted,
    assert_rejected,
    claims_of,
)
from tests.factories import is_signed_in
from tests.idp import KID, MISSING, sign, signing_key

pytestmark = pytest.mark.django_db

KINDS = {"null": None, "a number": 5, "true": True, "a list": ["x"], "an object": {}, "empty": ""}
ALL = KINDS | {"missing": MISSING}
LATER = time.time() + 3600
EVENTS = {SESSION_REVOKED: {}}
SUBJECT = {"format": "iss_sub", "iss": "https://x.example", "sub": "ada"}


def without(name):
    return {kind: value for kind, value in ALL.items() if kind != name}


def inside(value):
    return {SESSION_REVOKED: value}


def complex_subject(user):
    return {"format": "complex", "user": user}


def session_of(subject):
    """Return a complex subject of a user whose identifier is wrong, with a session."""
    return complex_subject(subject) | {"session": {"format": "opaque", "id": "session-1"}}


# The claim, its wrong values, and the word that answers them.
CLAIMS = [
    ("iss", ALL | {"another": "https://x.example"}, "invalid_issuer"),
    ("aud", ALL | {"another": "site", "a list of lists": [[AUDIENCE]]}, "invalid_audience"),
    ("jti", ALL | {"too long": "j" * 4097, "NUL": "\0"}, "invalid_request"),
    (
        "iat",
        without("a number") | {"text": "1", "negative": -1, "big": 10**400, "later": LATER},
        "invalid_request",
    ),
    ("sub", KINDS | {"somebody": "ada"}, "invalid_request"),
    ("exp", KINDS | {"later": LATER}, "invalid_request"),
    (
        "events",
        ALL
        | {"two": EVENTS | {f"{RISC}account-disabled": {}}, "nameless": {"": {}}}
        | {"text": json.dumps(EVENTS)}
        | {f"{kind} inside": inside(value) for kind, value in KINDS.items() if value != {}},
        "invalid_request",
    ),
    ("sub_id", ALL | {"text": "ada"}, "invalid_request"),
    (
        "events",
        {f"subject {kind}": inside({"subject": value}) for kind, value in KINDS.items()},
        "invalid_request",
    ),
]
# Members that a format requires, with the rest of a subject.
MEMBERS = {
    ("iss_sub", "iss"): SUBJECT,
    ("iss_sub", "sub"): SUBJECT,
    ("email", "email"): {"format": "email"},
    ("opaque", "id"): {"format": "opaque"},
    ("account", "uri"): {"format": "account"},
}


def wrong_claims():
    for claim, values, word in CLAIMS:
        for kind, value in values.items():
            lacks_subject = kind.startswith("subject")
            claims = {claim: value} | ({"sub_id": MISSING} if lacks_subject else {})
            yield f"{claim} {kind}", claims, word
    for name, subject in wrong_subjects():
        yield name, {"sub_id": subject}, "invalid_request"


def wrong_subjects():
    for (form, member), rest in MEMBERS.items():
        for kind, value in (ALL | {"a lone surrogate": "\ud800"}).items():
            subject = {k: v for k, v in (rest | {member: value}).items() if v is not MISSING}
            yield f"{form}: {member} {kind}", subject
            yield f"complex: {form}: {member} {kind}", complex_subject(subject)
            yield f"session: {form}: {member} {kind}", session_of(subject)
    for member in ("user", "session"):
        for kind, value in KINDS.items():
            if value != {}:
                yield f"complex: {member} {kind}", {"format": "complex", member: value}
    for kind, value in (KINDS | {"missing": MISSING}).items():
        identifiers = {} if value is MISSING else {"identifiers": value}
        yield f"aliases: {kind}", {"format": "aliases"} | identifiers


# The state of a verification.
STATES = {kind: value for kind, value in KINDS.items() if value is not None} | {
    "another": "state",
    "unsigned": "a:b:c",
    "a lone surrogate": "\ud800",
    "a lone surrogate unsigned": "a:b:\ud800",
    "not ASCII": "é:é:é",
}


# The header, its wrong values, and the word that answers them.
TYPES = ("JWT", "logout+jwt", "at+jwt", "global-token-revocation+jwt", "secevent", "application/")
ALGORITHMS = ("none", "None", "HS256", "HS512", "RS384", "PS256", "ES256", "EdDSA", "rs256")
HEADERS = [
    ("typ", ALL | {each: each for each in TYPES}, "invalid_request"),
    ("crit", KINDS, "invalid_request"),
    ("alg", KINDS | {each: each for each in ALGORITHMS}, "invalid_key"),
    ("kid", {"unknown": "unknown", "a number": 1, "a list": [KID], "empty": ""}, "invalid_key"),
]


def wrong_bodies(token):
    header, payload, signature = token.split(".")
    yield from (
        ("signature missing", f"{header}.{payload}.", PUSHED, "invalid_key"),
        ("signature wrong", f"{header}.{payload}.{'A' * 342}", PUSHED, "invalid_key"),
    )
    for name, body in {
        "empty": "",
        "text": "hello",
        "two parts": f"{header}.{payload}",
        "four parts": f"{token}.x",
        "JSON": json.dumps({"payload": token}),
        "a form": f"logout_token={token}",
        "binary": b"\xff\xfe",
        "a space inside": f"{header} .{payload}.{signature}",
        "too long": "x" * (64 * 1024 + 1),
        "too long, but good": token + "\n" * 64 * 1024,
        "the header is not JSON": f"e30x.{payload}.{signature}",
        "the payload is not JSON": f"{header}.e30x.{signature}",
        "the payload is a list": f"{header}.W10.{signature}",
        "nested deeply": "[" * 30000,
    }.items():
        yield f"body: {name}", body, PUSHED, "invalid_request"
    for kind in (
        "application/json",
        "application/x-www-form-urlencoded",
        "text/plain",
        "application/jwt",
        "application/secevent",
        "multipart/form-data; boundary=x",
        "",
    ):
        yield f"content type {kind}", token, kind, "invalid_request"
    for name, body in {
        "good": json.dumps({"payload": token}),
        "without payload": "{}",
        "a list": json.dumps([token]),
        "a payload that is not text": json.dumps({"payload": {}}),
        "not JSON": "{",
    }.items():
        yield f"wrapped: {name}", body, "application/json", "invalid_request"


def doubled_claim(issuer):
    claims = json.dumps(claims_of(issuer))[:-1] + ', "jti": "2"}'
    return sign(claims, {"kid": KID, "typ": "secevent+jwt"}, signing_key(), "RS256")


def wrong_tokens(idp, make):
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    ec_key = ec.generate_private_key(ec.SECP256R1())
    yield from (
        ("another key", make(key=rsa_key), PUSHED, "invalid_key"),
        ("another key, no kid", make(key=rsa_key, header={"kid": MISSING}), PUSHED, "invalid_key"),
        ("another kind of key", make(key=ec_key, alg="ES256"), PUSHED, "invalid_key"),
        ("doubled claim", doubled_claim(idp.issuer), PUSHED, "invalid_request"),
        ("a logout token", idp.logout_token(), PUSHED, "invalid_audience"),
        ("an ID Token", idp.id_token(aud=AUDIENCE), PUSHED, "invalid_request"),
    )


def wrong_requests(idp, make):
    """Yield a name, a body, a content type and the word that answers them."""
    for name, claims, word in wrong_claims():
        yield name, make(**claims), PUSHED, word
    for name, values, word in HEADERS:
        for kind, value in values.items():
            yield f"{name} {kind}", make(header={name: value}), PUSHED, word
    for kind, value in STATES.items():
        token = make(f"{SSF}verification", {"state": value})
        yield f"state {kind}", token, PUSHED, "invalid_state"
    yield from wrong_bodies(make())
    yield from wrong_tokens(idp, make)


def test_bad_requests(idp, make, sign_in, signals, caplog):
    """None of 250 is answered with 500 or ends a session, and each is told and logged."""
    client, failures, count = sign_in(), [], 0
    for name, body, content_type, word in wrong_requests(idp, make):
        count += 1
        signals["rejected"].clear()
        caplog.clear()
        answer = events.post(body, content_type)
        logged = [each for each in caplog.records if "rejected" in each.getMessage()]
        found = answer.json()["err"] if answer.status_code == 400 else answer.status_code
        if (found, len(signals["rejected"]), len(logged)) != (word, 1, 1):
            failures.append((name, word, found))
    assert failures == []
    assert count >= 250
    assert not signals["ended"]
    assert is_signed_in(client)
    assert not ReceivedEvent.objects.exists()


def test_subject_in_a_subject_is_not_followed(make):
    subject = {}
    for _ in range(300):
        subject = {"user": subject}
    assert_accepted(events.post(make(sub_id=subject)))


def test_body_that_stops_is_rejected(make):
    class Broken:
        def read(self, *_):
            raise OSError

        readline = read

    answer = Client().generic("POST", URL, "x", PUSHED, **{"wsgi.input": Broken()})
    assert_rejected(answer, "invalid_request")
