"""The algorithms of logout tokens: those in the settings, or else what the provider publishes."""

from __future__ import annotations

import pytest

from django_oidc_logout.conf import conf
from django_oidc_logout.exceptions import ProviderUnavailable
from django_oidc_logout.tokens import logout_token
from tests.factories import assert_refused, is_signed_in, post_logout_token

pytestmark = pytest.mark.django_db

DISCOVERY = "/.well-known/openid-configuration"
PUBLISHED = "id_token_signing_alg_values_supported"


def allowed():
    return list(logout_token.allowed_algorithms(conf.OIDC_LOGOUT_PROVIDERS["default"]))


@pytest.fixture
def unset(idp, settings):
    """Let no setting name an algorithm."""
    del settings.OIDC_RP_SIGN_ALGO
    return idp


@pytest.mark.parametrize(
    ("published", "names"),
    [
        (["RS256"], ["RS256"]),
        (["ES256", "PS384", "EdDSA"], ["ES256", "EdDSA", "PS384"]),
        (["none", "HS256", "RS512", "XX256", 5, None], ["RS512"]),
        (["none", "HS256"], ["RS256"]),
        ([], ["RS256"]),
        ("ES256", ["RS256"]),
        (None, ["RS256"]),
    ],
)
def test_without_a_setting_they_are_what_the_provider_publishes(unset, published, names):
    unset.metadata[PUBLISHED] = published
    assert allowed() == names


@pytest.mark.parametrize("alias", ["default", "other"])
def test_a_setting_comes_first(idp, settings, configure, alias):
    idp.metadata[PUBLISHED] = ["ES256"]
    settings.OIDC_RP_SIGN_ALGO = "PS256"
    assert allowed() == ["PS256"]
    configure(ALGORITHMS=["RS512", "HS256"])
    assert allowed() == ["RS512", "HS256"]
    assert idp.asked == []


def test_mozillas_setting_is_not_about_another_provider(idp, settings, configure):
    idp.metadata[PUBLISHED] = ["ES256"]
    configure("other", ISSUER=idp.issuer)
    options = conf.OIDC_LOGOUT_PROVIDERS["other"]
    assert list(logout_token.allowed_algorithms(options)) == ["ES256"]


def test_a_provider_without_a_document_signs_with_rs256_if_its_keys_are_known(unset, configure):
    del unset.answers[DISCOVERY]
    assert allowed() == ["RS256"]
    configure(JWKS_URI="")
    with pytest.raises(ProviderUnavailable):
        allowed()


def test_back_channel(unset, sign_in, settings):
    """mozilla-django-oidc itself verifies ID Tokens, here with the setting's algorithm."""
    settings.OIDC_RP_SIGN_ALGO = "RS256"
    client = sign_in()
    del settings.OIDC_RP_SIGN_ALGO
    token = unset.logout_token()
    assert_refused(post_logout_token(unset.logout_token(alg="HS256", key="x" * 32)))
    assert post_logout_token(token).status_code == 200
    assert not is_signed_in(client)


def test_a_click_does_not_ask_for_them(unset, sign_in, settings):
    settings.OIDC_RP_SIGN_ALGO = "RS256"
    client = sign_in()
    del settings.OIDC_RP_SIGN_ALGO
    unset.asked.clear()
    client.post("/oidc/logout/")
    assert unset.asked == []
