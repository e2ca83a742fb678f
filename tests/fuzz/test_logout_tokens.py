"""Whatever is posted to the back-channel, exactly the sessions that a valid token names end."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from types import SimpleNamespace
from urllib.parse import parse_qs, urlencode

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from hypothesis import example, given
from hypothesis import strategies as st

from django_oidc_logout.framework import safe_cache
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.sessions import back_channel
from django_oidc_logout.tokens import logout_token
from tests.factories import ISSUER, create_row
from tests.fuzz import forge
from tests.fuzz.conftest import examples
from tests.fuzz.oracle import Provider, ended_by, verdict
from tests.idp import KID, signing_key

pytestmark = pytest.mark.django_db

NOW = int(time.time()) + 0.5
ALGORITHMS = {ISSUER: "RS256", forge.OTHER_ISSUER: "HS256"}
# (issuer, sub, sid, when they began) of the sessions that there are.
PEOPLE = {
    (issuer, sub, sid, NOW + seconds)
    for issuer in ALGORITHMS
    for sub, sid, seconds in [
        ("ada", "1", -3600),
        ("ada", "2", 0),
        ("ada", "", -3600),
        ("ada", "", 59),
        ("ada", "", 61),
        ("grace", "3", -3600),
        ("grace", "", -3600),
    ]
}
URL = "/oidc/logout/backchannel/"


@pytest.fixture
def site(idp, settings, monkeypatch):
    """Return the site's providers, as the oracle knows them; the clock stands still."""
    for module in back_channel, logout_token:
        monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: NOW))
    common = {"CLIENT_ID": "site", "END_SESSION_ENDPOINT": f"{ISSUER}/end"}
    keys = {"JWKS_URI": f"{idp.issuer}/jwks", "TIMEOUT": 10, "ALGORITHMS": ["RS256"]}
    secret = {"CLIENT_SECRET": forge.SECRET.decode(), "ALGORITHMS": ["HS256"]}
    settings.OIDC_LOGOUT_PROVIDERS = {
        "default": {"ISSUER": ISSUER, **common, **keys},
        "second": {"ISSUER": forge.OTHER_ISSUER, **common, **secret},
    }
    return [
        Provider(ISSUER, "site", public_key=signing_key().public_key(), kid=KID),
        Provider(forge.OTHER_ISSUER, "site", secret=forge.SECRET),
    ]


def signed_in():
    """Return who is: whose row and whose session are there."""
    rows = OIDCSession.objects.values_list("issuer", "sub", "sid", "signed_in_at", "session_key")
    sessions = SessionStore.get_model_class().objects
    keys = set(sessions.values_list("session_key", flat=True))
    assert keys == {key for *_, key in rows}
    return {(issuer, sub, sid, moment.timestamp()) for issuer, sub, sid, moment, _ in rows}


def sign_in_again():
    """Sign in whoever is not."""
    for issuer, sub, sid, moment in sorted(PEOPLE - signed_in()):
        session = SessionStore()
        session.save()
        create_row(
            provider="default" if issuer == ISSUER else "second",
            issuer=issuer,
            sub=sub,
            sid=sid,
            session_key=session.session_key,
            signed_in_at=datetime.fromtimestamp(moment, UTC),
        )


def post(body, content_type="application/x-www-form-urlencoded"):
    content = body.encode() if isinstance(body, str) else body
    return Client().generic("POST", URL, content, content_type)


def assert_refused(answer):
    assert answer.status_code == 400
    assert "no-store" in answer["Cache-Control"]
    assert set(answer.json()) == {"error", "error_description", "code"}
    assert answer.json()["error"] == "invalid_request"
    assert answer.json()["error_description"]
    assert signed_in() == PEOPLE


def forget(token):
    """Forget that a token has been used: examples repeat themselves."""
    if token:
        issuer, jti, *_ = token
        safe_cache.delete(safe_cache.key("jti", issuer, "site", jti))


def check(token, providers):
    """Post a token, and compare the response and the ended sessions with the oracle."""
    sign_in_again()
    body = urlencode({"logout_token": token}, errors="surrogatepass")
    received = parse_qs(body, keep_blank_values=True, errors="replace")["logout_token"][0]
    valid = verdict(received, providers, NOW)
    forget(valid)
    answer = post(body)
    if valid is None:
        assert_refused(answer)
        return
    assert (answer.status_code, answer.content) == (200, b"")
    assert "no-store" in answer["Cache-Control"]
    assert signed_in() == PEOPLE - ended_by(valid, PEOPLE)
    sign_in_again()
    assert_refused(post(body))  # it does its work once


@pytest.mark.parametrize(("issuer", "alg"), ALGORITHMS.items(), ids=ALGORITHMS.values())
def test_logout_tokens(site, issuer, alg):
    @examples(2)
    @given(forge.tokens(issuer, alg, NOW, "jti"))
    def holds(token):
        check(token, site)

    holds()


@pytest.mark.parametrize("seconds", [-300, -60, -1, 0, 60])
@pytest.mark.parametrize("sid", [None, "1", "3", "4"])
@pytest.mark.parametrize("sub", [None, "ada", "grace", "eve"])
def test_what_valid_tokens_end(site, sub, sid, seconds):
    claims = forge.claims(forge.OTHER_ISSUER, NOW, "jti", sub=sub, sid=sid, iat=NOW + seconds)
    given = {name: value for name, value in claims.items() if value is not None}
    token = forge.jws(b'{"alg":"HS256"}', json.dumps(given).encode())
    assert (verdict(token, site, NOW) is None) is (sub is sid is None)
    check(token, site)


def test_that_some_of_these_tokens_are_valid(site):
    """A site that rejects everything would pass the test above, with such an oracle."""
    seen = []

    @given(forge.tokens(forge.OTHER_ISSUER, "HS256", NOW, "jti"))
    def holds(token):
        seen.append(verdict(token, site, NOW) is not None)

    holds()
    assert len(seen) // 10 < sum(seen) < len(seen)


@given(forge.garbage)
@example("")
@example("..")
@example("\ud800.\ud800.\ud800")
def test_garbage(site, garbage):
    check(garbage, site)


@given(
    st.binary(max_size=200) | st.text().map(str.encode),
    st.sampled_from(
        [
            "application/x-www-form-urlencoded",
            "application/x-www-form-urlencoded; charset=utf-16",
            "application/x-www-form-urlencoded; charset=\u00e4",
            "multipart/form-data",
            "multipart/form-data; boundary=x",
            "application/json",
            "",
            ";;;",
        ]
    ),
)
@example(b"logout_token=%zz&logout_token", "application/x-www-form-urlencoded")
@example(b"a&" * 1001, "application/x-www-form-urlencoded")
def test_bodies(site, body, content_type):
    sign_in_again()
    assert_refused(post(body, content_type))
