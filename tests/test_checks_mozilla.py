"""System checks of mozilla-django-oidc's backend: its settings and the algorithms it verifies."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks
from mozilla_django_oidc.auth import OIDCAuthenticationBackend

from django_oidc_logout.backends import OIDCLogoutMixin
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
    for name in names:
        delattr(settings, name)
    assert found() == expected
    for message in run_checks():
        if message.id in expected:
            assert all(name in message.msg for name in names)
            assert "OIDCLogoutMixin" in message.hint


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
