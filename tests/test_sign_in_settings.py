"""Sign-ins whose endpoints and algorithm come from the provider's discovery document."""

from __future__ import annotations

import logging
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.urls import include, path
from mozilla_django_oidc.auth import OIDCAuthenticationBackend

from django_oidc_logout import urls as own_urls
from django_oidc_logout.backends import (
    AuthenticationRequestView,
    OIDCLogoutBackend,
    OIDCLogoutMixin,
)
from django_oidc_logout.exceptions import ProviderUnavailable
from django_oidc_logout.providers import sign_in_settings
from tests.factories import is_signed_in
from tests.urls import private

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

PATH = "/.well-known/openid-configuration"
ASKED = ("GET", PATH)
SETTINGS = [*sign_in_settings.ENDPOINTS, "OIDC_RP_SIGN_ALGO"]

urlpatterns = [
    path("private/", private),
    path(
        "oidc/authenticate/", AuthenticationRequestView.as_view(), name="oidc_authentication_init"
    ),
    path("oidc/", include(own_urls)),
    path("oidc/", include("mozilla_django_oidc.urls")),
]


@pytest.fixture(autouse=True)
def _nothing_set(settings, idp):
    for name in SETTINGS:
        delattr(settings, name)
    idp.metadata |= {
        "authorization_endpoint": f"{idp.issuer}/authorize",
        "token_endpoint": f"{idp.issuer}/token",
        "userinfo_endpoint": f"{idp.issuer}/userinfo",
    }


@pytest.fixture
def callback(client, idp):
    """Return a function that begins a sign-in and brings the code back."""

    def callback(**claims):
        query = parse_qs(urlsplit(client.get("/oidc/authenticate/")["Location"]).query)
        idp.claims = {"nonce": query["nonce"][0], **claims}
        return lambda: client.get("/oidc/callback/", {"code": "code", "state": query["state"][0]})

    return callback


def forget(idp):
    """Let nobody know the provider's metadata, and the provider not tell it."""
    cache.clear()
    idp.answers[PATH] = lambda handler: handler.send_error(503)


def test_one_url_is_enough(idp, sign_in, client):
    started = client.get("/oidc/authenticate/")
    assert started["Location"].startswith(f"{idp.issuer}/authorize?response_type=code&")
    sign_in(client)
    assert is_signed_in(client)
    assert client.post("/oidc/logout/")["Location"].startswith(f"{idp.issuer}/end-session?")
    assert idp.asked.count(ASKED) == 1
    assert {path for _, path in idp.asked} == {PATH, "/token", "/jwks", "/userinfo"}


def test_nothing_is_asked_before_somebody_signs_in(idp, sign_in):
    client = sign_in()
    forget(idp)
    idp.asked.clear()
    OIDCLogoutBackend()
    AuthenticationRequestView()
    assert is_signed_in(client)  # which creates a backend, too
    call_command("check")
    assert idp.asked == []


def test_a_setting_that_is_set_wins(settings, idp, sign_in, client):
    settings.OIDC_OP_AUTHORIZATION_ENDPOINT = "https://elsewhere.example.com/authorize"
    settings.OIDC_OP_TOKEN_ENDPOINT = f"{idp.issuer}/inside/token"
    settings.OIDC_RP_SIGN_ALGO = "RS256"
    idp.answers["/inside/token"] = idp.answers.pop("/token")
    sign_in(client)
    assert client.get("/oidc/authenticate/")["Location"].startswith("https://elsewhere.example.com")
    assert ("POST", "/inside/token") in idp.asked


def test_the_keys_of_the_provider_are_those_of_its_option(idp, configure):
    configure(JWKS_URI=f"{idp.issuer}/jwks-inside")
    assert f"{idp.issuer}/jwks-inside" == OIDCLogoutBackend().OIDC_OP_JWKS_ENDPOINT
    assert idp.asked == []


def test_a_subclass_reads_settings_from_elsewhere(idp):
    class FromADatabase(OIDCAuthenticationBackend):
        def get_settings(self, attr, *args):
            found = {"OIDC_OP_USER_ENDPOINT": "https://stored.example.com/me"}
            return found.get(attr) or super().get_settings(attr, *args)

    class Own(OIDCLogoutMixin, FromADatabase):
        pass

    assert Own().OIDC_OP_USER_ENDPOINT == "https://stored.example.com/me"
    assert f"{idp.issuer}/token" == Own().OIDC_OP_TOKEN_ENDPOINT


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (None, "RS256"),
        ("ES256", "RS256"),
        ([], "RS256"),
        (["HS256", "none"], "RS256"),
        (["PS256", "EdDSA"], "RS256"),
        (["ES256", "RS256"], "RS256"),
        (["HS256", 5, "ES384", "RS512"], "ES384"),
    ],
)
def test_the_algorithm_is_never_one_with_a_secret(idp, offered, chosen):
    idp.metadata["id_token_signing_alg_values_supported"] = offered
    assert sign_in_settings.algorithm() == chosen


def test_tokens_are_verified_with_the_published_algorithm(idp, callback):
    idp.metadata["id_token_signing_alg_values_supported"] = ["ES256"]
    come_back = callback()
    assert come_back().status_code == 400  # its tokens are signed with RS256
    idp.metadata["id_token_signing_alg_values_supported"] = ["RS512", "RS256"]
    cache.clear()
    assert callback()().status_code == 302


@pytest.mark.parametrize(
    ("written", "algorithm"),
    [
        ({}, "RS256"),
        ({"OIDC_OP_TOKEN_ENDPOINT": "https://idp.example.com/token"}, "HS256"),
        ({"OIDC_RP_SIGN_ALGO": "ES256"}, "ES256"),
        ({"OIDC_RP_SIGN_ALGO": "ES256", "OIDC_OP_TOKEN_ENDPOINT": "https://a.example"}, "ES256"),
    ],
)
def test_mozillas_default_stays_where_the_token_endpoint_is_set(settings, written, algorithm):
    for name, value in written.items():
        setattr(settings, name, value)
    assert algorithm == OIDCLogoutBackend().OIDC_RP_SIGN_ALGO


def test_other_settings_are_mozillas(settings):
    settings.OIDC_RP_SCOPES = "openid"
    assert OIDCLogoutBackend().get_settings("OIDC_RP_SCOPES", "openid email") == "openid"
    assert OIDCLogoutBackend().get_settings("OIDC_TIMEOUT", 4) == 4


def test_an_endpoint_that_the_provider_may_not_publish_is_not_used(idp, client):
    idp.metadata["authorization_endpoint"] = "http://idp.example.com/authorize"
    assert client.get("/oidc/authenticate/").status_code == 503


class TestOutage:
    """What people see if the provider's metadata is needed and unknown."""

    @pytest.fixture
    def said(self, caplog):
        caplog.set_level(logging.WARNING, "django_oidc_logout")
        return lambda: [r.code for r in caplog.records if r.name == "django_oidc_logout"]

    def test_at_the_click(self, idp, client, said, configure):
        configure(NAME="Company account")
        forget(idp)
        answer = client.get("/oidc/authenticate/?next=/private/")
        assert answer.status_code == 503
        assert "no-store" in answer["Cache-Control"]
        assert "You cannot sign in right now" in answer.text
        assert "Company account does not respond." in answer.text
        assert 'href="/oidc/authenticate/?next=%2Fprivate%2F"' in answer.text
        assert said() == ["sign_in_not_possible"]

    def test_at_the_callback(self, idp, callback, client, said):
        come_back = callback()
        forget(idp)
        answer = come_back()
        assert answer.status_code == 503
        assert "You cannot sign in right now" in answer.text
        assert 'href="/oidc/authenticate/"' in answer.text
        assert said() == ["sign_in_not_possible"]
        assert not is_signed_in(client)

    def test_at_the_callback_without_our_middleware(self, settings, idp, callback, said):
        settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "oidc" not in name]
        come_back = callback()
        forget(idp)
        assert come_back()["Location"] == "/"  # mozilla's LOGIN_REDIRECT_URL_FAILURE
        assert said() == ["sign_in_not_possible"]

    def test_for_a_script(self, idp, client):
        forget(idp)
        answer = client.get("/oidc/authenticate/", headers={"Accept": "application/json"})
        assert answer.status_code == 503
        assert answer.json() == {
            "error": "provider_unavailable",
            "code": "provider_unavailable",
            "redirect_to": "/oidc/authenticate/",
        }

    def test_outside_a_request(self, monkeypatch, said):
        def fail(*args, **kwargs):
            raise ProviderUnavailable("it is down")

        monkeypatch.setattr(OIDCAuthenticationBackend, "authenticate", fail)
        assert OIDCLogoutBackend().authenticate(None) is None
        assert said() == ["sign_in_not_possible"]

    def test_without_a_provider_named_default(self, settings, client, idp):
        settings.OIDC_LOGOUT_PROVIDERS = {"other": {"ISSUER": idp.issuer, "CLIENT_ID": "site"}}
        assert client.get("/oidc/authenticate/").status_code == 503

    def test_the_next_click_works_when_the_provider_is_back(self, idp, client):
        answers = dict(idp.answers)
        forget(idp)
        assert client.get("/oidc/authenticate/").status_code == 503
        cache.clear()  # as after half a minute
        idp.answers = answers
        assert client.get("/oidc/authenticate/").status_code == 302
