"""The algorithms of logout tokens: those in the settings, or else what the provider publishes."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.cache import cache
from jwt.algorithms import ECAlgorithm

from django_oidc_logout.conf import conf
from django_oidc_logout.exceptions import ProviderUnavailable
from django_oidc_logout.providers.transmitter import configured_transmitters
from django_oidc_logout.security_events.token import allowed_algorithms
from django_oidc_logout.tokens import logout_token
from tests import events
from tests.factories import assert_refused, is_signed_in, post_logout_token
from tests.idp import KID

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


# Security events


def transmitter():
    (found,) = configured_transmitters()
    return found


@pytest.mark.parametrize(
    ("published", "names"),
    [
        (["RS256"], ["RS256"]),
        (["PS384", "ES256", "EdDSA", "ES256"], ["ES256", "EdDSA", "PS384", "RS256"]),
        (["none", "None", "HS256", "XX256", 5, None, ["ES256"]], ["RS256"]),
        ([], ["RS256"]),
        ("ES256", ["RS256"]),
        (None, ["RS256"]),
    ],
)
@pytest.mark.parametrize("written", [[], ["HS256", "none", "NONE"]], ids=["unset", "no key"])
def test_events_may_use_what_the_provider_publishes(unset, configure, published, names, written):
    configure(SHARED_SIGNALS={}, ALGORITHMS=written)
    unset.metadata[PUBLISHED] = published
    assert allowed_algorithms(transmitter()) == names


def test_a_setting_comes_first_for_events(idp, configure):
    configure(SHARED_SIGNALS={}, ALGORITHMS=["PS256", "HS256"])
    idp.metadata[PUBLISHED] = ["ES256"]
    assert allowed_algorithms(transmitter()) == ["PS256"]
    assert idp.asked == []


@pytest.mark.parametrize(
    "options",
    [
        {"JWKS_URI": "https://idp.example.com/jwks"},
        {"JWKS_URI": "", "SHARED_SIGNALS": {"JWKS_URI": "https://idp.example.com/jwks"}},
    ],
    ids=["of the provider", "of the signals"],
)
def test_events_use_rs256_if_there_is_no_document_but_the_keys_are_known(unset, configure, options):
    del unset.answers[DISCOVERY]
    configure(**{"SHARED_SIGNALS": {}} | options)
    assert allowed_algorithms(transmitter()) == ["RS256"]
    configure(JWKS_URI="", SHARED_SIGNALS={})
    with pytest.raises(ProviderUnavailable):
        allowed_algorithms(transmitter())


def test_an_event_is_signed_as_a_logout_token_is(unset, configure, sign_in, settings):
    settings.OIDC_RP_SIGN_ALGO = "RS256"
    client = sign_in()
    del settings.OIDC_RP_SIGN_ALGO
    configure(SHARED_SIGNALS={"AUDIENCE": events.AUDIENCE})
    cache.clear()
    key = ec.generate_private_key(ec.SECP256R1())
    jwk = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    unset.answers["/jwks"] = {"keys": [jwk | {"kid": KID}]}
    unset.metadata[PUBLISHED] = ["ES256"]
    claims = events.claims_of(unset.issuer)
    events.assert_rejected(
        events.post(events.encode(claims, key="x" * 32, alg="HS256")), "invalid_key"
    )
    assert is_signed_in(client)
    events.assert_accepted(events.post(events.encode(claims, key=key, alg="ES256")))
    assert not is_signed_in(client)


# What does not ask


def test_a_click_does_not_ask_for_them(unset, sign_in, settings):
    settings.OIDC_RP_SIGN_ALGO = "RS256"
    client = sign_in()
    del settings.OIDC_RP_SIGN_ALGO
    unset.asked.clear()
    client.post("/oidc/logout/")
    assert unset.asked == []
