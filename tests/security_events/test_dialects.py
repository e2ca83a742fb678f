"""Events as providers send them, by their documented bytes."""

from __future__ import annotations

import hashlib
import json
import time

import pytest

from django_oidc_logout.models import ReauthenticationMark
from django_oidc_logout.providers.transmitter import configured_transmitters
from tests import events
from tests.events import CAEP, RISC, SSF, assert_accepted, assert_rejected
from tests.factories import is_signed_in
from tests.idp import MISSING

pytestmark = pytest.mark.django_db

PROVIDERS = "django_oidc_logout.providers"


def now():
    return int(time.time())


# Google's Cross-Account Protection: an issuer with a slash, older subjects, and no typ.


@pytest.fixture
def google(idp, configure):
    issuer = f"{idp.issuer}/"
    configure(
        BACKEND=f"{PROVIDERS}.GoogleProvider",
        SHARED_SIGNALS={"ISSUER": issuer},
    )
    idp.answers["/.well-known/risc-configuration"] = {
        "issuer": issuer,
        "jwks_uri": f"{idp.issuer}/jwks",
    }
    return issuer


def google_event(issuer, event, *, subject_type="iss-sub", typ=MISSING, **details):
    claims = {
        "iss": issuer,
        "aud": ["other", "site"],
        "iat": now(),
        "jti": f"{time.monotonic_ns()}",
        "events": {
            event: {
                "subject": {"subject_type": subject_type, "iss": issuer, "sub": "ada"},
                **details,
            }
        },
    }
    return events.encode(claims, header={"typ": typ})


@pytest.mark.parametrize(
    ("event", "details", "ends"),
    [
        (f"{RISC}sessions-revoked", {}, True),
        (f"{RISC}account-disabled", {"reason": "hijacking"}, True),
        (f"{RISC}account-credential-change-required", {}, True),
        (f"{RISC}account-purged", {}, True),
        ("https://schemas.openid.net/secevent/oauth/event-type/tokens-revoked", {}, True),
        ("https://schemas.openid.net/secevent/oauth/event-type/token-revoked", {}, False),
        (f"{RISC}account-enabled", {}, False),
        (f"{RISC}verification", {"state": "1"}, False),
    ],
)
def test_google(google, sign_in, told, event, details, ends):  # noqa: PLR0913, PLR0917  # fixtures
    client = sign_in()
    assert_accepted(events.post(google_event(google, event, **details)))
    assert is_signed_in(client) is not ends
    assert [each["event"] for each in told] == [event]
    assert not ReauthenticationMark.objects.exists()  # Google's ID Tokens lack auth_time


@pytest.mark.parametrize("subject_type", ["iss-sub", "iss_sub", "id_token_claims"])
@pytest.mark.parametrize("typ", ["JWT", "secevent+jwt"])
def test_google_shapes(google, sign_in, subject_type, typ):
    client = sign_in()
    event = google_event(google, f"{RISC}sessions-revoked", subject_type=subject_type, typ=typ)
    assert_accepted(events.post(event))
    assert not is_signed_in(client)


def test_google_sends_in_its_own_name(configure, idp):
    configure(ISSUER="https://accounts.google.com", BACKEND=f"{PROVIDERS}.GoogleProvider")
    configure(SHARED_SIGNALS={})
    (transmitter,) = configured_transmitters()
    assert transmitter.issuer == "https://accounts.google.com/"


# Apple: a JSON object, the event as a text, milliseconds, and exp.


@pytest.fixture
def apple(idp, configure):
    configure(BACKEND=f"{PROVIDERS}.AppleProvider", SHARED_SIGNALS={})
    return idp.issuer


def apple_event(issuer, kind="consent-revoked", **claims):
    at = now() + 1
    event = {"type": kind, "sub": "ada", "event_time": at * 1000}
    standard = {
        "iss": issuer,
        "aud": "site",
        "exp": now() + 86400,
        "iat": at,
        "jti": f"{time.monotonic_ns()}",
        "events": json.dumps(event),
    }
    return json.dumps({"payload": events.encode(standard | claims, header={"typ": MISSING})})


@pytest.mark.parametrize(
    ("kind", "ends"),
    [
        ("consent-revoked", True),
        ("account-delete", True),
        ("account-deleted", True),
        ("email-disabled", False),
        ("email-enabled", False),
    ],
)
def test_apple(apple, sign_in, told, kind, ends):
    client, other = sign_in(), sign_in(sub="grace")
    body = apple_event(apple, kind)
    for _ in range(2):  # Apple may send an event twice
        answer = events.post(body, "application/json")
        assert (answer.status_code, answer.content) == (200, b"")
    assert is_signed_in(client) is not ends
    assert is_signed_in(other)
    assert [each["event"] for each in told] == [kind]


def test_apple_event_that_is_an_object(apple, sign_in):
    client = sign_in()
    event = {"type": "consent-revoked", "sub": "ada", "event_time": (now() + 1) * 1000}
    assert events.post(apple_event(apple, events=event), "application/json").status_code == 200
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    "written",
    ["", "{", "[]", "5", "{}", json.dumps({"sub": "ada"}), {}, {"sub": "ada"}, None, 5, "[" * 9999],
)
def test_apple_malformed(apple, sign_in, written):
    client = sign_in()
    answer = events.post(apple_event(apple, events=written), "application/json")
    assert_rejected(answer, "invalid_request")
    assert is_signed_in(client)


def test_apple_does_not_push_tokens_without_an_object(apple):
    payload = json.loads(apple_event(apple))["payload"]
    assert_rejected(events.post(payload), "invalid_request")


# Okta: the organization's name, an event's own subject, and milliseconds.


@pytest.mark.parametrize("unit", [1, 1000])
def test_okta(idp, configure, sign_in, unit):
    configure(
        BACKEND=f"{PROVIDERS}.OktaProvider",
        SHARED_SIGNALS={"AUDIENCE": "https://www.example.com/"},
    )
    idp.answers["/oauth2/v1/keys"] = idp.answers["/jwks"]
    client = sign_in()
    subject = {
        "user": {"format": "iss_sub", "iss": idp.issuer, "sub": "ada"},
        "tenant": {"format": "opaque", "id": "org"},
    }
    claims = {
        "iss": idp.issuer,
        "aud": "https://www.example.com/",
        "iat": now() + 1,
        "jti": "set-1",
        "events": {
            f"{CAEP}session-revoked": {
                "event_timestamp": (now() + 1) * unit,
                "initiating_entity": "user",
                "subject": subject,
            }
        },
    }
    assert_accepted(events.post(events.encode(claims)))
    assert not is_signed_in(client)


# authentik: the e-mail address, a session's ID, no format.


@pytest.fixture
def authentik(idp, configure):
    configure(
        BACKEND=f"{PROVIDERS}.AuthentikProvider",
        SHARED_SIGNALS={"AUDIENCE": "https://www.example.com"},
    )
    return idp.issuer


def authentik_event(issuer, event, subject, **details):
    claims = {
        "jti": f"{time.monotonic_ns():x}",
        "aud": ["https://www.example.com"],
        "iat": now() + 1,
        "iss": issuer,
        "events": {event: {"subject": subject, **details}},
    }
    return events.encode(claims, header={"typ": "JWT"})


EMAIL = {"format": "email", "email": "ada@example.com"}


@pytest.mark.parametrize(
    ("claims", "ends"),
    [
        ({"email": "ada@example.com", "email_verified": True}, True),
        ({"email": "ada@example.com", "email_verified": False}, True),
        ({"email": "grace@example.com", "email_verified": True}, False),
        ({"sid": "another"}, False),
    ],
)
def test_authentik_session(authentik, sign_in, claims, ends):
    key = hashlib.sha256(b"session").hexdigest()
    client = sign_in(**({"sid": key} | claims))
    subject = {"session": {"format": "opaque", "id": key}, "user": EMAIL}
    event = authentik_event(authentik, f"{CAEP}session-revoked", subject, initiating_entity="user")
    assert_accepted(events.post(event))
    assert is_signed_in(client) is not ends


@pytest.mark.parametrize("is_verified", [True, False])
def test_authentik_password(authentik, sign_in, is_verified):
    client = sign_in(email="ada@example.com", email_verified=is_verified)
    event = authentik_event(
        authentik,
        f"{CAEP}credential-change",
        {"user": EMAIL},
        credential_type="password",
        change_type="update",
    )
    assert_accepted(events.post(event))
    assert is_signed_in(client) is not is_verified


def test_authentik_verification(authentik):
    subject = {"format": "opaque", "id": "stream"}
    assert_accepted(events.post(authentik_event(authentik, f"{SSF}verification", subject)))


def test_apple_does_not_let_a_site_sign_people_out(apple, sign_in, outcomes):
    sign_in().post("/oidc/logout/")
    (outcome,) = outcomes
    assert (outcome.provider, outcome.code) == ("skipped", "no_end_session")
    assert outcome.reason == "Apple does not have an end-session endpoint."
