"""Global Token Revocation, as Okta's Universal Logout sends it."""

from __future__ import annotations

import json
import time
from unittest import mock

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.cache import cache
from django.db import DatabaseError
from django.test import override_settings

from django_oidc_logout.codes import EndedCode
from django_oidc_logout.models import OIDCSession, ReauthenticationMark
from django_oidc_logout.sessions import engines, index
from tests import events
from tests.events import claims_of
from tests.factories import create_row, is_signed_in
from tests.idp import MISSING, REFRESH_TOKEN

pytestmark = pytest.mark.django_db

URL = "/oidc/logout/revocation/"
AT = f"http://testserver{URL}"
OKTA = "django_oidc_logout.providers.OktaProvider"


@pytest.fixture
def org(idp, configure):
    """Configure an Okta whose authorization server is not its organization."""
    idp.issuer += "/oauth2/default"
    idp.metadata["issuer"] = idp.issuer
    idp.answers["/oauth2/default/.well-known/openid-configuration"] = idp.metadata
    idp.answers["/oauth2/v1/keys"] = idp.answers["/jwks"]
    configure(ISSUER=idp.issuer, BACKEND=OKTA, SHARED_SIGNALS={})
    return idp.issuer.removesuffix("/oauth2/default")


@pytest.fixture
def bearer(org):
    """Return a function that makes the token of a request."""

    def bearer(*, header=None, key=None, **claims):
        now = int(time.time())
        standard = {
            "iss": org,
            "sub": "site",
            "aud": AT,
            "iat": now,
            "nbf": now - 300,
            "exp": now + 300,
            "jti": f"{time.monotonic_ns()}",
        }
        header = {"typ": "global-token-revocation+jwt"} | (header or {})
        return events.encode(standard | claims, header=header, key=key)

    return bearer


def post(token, body=None, **headers):
    authorization = {} if token is None else {"authorization": f"Bearer {token}"}
    body = body if isinstance(body, str) else json.dumps(body)
    return events.post(body, "application/json", URL, headers=authorization | headers)


def iss_sub(issuer):
    return {"format": "iss_sub", "iss": issuer, "sub": "ada"}


@pytest.mark.requirement("IPSIE SL2 terminate", "IPSIE SL2 reauthenticate")
@pytest.mark.parametrize("name", ["sub_id", "subject"])
@override_settings(OIDC_LOGOUT_REVOKE_TOKENS=True)
def test_all_ends(idp, sign_in, bearer, signals, name):
    here, elsewhere, other = sign_in(), sign_in(), sign_in(sub="grace")
    answer = post(bearer(), {name: iss_sub(idp.issuer)})
    assert (answer.status_code, answer.content) == (204, b"")
    assert "no-store" in answer["Cache-Control"]
    assert [is_signed_in(each) for each in (here, elsewhere, other)] == [False, False, True]
    assert [path for _, path in idp.asked].count("/revoke") == 2
    assert idp.form["token"] == REFRESH_TOKEN
    assert ReauthenticationMark.objects.count() == 1
    reason = "The provider ended the session (token revocation)."
    assert [each for _, each in signals["ended"]] == [reason] * 2


def test_email_is_oktas_default_subject(sign_in, bearer):
    ada = sign_in(email="ada@example.com", email_verified=True)
    grace = sign_in(sub="grace", email="ada@example.com")
    subject = {"format": "email", "email": "ada@example.com"}
    assert post(bearer(), {"sub_id": subject}).status_code == 204
    assert [is_signed_in(each) for each in (ada, grace)] == [False, True]


def test_sign_in_under_way_ends(sign_in, bearer, signals):
    body = {"sub_id": {"format": "email", "email": "ada@example.com"}}
    assert post(bearer(), body).status_code == 404
    now = int(time.time())
    claims = {"email": "ada@example.com", "email_verified": True, "auth_time": now + 5}
    assert not is_signed_in(sign_in(iat=now - 5, **claims))
    assert [each for _, each in signals["ended"]] == [EndedCode.SECURITY_EVENT_EARLY.sentence]


def test_sign_in_in_the_second_of_a_revocation(sign_in, bearer):
    claims = {"email": "ada@example.com", "email_verified": True}
    sign_in(**claims)
    body = {"sub_id": {"format": "email", "email": "ada@example.com"}}
    assert post(bearer(), body).status_code == 204
    assert is_signed_in(sign_in(**claims, auth_time=int(time.time()) + 5))


def test_url_behind_a_proxy(idp, sign_in, bearer, configure):
    configure(POST_LOGOUT_REDIRECT_URI="https://www.example.com/oidc/logout/callback/")
    sign_in()
    token = bearer(aud=[f"https://www.example.com{URL}"])
    assert post(token, {"sub_id": iss_sub(idp.issuer)}).status_code == 204


LATER = time.time() + 3600
UNAUTHENTICATED = {
    "iss another": {"iss": "https://other.example.com"},
    "iss of the authorization server": {"iss": "{}/oauth2/default"},
    "iss missing": {"iss": MISSING},
    "aud another": {"aud": "https://other.example.com/oidc/logout/revocation/"},
    "aud the events": {"aud": "http://testserver/oidc/logout/events/"},
    "aud without the slash": {"aud": AT.removesuffix("/")},
    "aud the client": {"aud": "site"},
    "aud missing": {"aud": MISSING},
    "exp missing": {"exp": MISSING},
    "exp passed": {"exp": 5},
    "exp text": {"exp": "9999999999"},
    "iat later": {"iat": LATER},
    "nbf later": {"nbf": LATER},
    "nbf text": {"nbf": "1"},
    "typ of an event": {"header": {"typ": "secevent+jwt"}},
    "typ JWT": {"header": {"typ": "JWT"}},
    "typ missing": {"header": {"typ": MISSING}},
    "crit": {"header": {"crit": ["x"]}},
    "alg none": {"header": {"alg": "none"}},
    "alg of a secret": {"header": {"alg": "HS256"}},
    "kid unknown": {"header": {"kid": "unknown"}},
}


def test_who_is_not_authenticated_learns_nothing(idp, org, sign_in, bearer, signals):
    client, failures = sign_in(), []
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    tokens = {name: bearer(**claims) for name, claims in UNAUTHENTICATED.items()}
    tokens |= {
        "another key": bearer(key=key),
        "nonsense": "nonsense",
        "empty": "",
        "an event": events.encode(claims_of(org)),
        "an ID Token": idp.id_token(),
    }
    for name, token in tokens.items():
        for subject in (iss_sub(idp.issuer), {"format": "opaque", "id": "nobody"}, None):
            answer = post(token, {"sub_id": subject})
            found = answer.status_code, answer["WWW-Authenticate"]
            if found != (401, 'Bearer error="invalid_token"'):
                failures.append((name, found))
    assert failures == []
    answer = post(None, {"sub_id": iss_sub(idp.issuer)})
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert len(signals["rejected"]) == 3 * len(tokens) + 1
    assert is_signed_in(client)


@pytest.mark.parametrize("client_id", ["other", "", MISSING, None, ["site"]])
def test_other_client_is_denied(idp, sign_in, bearer, client_id):
    client = sign_in()
    answer = post(bearer(sub=client_id), {"sub_id": iss_sub(idp.issuer)})
    assert (answer.status_code, answer.json()["error"]) == (403, "access_denied")
    assert answer.json()["code"] == "other_client"
    assert is_signed_in(client)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        {},
        {"sub_id": None},
        {"sub_id": "ada"},
        {"sub_id": {"format": "email"}},
        {"sub_id": {"format": "iss_sub", "iss": 5, "sub": "ada"}},
        "[" * 30000,
        " " * (64 * 1024 + 1),
    ],
)
def test_malformed_body(sign_in, bearer, body):
    client = sign_in()
    answer = post(bearer(), body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert is_signed_in(client)


@pytest.mark.parametrize(
    "subject",
    [
        {"format": "opaque", "id": "nobody"},
        {"format": "email", "email": "nobody@example.com"},
        {"format": "phone_number", "phone_number": "+1"},
        {"format": "iss_sub", "iss": "https://other.example.com", "sub": "ada"},
    ],
)
def test_nobody_of_this_name(sign_in, bearer, subject):
    client = sign_in()
    answer = post(bearer(), {"sub_id": subject})
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    assert is_signed_in(client)


def test_store_that_fails(idp, sign_in, bearer, monkeypatch):
    client = sign_in()
    with monkeypatch.context() as patch:
        patch.setattr(engines, "delete", mock.Mock(side_effect=ConnectionError))
        answer = post(bearer(), {"sub_id": iss_sub(idp.issuer)})
    assert (answer.status_code, answer.json()["error"]) == (422, "unable_to_log_out")
    assert answer.json()["code"] == "sessions_not_ended"
    assert post(bearer(), {"sub_id": iss_sub(idp.issuer)}).status_code == 204
    assert not is_signed_in(client)


def failing_for(key, step):
    """Return a step that fails for the session with a key."""

    def step_or_fail(*keys):
        if key in keys:
            raise ConnectionError
        return step(*keys)

    return step_or_fail


def failing_after(call):
    """Return a function that works once, and then the database fails."""
    calls = iter([call, mock.Mock(side_effect=DatabaseError)])

    def call_or_fail(**given):
        return next(calls)(**given)

    return call_or_fail


@pytest.mark.parametrize(
    ("step", "is_readable", "revoked"),
    [("delete", True, 1), ("delete", False, 1), ("delete_again", True, 1)],
)
@override_settings(OIDC_LOGOUT_REVOKE_TOKENS=True)
def test_session_that_ends_loses_its_refresh_token_although_another_fails(  # noqa: PLR0913, PLR0917  # fixtures
    idp, sign_in, bearer, monkeypatch, step, is_readable, revoked
):
    """Its row is gone, so a repetition of the request does not find the token."""
    sign_in()
    sign_in(sid="session-2")
    key = OIDCSession.objects.get(sid="session-2").session_key
    with monkeypatch.context() as patch:
        patch.setattr(engines, step, failing_for(key, getattr(engines, step)))
        if not is_readable:
            patch.setattr(index, "matching", failing_after(index.matching))
        assert post(bearer(), {"sub_id": iss_sub(idp.issuer)}).status_code == 422
    assert [path for _, path in idp.asked].count("/revoke") == revoked
    post(bearer(), {"sub_id": iss_sub(idp.issuer)})
    assert [path for _, path in idp.asked].count("/revoke") == 2
    assert not OIDCSession.objects.exists()


@pytest.mark.parametrize(
    ("statuses", "calls"),
    [([500] * 5, 2), ([200, 500, 500, 200, 200], 3), ([500, 200, 500, 200, 500], 5)],
)
@override_settings(OIDC_LOGOUT_REVOKE_TOKENS=True)
def test_provider_that_fails_in_a_row_is_not_called_again(  # noqa: PLR0913, PLR0917  # fixtures
    idp, sign_in, bearer, caplog, statuses, calls
):
    """One that does not respond would delay the response by its timeout for each token."""
    for _ in statuses:
        sign_in()
    create_row(issuer=idp.issuer, sub="ada", provider="default")  # without a token
    answers = iter(statuses)
    idp.answers["/revoke"] = lambda handler: handler.body(b"", status=next(answers))
    assert post(bearer(), {"sub_id": iss_sub(idp.issuer)}).status_code == 204
    assert not OIDCSession.objects.exists()
    assert [path for _, path in idp.asked].count("/revoke") == calls
    logged = [each for each in caplog.records if getattr(each, "code", "") == "token_not_revoked"]
    assert len(logged) == len(statuses) - statuses[:calls].count(200)


def test_keys_that_cannot_be_fetched(idp, sign_in, bearer):
    client = sign_in()
    keys = idp.answers.pop("/oauth2/v1/keys")
    assert post(bearer(), {"sub_id": iss_sub(idp.issuer)}).status_code == 503
    assert is_signed_in(client)
    cache.clear()
    idp.answers["/oauth2/v1/keys"] = keys
    assert post(bearer(), {"sub_id": iss_sub(idp.issuer)}).status_code == 204


def test_configuration_that_cannot_be_fetched(idp, org, sign_in, bearer):
    """It may say that the organization in the subject is critical."""
    client = sign_in()
    idp.answers["/.well-known/ssf-configuration"] = lambda handler: handler.send_error(503)
    subject = {"user": iss_sub(idp.issuer), "tenant": {"format": "opaque", "id": "org"}}
    answer = post(bearer(), {"sub_id": subject})
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert answer.json()["code"] == "configuration_unavailable"
    assert is_signed_in(client)
    cache.clear()
    idp.answers["/.well-known/ssf-configuration"] = {"issuer": org}
    assert post(bearer(), {"sub_id": subject}).status_code == 204


def test_aliases(idp, sign_in, bearer):
    client = sign_in(email="ada@example.com", email_verified=True)
    raw = {"format": "iss_sub", "iss": idp.issuer, "sub": "raw-id"}
    email = {"format": "email", "email": "ADA@example.com"}
    subject = {"format": "aliases", "identifiers": [raw, email]}
    assert post(bearer(), {"sub_id": subject}).status_code == 204
    assert not is_signed_in(client)
    assert ReauthenticationMark.objects.count() == 2


def test_without_the_option_there_is_nothing(bearer, configure, signals):
    token = bearer()
    configure(SHARED_SIGNALS=None)
    assert post(token, {}).status_code == 404
    assert events.post("", url=URL).status_code == 404
    assert not signals["rejected"]


def fail():
    raise RuntimeError


def test_providers_that_cannot_be_asked(settings, bearer, caplog):
    token = bearer()
    settings.OIDC_LOGOUT_PROVIDERS = f"{__name__}.fail"
    answer = post(token, {})
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert answer.json()["code"] == "providers_unreadable"
    codes = [getattr(each, "code", "") for each in caplog.records]
    assert codes.count("providers_unreadable") == 1


@pytest.mark.parametrize("has_option", [True, False])
def test_other_methods(client, configure, signals, has_option):
    configure(SHARED_SIGNALS={} if has_option else None)
    assert client.get(URL).status_code == 405
    assert not OIDCSession.objects.exists()
    assert len(signals["rejected"]) == has_option
