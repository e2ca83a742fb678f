"""Revoking the refresh token at the provider (RFC 7009), without breaking a sign-out."""

from __future__ import annotations

import base64
import logging
import socket
from urllib.parse import unquote_plus

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models.signals import post_delete

from django_oidc_logout.models import OIDCSession
from django_oidc_logout.signals import signed_out
from tests.factories import is_signed_in
from tests.idp import IdP

REFRESH_TOKEN = "refresh-token-1"
REVOKED = ("POST", "/revoke")
# RFC 7009, section 2.1
REQUEST = {"token": REFRESH_TOKEN, "token_type_hint": "refresh_token"}


@pytest.fixture
def idp(idp, settings):
    """Return a provider that gives refresh tokens; the site revokes them."""
    settings.OIDC_LOGOUT_REVOKE_TOKENS = True
    idp.token_response = {"refresh_token": REFRESH_TOKEN}
    return idp


@pytest.fixture
def sign_out(idp, sign_in):
    """Return a function that signs a client out, or a new one, and returns the outcome."""
    caught = []

    def catch(outcome, **_):
        caught.append(outcome)

    def sign_out(client=None):
        client = client or sign_in()
        client.post("/oidc/logout/")
        assert not is_signed_in(client)
        return caught.pop()

    signed_out.connect(catch)
    yield sign_out
    signed_out.disconnect(catch)


def stored():
    """Return the refresh tokens as the database stores them."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT refresh_token FROM {OIDCSession._meta.db_table}")
        return [token for (token,) in cursor.fetchall()]


def credentials(idp):
    """Return the provider's reading of basic authentication (RFC 6749, section 2.3.1)."""
    scheme, _, encoded = idp.headers["Authorization"].partition(" ")
    assert scheme == "Basic"
    return [unquote_plus(part) for part in base64.b64decode(encoded).decode().split(":")]


def refusing_address():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}/revoke"


# What is kept


def test_no_refresh_token_is_kept_unless_asked_for(idp, sign_in, sign_out, settings):
    del settings.OIDC_LOGOUT_REVOKE_TOKENS
    client = sign_in()
    assert OIDCSession.objects.get().refresh_token == ""
    assert stored() == [""]
    assert sign_out(client).tokens == "skipped"
    assert REVOKED not in idp.asked


def test_the_refresh_token_is_kept_encrypted(sign_in):
    sign_in()
    assert OIDCSession.objects.get().refresh_token == REFRESH_TOKEN
    (token,) = stored()
    assert len(token) > len(REFRESH_TOKEN)
    assert REFRESH_TOKEN not in token
    assert base64.b64encode(REFRESH_TOKEN.encode()).decode() not in token


@pytest.mark.parametrize("token", [None, ""])
def test_there_may_be_no_refresh_token(idp, sign_in, sign_out, token):
    idp.token_response = {"refresh_token": token}
    client = sign_in()
    assert stored() == [""]
    assert sign_out(client).tokens == "skipped"
    assert REVOKED not in idp.asked


def test_a_token_of_a_silent_refresh_replaces_the_first(idp, sign_in, sign_out):
    client = sign_in()
    idp.token_response = {"refresh_token": "refresh-token-2"}
    sign_in(client)
    assert sign_out(client).tokens == "revoked"
    assert idp.form["token"] == "refresh-token-2"


def test_a_token_that_is_kept_is_not_revoked_once_this_is_off(idp, sign_in, sign_out, settings):
    client = sign_in()
    settings.OIDC_LOGOUT_REVOKE_TOKENS = False
    assert sign_out(client).tokens == "skipped"
    assert REVOKED not in idp.asked


def test_a_token_that_cannot_be_read_any_more_counts_as_absent(sign_in, sign_out):
    client = sign_in()
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {OIDCSession._meta.db_table} SET refresh_token = 'gAAAAA'")
    assert sign_out(client).tokens == "skipped"


# What is sent


def test_the_token_is_revoked(idp, sign_out):
    outcome = sign_out()
    assert (outcome.site, outcome.provider, outcome.tokens) == ("done", "redirect", "revoked")
    assert idp.asked[-1] == REVOKED
    assert idp.asked.count(REVOKED) == 1
    assert OIDCSession.objects.count() == 0


def test_the_session_ends_first(idp, sign_in, sign_out):
    asked_by_then = []

    def note(**_):
        asked_by_then.append(list(idp.asked))

    client = sign_in()
    post_delete.connect(note, sender=Session)
    try:
        sign_out(client)
    finally:
        post_delete.disconnect(note, sender=Session)
    assert asked_by_then
    assert REVOKED not in asked_by_then[0]
    assert REVOKED in idp.asked


def test_another_session_keeps_its_token(idp, sign_in, sign_out):
    client = sign_in()
    idp.token_response = {"refresh_token": "refresh-token-2"}
    sign_in()
    sign_out(client)
    assert idp.form["token"] == REFRESH_TOKEN
    assert OIDCSession.objects.get().refresh_token == "refresh-token-2"


def published(**methods):
    return {f"{name}_endpoint_auth_methods_supported": value for name, value in methods.items()}


BASIC, POST = "client_secret_basic", "client_secret_post"


@pytest.mark.parametrize(
    ("setting", "metadata"),
    [
        (None, {}),
        (None, published(revocation=[])),
        (None, published(revocation=[BASIC])),
        (None, published(revocation=[POST, BASIC])),
        (None, published(token=[BASIC])),
        (None, published(revocation=[BASIC], token=[POST])),
        (True, {}),
        (True, published(revocation=[POST], token=[POST])),
    ],
)
def test_client_secret_basic(idp, sign_out, settings, setting, metadata):
    settings.OIDC_TOKEN_USE_BASIC_AUTH = setting
    idp.metadata |= metadata
    assert sign_out().tokens == "revoked"
    assert credentials(idp) == ["site", "site's secret"]
    assert idp.form == REQUEST


@pytest.mark.parametrize(
    ("setting", "metadata"),
    [
        (None, published(revocation=[POST])),
        (None, published(token=[POST])),
        (None, published(revocation=[POST], token=[BASIC])),
        (False, {}),
        (False, published(revocation=[BASIC], token=[BASIC])),
    ],
)
def test_client_secret_post(idp, sign_out, settings, setting, metadata):
    settings.OIDC_TOKEN_USE_BASIC_AUTH = setting
    idp.metadata |= metadata
    assert sign_out().tokens == "revoked"
    assert "Authorization" not in idp.headers
    assert idp.form == REQUEST | {"client_id": "site", "client_secret": "site's secret"}


@pytest.mark.parametrize("setting", [None, True, False])
def test_a_public_client(idp, sign_out, configure, settings, setting):
    settings.OIDC_TOKEN_USE_BASIC_AUTH = setting
    configure(CLIENT_SECRET="")
    assert sign_out().tokens == "revoked"
    assert "Authorization" not in idp.headers
    assert idp.form == REQUEST | {"client_id": "site"}


def test_credentials_of_any_characters(idp, sign_in, sign_out, configure):
    configure(CLIENT_ID="a:b c", CLIENT_SECRET="pä%:+ß")
    assert sign_out(sign_in(aud="a:b c")).tokens == "revoked"
    assert credentials(idp) == ["a:b c", "pä%:+ß"]


def test_a_configured_endpoint_needs_no_discovery(idp, sign_in, sign_out, configure):
    configure(
        END_SESSION_ENDPOINT="https://idp.example.com/out",
        REVOCATION_ENDPOINT=f"{idp.issuer}/elsewhere",
    )
    idp.answers["/elsewhere"] = {}
    client = sign_in()
    idp.asked.clear()
    assert sign_out(client).tokens == "revoked"
    assert idp.asked == [("POST", "/elsewhere")]
    assert credentials(idp) == ["site", "site's secret"]
    assert idp.form == REQUEST


def test_a_published_endpoint_is_known_from_the_sign_in(idp, sign_in, sign_out):
    client = sign_in()
    idp.asked.clear()
    assert sign_out(client).tokens == "revoked"
    assert idp.asked == [REVOKED]


# What fails


def reply(status):
    return lambda idp: {"/revoke": lambda handler: handler.body(b"", status=status)}


FAILURES = {
    "302": reply(302),
    "400": reply(400),
    "401": reply(401),
    "503": reply(503),
    "closing": lambda idp: {"/revoke": lambda handler: None},
    "hanging": lambda idp: {"/revoke": lambda handler: handler.hang()},
}
ENDPOINTS = {
    "refusing": refusing_address,
    "missing": lambda: None,
    "no address": lambda: 5,
    "on plain http": lambda: "http://idp.example.com/revoke",
}


def assert_failed(outcome, caplog):
    assert (outcome.site, outcome.provider, outcome.tokens) == ("done", "redirect", "failed")
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert any(line.startswith("Could not revoke a refresh token: issuer=") for line in warnings)
    assert any("tokens=failed" in line for line in warnings)
    assert REFRESH_TOKEN not in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_a_failure(idp, sign_out, configure, caplog, failure):
    configure(TIMEOUT=0.5)
    idp.answers |= failure(idp)
    assert_failed(sign_out(), caplog)
    assert idp.asked.count(REVOKED) == 1


@pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=ENDPOINTS)
def test_an_endpoint_that_cannot_be_used(idp, sign_out, caplog, endpoint):
    idp.metadata["revocation_endpoint"] = endpoint()
    assert_failed(sign_out(), caplog)
    assert REVOKED not in idp.asked


def test_a_configured_endpoint_that_cannot_be_used(idp, sign_out, configure, caplog):
    configure(REVOCATION_ENDPOINT="http://idp.example.com/revoke")
    assert_failed(sign_out(), caplog)


def test_discovery_that_makes_no_sense(idp, sign_out, caplog):
    idp.metadata |= published(revocation=5)
    assert_failed(sign_out(), caplog)


def test_a_provider_that_is_down(idp, sign_in, sign_out, caplog):
    client = sign_in()
    idp.stop()
    assert_failed(sign_out(client), caplog)


def test_a_provider_that_is_not_configured_any_more(sign_in, sign_out, settings, caplog):
    client = sign_in()
    settings.OIDC_LOGOUT_PROVIDERS = {"other": {"ISSUER": "https://idp.example.com"}}
    outcome = sign_out(client)
    assert (outcome.provider, outcome.tokens) == ("unavailable", "failed")
    assert REFRESH_TOKEN not in caplog.text


@pytest.mark.requirement("ASVS 10.1.1")
def test_a_token_goes_to_the_issuer_that_gave_it_and_to_no_other(
    sign_in, sign_out, configure, caplog
):
    client = sign_in()
    other = IdP()
    other.start()
    configure(ISSUER=other.issuer)
    outcome = sign_out(client)
    other.stop()
    assert (outcome.provider, outcome.tokens) == ("unavailable", "failed")
    assert REVOKED not in other.asked
    assert other.form == {}


def test_the_failure_is_logged(idp, sign_out, caplog):
    idp.answers["/revoke"] = lambda handler: handler.body(b"", status=503)
    sign_out()
    (record,) = [r for r in caplog.records if r.getMessage().startswith("Could not revoke")]
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        f"Could not revoke a refresh token: issuer={idp.issuer} "
        f"reason={idp.issuer}/revoke responded with status 503"
    )
