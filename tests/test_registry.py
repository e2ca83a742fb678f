"""The choice among the configured providers."""

from __future__ import annotations

import jwt
import pytest

from django_oidc_logout.exceptions import ProviderUnavailable
from django_oidc_logout.providers import GoogleProvider, OIDCProvider, configured
from django_oidc_logout.tokens import id_token
from tests.factories import ISSUER

OTHER = "https://other.example.com"
SEVERAL = {
    "default": {"ISSUER": ISSUER},
    "shop": {"ISSUER": ISSUER, "CLIENT_ID": "shop"},
    "anyone": {"ISSUER": OTHER},
}


@pytest.mark.parametrize(
    ("claims", "alias"),
    [
        ({"iss": ISSUER, "aud": "site"}, "default"),
        ({"iss": ISSUER, "aud": "shop"}, "shop"),
        ({"iss": ISSUER, "aud": ["api", "shop"]}, "shop"),
        ({"iss": ISSUER, "aud": ["site", "shop"]}, "default"),
        ({"iss": ISSUER, "aud": ["site", "shop"], "azp": "shop"}, "shop"),
        ({"iss": ISSUER, "aud": ["shop", "site"], "azp": "site"}, "default"),
        ({"iss": ISSUER, "aud": ["site", "shop"], "azp": "api"}, "default"),
        ({"iss": ISSUER, "aud": "site", "azp": "shop"}, "default"),
        ({"iss": ISSUER, "aud": "Site"}, ""),
        ({"iss": ISSUER, "aud": []}, ""),
        ({"iss": ISSUER}, ""),
        ({"iss": f"{ISSUER}/", "aud": "site"}, ""),
        ({"iss": ISSUER.upper(), "aud": "site"}, ""),
        ({"iss": OTHER, "aud": "whoever"}, "anyone"),
        ({"iss": OTHER}, "anyone"),
        ({"iss": "https://unknown.example.com", "aud": "site"}, ""),
    ],
)
def test_provider_that_issued_a_token(settings, claims, alias):
    settings.OIDC_LOGOUT_PROVIDERS = SEVERAL
    token = id_token.read(jwt.encode({"sub": "ada", **claims}, "k" * 32, "HS256"))
    assert token.alias == alias


@pytest.mark.parametrize(
    ("aliases", "alias"),
    [
        ([], ""),
        (["default"], "default"),
        (["shop"], "shop"),
        (["shop", "default"], "default"),
        (["shop", "anyone"], ""),
    ],
)
def test_provider_where_no_token_says_which(settings, aliases, alias):
    settings.OIDC_LOGOUT_PROVIDERS = {name: SEVERAL[name] for name in aliases}
    assert configured.fallback_alias() == alias


def test_provider_by_its_alias(settings):
    backend = "django_oidc_logout.providers.GoogleProvider"
    settings.OIDC_LOGOUT_PROVIDERS = {**SEVERAL, "google": {"ISSUER": OTHER, "BACKEND": backend}}
    assert type(configured.provider_for("default")) is OIDCProvider
    assert type(configured.provider_for("google")) is GoogleProvider
    assert configured.provider_for("shop").options.client_id == "shop"
    with pytest.raises(ProviderUnavailable, match="does not have 'gone'"):
        configured.provider_for("gone")
