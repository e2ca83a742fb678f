"""Front-channel logout: a look-up by issuer and sid, in a frame without cookies."""

from __future__ import annotations

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client

from django_oidc_logout.models import OIDCSession
from django_oidc_logout.signals import session_ended
from tests.factories import is_signed_in

pytestmark = pytest.mark.django_db

URL = "/oidc/logout/frontchannel/"


@pytest.fixture(autouse=True)
def _middlewares(settings):
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ]


def assert_harmless(answer, *origins):
    """Every response is the same small page that a provider may frame."""
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert "X-Frame-Options" not in answer
    assert "Clear-Site-Data" not in answer
    assert answer["Content-Security-Policy"] == f"frame-ancestors {' '.join(origins)}"
    assert b"<script" not in answer.content


# Names of the OpenID conformance suite.
@pytest.mark.requirement("OpenID rp-frontchannel-*")
@pytest.mark.parametrize("name", ["rp-frontchannel-rpinitlogout", "rp-frontchannel-opinitlogout"])
def test_conformance(idp, sign_in, name):
    client, other = sign_in(), sign_in(sid="other")
    if name == "rp-frontchannel-rpinitlogout":
        client.post("/oidc/logout/")
    assert_harmless(Client().get(URL, {"iss": idp.issuer, "sid": "session-1"}), idp.issuer)
    assert not is_signed_in(client)
    assert is_signed_in(other)
    assert OIDCSession.objects.get().sid == "other"


def test_sid_is_opaque(idp, sign_in):
    sid = 'a "#%&+;\\|' * 30
    client = sign_in(sid=sid)
    Client().get(URL, {"iss": idp.issuer, "sid": sid})
    assert not is_signed_in(client)


HARMLESS = {
    "nothing": "",
    "iss alone": "iss={iss}",
    "sid alone": "sid=session-1",
    "unknown sid": "iss={iss}&sid=unknown",
    "unknown iss": "iss=https://other.example.com&sid=session-1",
    "empty": "iss=&sid=",
    "empty sid": "iss={iss}&sid=",
    "sid twice": "iss={iss}&sid=session-1&sid=session-1",
    "iss twice": "iss={iss}&iss={iss}&sid=session-1",
    "iss with a slash": "iss={iss}/&sid=session-1",
    "sid in capitals": "iss={iss}&sid=SESSION-1",
    "NUL": "iss={iss}&sid=session-1%00",
    "not UTF-8": "iss=%ff&sid=%ff",
    "long": "iss={iss}&sid=" + "s" * 10000,
}


@pytest.mark.parametrize("query", HARMLESS.values(), ids=HARMLESS)
def test_anything_else_ends_nothing(idp, sign_in, query):
    client = sign_in()
    assert_harmless(Client().get(f"{URL}?{query.format(iss=idp.issuer)}"), idp.issuer)
    assert is_signed_in(client)


def test_session_without_sid_is_nobodys(idp, sign_in):
    client = sign_in(sid=None)
    Client().get(URL, {"iss": idp.issuer, "sid": ""})
    assert is_signed_in(client)


def test_only_the_issuers_own_session_ends(idp, configure, sign_in):
    configure("other", ISSUER="https://other.example.com/realm", CLIENT_ID="site")
    here, there = sign_in(), sign_in(iss="https://other.example.com/realm")
    answer = Client().get(URL, {"iss": "https://other.example.com/realm", "sid": "session-1"})
    assert_harmless(answer, "https://other.example.com")
    assert is_signed_in(here)
    assert not is_signed_in(there)


@pytest.mark.parametrize(
    ("query", "origin"),
    [
        ("", "'none'"),
        ("sid=session-1", "'none'"),
        ("iss=https://stranger.example.com&sid=session-1", "'none'"),
        ("iss=https://other.example.com/realm&iss=https://other.example.com/realm", "'none'"),
        ("iss=https://other.example.com/realm", "https://other.example.com"),
    ],
)
def test_stranger_learns_no_providers(idp, configure, query, origin):
    configure("other", ISSUER="https://other.example.com/realm", CLIENT_ID="site")
    assert_harmless(Client().get(f"{URL}?{query}"), origin)


def test_no_provider(settings):
    settings.OIDC_LOGOUT_PROVIDERS = {}
    assert_harmless(Client().get(URL), "'none'")


@pytest.mark.parametrize("issuer", [5, b"x", ["x"], "", "idp.example.com", "https://["], ids=repr)
def test_issuer_that_is_no_address_is_nobodys(idp, configure, sign_in, issuer):
    configure("other", ISSUER=issuer)
    client = sign_in()
    assert_harmless(Client().get(URL), idp.issuer)
    assert_harmless(Client().get(URL, {"iss": idp.issuer, "sid": "session-1"}), idp.issuer)
    assert not is_signed_in(client)


def test_no_token_is_revoked(idp, settings, sign_in):
    settings.OIDC_LOGOUT_REVOKE_TOKENS = True
    sign_in()
    idp.asked.clear()
    Client().get(URL, {"iss": idp.issuer, "sid": "session-1"})
    assert idp.asked == []


def test_signal(idp, sign_in):
    seen = []

    def ended(session, reason, **kwargs):
        seen.append((session.sid, reason))

    session_ended.connect(ended)
    sign_in()
    Client().get(URL, {"iss": idp.issuer, "sid": "session-1"})
    session_ended.disconnect(ended)
    assert seen == [("session-1", "The provider ended the session (front-channel).")]


def test_store_that_fails_is_logged(idp, sign_in, monkeypatch, caplog):
    client = sign_in()

    def fail(self, session_key=None):
        raise ConnectionError("store is down")

    with monkeypatch.context() as patch:
        patch.setattr(SessionStore, "delete", fail)
        assert_harmless(Client().get(URL, {"iss": idp.issuer, "sid": "session-1"}), idp.issuer)
    assert is_signed_in(client)
    assert "Could not end a session" in caplog.text


@pytest.mark.parametrize("method", ["post", "head", "put", "delete"])
def test_other_methods(idp, sign_in, method):
    client = sign_in()
    answer = getattr(Client(), method)(f"{URL}?iss={idp.issuer}&sid=session-1")
    assert answer.status_code == 405
    assert is_signed_in(client)
