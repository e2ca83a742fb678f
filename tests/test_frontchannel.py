"""Front-channel logout: a look-up by issuer and sid, in a frame without cookies."""

from __future__ import annotations

from unittest import mock

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db import DatabaseError
from django.test import Client

from django_oidc_logout.codes import NotEndedCode
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.sessions import index
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
    "too many": "iss={iss}&sid=session-1" + "&a=1" * 999,
}


@pytest.mark.parametrize("name", HARMLESS)
def test_anything_else_ends_nothing(idp, sign_in, caplog, name):
    """And the log says why, without what a stranger may have made up."""
    client, query = sign_in(), HARMLESS[name].format(iss=idp.issuer)
    assert_harmless(Client().get(f"{URL}?{query}"), idp.issuer)
    assert is_signed_in(client)
    (logged,) = [each for each in caplog.records if "ended no session" in each.getMessage()]
    code = CODES.get(name, NotEndedCode.UNKNOWN_SESSION)
    issuer = "" if name in ISSUER_UNKNOWN else idp.issuer
    provider = "default" if issuer else ""
    assert logged.getMessage().endswith(f"session: issuer={issuer} reason={code.sentence}")
    assert (logged.levelname, logged.code, logged.provider) == ("INFO", code, provider)


ISSUER_UNKNOWN = {
    "nothing",
    "sid alone",
    "unknown iss",
    "empty",
    "iss twice",
    "iss with a slash",
    "not UTF-8",
    "too many",
}
INCOMPLETE = {
    "nothing",
    "iss alone",
    "sid alone",
    "empty",
    "empty sid",
    "sid twice",
    "iss twice",
    "too many",
}
CODES = dict.fromkeys(ISSUER_UNKNOWN, NotEndedCode.UNKNOWN_ISSUER)
CODES |= dict.fromkeys(INCOMPLETE, NotEndedCode.INCOMPLETE)


@pytest.mark.parametrize("is_several", [True, False])
def test_log_names_the_alias_if_only_one_has_the_issuer(idp, configure, caplog, is_several):
    configure("other", ISSUER=idp.issuer if is_several else "https://other.example.com")
    Client().get(URL, {"iss": idp.issuer, "sid": "unknown"})
    (logged,) = [each for each in caplog.records if "ended no session" in each.getMessage()]
    assert logged.provider == ("" if is_several else "default")


def fail():
    raise RuntimeError


def test_providers_that_cannot_be_read(idp, settings, sign_in, caplog):
    client = sign_in()
    settings.OIDC_LOGOUT_PROVIDERS = f"{__name__}.fail"
    assert_harmless(Client().get(URL, {"iss": idp.issuer, "sid": "session-1"}), "'none'")
    assert caplog.records[-1].code == "providers_unreadable"
    assert caplog.records[-1].getMessage().startswith("Logout token rejected: issuer= reason=")
    assert "ended no session" not in caplog.text
    settings.OIDC_LOGOUT_PROVIDERS = {"default": {"ISSUER": idp.issuer}}
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


def test_index_that_fails_is_logged(idp, sign_in, monkeypatch, signals, caplog):
    client = sign_in()
    rows = mock.MagicMock()
    rows.__iter__.side_effect = DatabaseError
    with monkeypatch.context() as patch:
        patch.setattr(index, "matching", lambda **_: rows)
        assert_harmless(Client().get(URL, {"iss": idp.issuer, "sid": "session-1"}), idp.issuer)
    assert is_signed_in(client)
    assert [issuer for issuer, _ in signals["rejected"]] == [idp.issuer]
    logged = caplog.records[-1]
    assert (logged.code, logged.provider) == ("sessions_not_ended", "default")


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
