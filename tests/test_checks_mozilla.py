"""System checks of mozilla-django-oidc's backend: its settings and the algorithms it verifies."""

from __future__ import annotations

from types import ModuleType

import pytest
from django.core.checks import run_checks
from django.urls import include, path
from mozilla_django_oidc.auth import OIDCAuthenticationBackend
from mozilla_django_oidc.middleware import SessionRefresh
from mozilla_django_oidc.views import OIDCAuthenticationRequestView

from django_oidc_logout.backends import AuthenticationRequestView, OIDCLogoutMixin
from tests import urls as plain
from tests.factories import ISSUER


class FromADatabase(OIDCLogoutMixin, OIDCAuthenticationBackend):
    """As that of mozilla-django-oidc-db, which reads no settings."""

    def __init__(self):
        pass


class WithAnotherLibrary(OIDCLogoutMixin, OIDCAuthenticationBackend):
    """A backend that verifies tokens itself."""

    def verify_token(self, token, **kwargs):
        return {}


OWN = "django_oidc_logout.backends.OIDCLogoutBackend"


def found():
    return {message.id for message in run_checks() if message.id.startswith("oidc_logout.")}


@pytest.mark.parametrize(
    ("backend", "names", "expected"),
    [
        (OWN, ["OIDC_OP_TOKEN_ENDPOINT"], {"oidc_logout.E030"}),
        (OWN, ["OIDC_OP_USER_ENDPOINT", "OIDC_OP_TOKEN_ENDPOINT"], {"oidc_logout.E030"}),
        (OWN, ["OIDC_RP_CLIENT_SECRET"], {"oidc_logout.E030"}),
        (f"{__name__}.FromADatabase", ["OIDC_OP_TOKEN_ENDPOINT"], set()),
        (OWN, [], set()),
    ],
)
def test_a_missing_setting_is_an_error(settings, backend, names, expected):
    settings.AUTHENTICATION_BACKENDS = [backend]
    settings.OIDC_LOGOUT_PROVIDERS = {"other": {"ISSUER": ISSUER, "CLIENT_ID": "site"}}
    for name in names:
        delattr(settings, name)
    assert found() == expected
    for message in run_checks():
        if message.id in expected:
            assert all(name in message.msg for name in names)
            assert "OIDCLogoutMixin" in message.hint


def providers():
    return {}


@pytest.mark.parametrize(
    "providers", [{"default": {"ISSUER": ISSUER}}, f"{__name__}.providers"], ids=["dict", "path"]
)
def test_discovery_stands_in_for_endpoints_only(settings, providers):
    settings.OIDC_LOGOUT_PROVIDERS = providers
    settings.OIDC_OP_TOKEN_ENDPOINT = settings.OIDC_OP_USER_ENDPOINT = None
    settings.OIDC_OP_JWKS_ENDPOINT = settings.OIDC_RP_SIGN_ALGO = None
    assert "oidc_logout.E030" not in found()
    settings.OIDC_RP_CLIENT_ID = None
    assert "oidc_logout.E030" in found()


class OwnStart(AuthenticationRequestView):
    """A site's own, which adds parameters."""


class ReadsADatabase(OIDCAuthenticationRequestView):
    """As that of mozilla-django-oidc-db."""

    @staticmethod
    def get_settings(attr, *args):
        return "https://idp.example.com"


class OwnRefresh(SessionRefresh):
    """A site's own middleware."""


class RefreshFromADatabase(SessionRefresh):
    """As that of mozilla-django-oidc-db."""

    def __init__(self, get_response):
        self.get_response = get_response


def urlconf(view):
    module = ModuleType("urls_of_a_start")
    module.urlpatterns = [
        path("start/", view, name="oidc_authentication_init"),
        path("oidc/", include("django_oidc_logout.urls")),
    ]
    return module


@pytest.mark.parametrize(
    ("view", "providers", "expected"),
    [
        (OIDCAuthenticationRequestView.as_view(), "default", True),
        (OIDCAuthenticationRequestView.as_view(), "other", True),
        (AuthenticationRequestView.as_view(), "default", False),
        (AuthenticationRequestView.as_view(), "other", True),
        (OwnStart.as_view(), "default", False),
        (ReadsADatabase.as_view(), "default", False),
        (plain.home, "default", False),
    ],
)
def test_what_starts_a_sign_in_needs_the_endpoint(settings, view, providers, expected):
    settings.ROOT_URLCONF = urlconf(view)
    settings.OIDC_LOGOUT_PROVIDERS = {providers: {"ISSUER": ISSUER, "CLIENT_ID": "site"}}
    assert "oidc_logout.E044" not in found()
    settings.OIDC_OP_AUTHORIZATION_ENDPOINT = None
    assert ("oidc_logout.E044" in found()) is expected


def test_without_mozillas_urls_nothing_starts_a_sign_in(settings):
    settings.ROOT_URLCONF = "tests.urls_none"
    settings.OIDC_OP_AUTHORIZATION_ENDPOINT = None
    assert "oidc_logout.E044" not in found()


@pytest.mark.parametrize(
    ("refresh", "expected"),
    [
        (SessionRefresh, True),
        (OwnRefresh, True),
        (RefreshFromADatabase, False),
    ],
)
def test_what_renews_a_sign_in_needs_the_endpoint(settings, refresh, expected):
    settings.ROOT_URLCONF = urlconf(AuthenticationRequestView.as_view())
    settings.OIDC_OP_AUTHORIZATION_ENDPOINT = None
    path_to = f"{refresh.__module__}.{refresh.__qualname__}"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, path_to]
    said = [message.msg for message in run_checks() if message.id == "oidc_logout.E044"]
    assert said == [f"{path_to} needs OIDC_OP_AUTHORIZATION_ENDPOINT, which is not set."] * expected


@pytest.mark.parametrize(
    ("backend", "algorithm", "options", "warns"),
    [
        (OWN, "PS256", {}, True),
        (OWN, "EdDSA", {}, True),
        (OWN, "PS256", {"ALGORITHMS": ["RS256"]}, True),
        (OWN, None, {"ALGORITHMS": ["PS256", "EdDSA"]}, True),
        (OWN, None, {"ALGORITHMS": ["PS256", "RS256"]}, False),
        (OWN, None, {}, False),
        (OWN, "RS256", {"ALGORITHMS": ["PS256"]}, False),
        (OWN, "ES256", {}, False),
        (f"{__name__}.WithAnotherLibrary", "PS256", {}, False),
    ],
)
def test_an_algorithm_that_mozilla_cannot_verify(settings, backend, algorithm, options, warns):
    settings.AUTHENTICATION_BACKENDS = [backend]
    settings.OIDC_RP_SIGN_ALGO = algorithm
    settings.OIDC_LOGOUT_PROVIDERS = {"default": {"ISSUER": ISSUER, **options}}
    assert ("oidc_logout.W035" in found()) is warns


def test_a_site_without_a_provider_named_default(settings):
    settings.OIDC_RP_SIGN_ALGO = None
    settings.OIDC_LOGOUT_PROVIDERS = {"other": {"ISSUER": ISSUER, "CLIENT_ID": "site"}}
    assert "oidc_logout.W035" not in found()


def test_wrong_types_are_left_to_other_checks(settings):
    settings.OIDC_RP_SIGN_ALGO = None
    settings.OIDC_LOGOUT_PROVIDERS = {"default": {"ISSUER": ISSUER, "ALGORITHMS": 5}}
    assert found() == {"oidc_logout.E004"}
