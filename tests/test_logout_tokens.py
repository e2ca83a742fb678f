"""Each check on its own, without the checks before it."""

from __future__ import annotations

import pytest

from django_oidc_logout.conf import ProviderOptions
from django_oidc_logout.exceptions import LogoutTokenInvalid, OIDCLogoutError, TokenUnreadable
from django_oidc_logout.tokens import logout_token

NOW = 1_800_000_000
OPTIONS = {"alias": "default", "issuer": "https://idp.example.com", "client_id": "site"}
CLAIMS = {
    "iss": "https://idp.example.com",
    "aud": "site",
    "iat": NOW - 1,
    "jti": "1",
    "events": {logout_token.EVENT: {}},
    "sid": "s",
}


def validate(claims=None, **options):
    given = ProviderOptions(**OPTIONS | options)
    return logout_token.validate(CLAIMS | (claims or {}), given, now=NOW)


def test_what_is_valid():
    token = validate()
    assert (token.issuer, token.sid, token.subject, token.jti) == (OPTIONS["issuer"], "s", "", "1")


# The exact error responses: a provider's operator has nothing else to go by.
OTHER_ISSUER = "the token's iss is another issuer"
OTHER_CLIENT = "the token's aud is another client"
OTHER_PARTY = "the token's azp is another client"
EXPIRED = "the token has expired"
NO_EVENT = "the token's events do not name a back-channel logout"


@pytest.mark.parametrize(
    ("claims", "options", "message"),
    [
        ({"iss": "https://idp.example.com/"}, {}, OTHER_ISSUER),
        ({"aud": "other"}, {}, OTHER_CLIENT),
        ({}, {"client_id": ""}, OTHER_CLIENT),
        ({"aud": ["site"], "azp": "other"}, {}, OTHER_PARTY),
        ({"aud": ["site"], "azp": None}, {}, OTHER_PARTY),
        ({"iat": NOW + 61}, {}, "the token's iat is in the future"),
        ({"iat": NOW - 301}, {}, "the token is older than 300 seconds"),
        ({"iat": 0}, {}, "the token is older than 300 seconds"),
        ({"iat": -1}, {}, "the token's iat is missing or not a time"),
        ({"exp": NOW - 60}, {}, EXPIRED),
        ({"exp": 0}, {}, EXPIRED),
        ({"exp": 0.5}, {}, EXPIRED),
        ({"exp": 2**53}, {}, "the token's exp is missing or not a time"),
        ({"exp": float("nan")}, {}, "the token's exp is missing or not a time"),
        ({}, {"require_exp": True}, "the token's exp is missing or not a time"),
        ({"jti": ""}, {}, "the token's jti is missing or not a string"),
        ({"events": {}}, {}, NO_EVENT),
        ({"events": [logout_token.EVENT]}, {}, NO_EVENT),
        ({"nonce": None}, {}, "the token has a nonce, so it may be an ID Token"),
        ({"sid": None}, {}, "the token's sid is missing or not a string"),
        ({"sub": ""}, {}, "the token's sub is missing or not a string"),
    ],
)
def test_what_is_not(claims, options, message):
    with pytest.raises(OIDCLogoutError) as caught:
        validate(claims, **options)
    assert str(caught.value) == message


def test_a_token_is_about_somebody():
    claims = {name: value for name, value in CLAIMS.items() if name != "sid"}
    with pytest.raises(LogoutTokenInvalid) as caught:
        logout_token.validate(claims, ProviderOptions(**OPTIONS), now=NOW)
    assert str(caught.value) == "the token has neither sub nor sid"


@pytest.mark.parametrize(
    "claims",
    [
        {"iat": NOW + 60},
        {"iat": NOW - 300},
        {"exp": NOW + 1},
        {"exp": NOW - 10},
        {"exp": NOW - 59.5},
        {"exp": 2**53 - 1},
        {"iat": NOW - 0.5},
    ],
    ids=str,
)
def test_what_is_just_in_time(claims):
    assert validate(claims).jti == "1"


def test_length():
    with pytest.raises(TokenUnreadable):  # which is another matter
        logout_token.verify("x" * logout_token.MAX_LENGTH)
    with pytest.raises(LogoutTokenInvalid) as caught:
        logout_token.verify("x" * (logout_token.MAX_LENGTH + 1))
    assert str(caught.value) == "the token is over 16384 characters long"


UNSIGNED = "the token is not signed"


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"alg": "none"}, UNSIGNED),
        ({"alg": "NONE"}, UNSIGNED),
        ({"alg": "None"}, UNSIGNED),
        ({"alg": None}, UNSIGNED),
        ({"alg": ["RS256"]}, UNSIGNED),
        ({}, UNSIGNED),
        (
            {"alg": "HS256"},
            "the token's alg is not allowed, only RS256, none, None",
        ),
        (
            {"alg": "rs256"},
            "the token's alg is not allowed, only RS256, none, None",
        ),
    ],
    ids=str,
)
def test_algorithms_that_are_refused(header, message):
    """`none` is rejected even if somebody has allowed it."""
    options = ProviderOptions(**OPTIONS, algorithms=("RS256", "none", "None"))
    with pytest.raises(LogoutTokenInvalid) as caught:
        logout_token.require_algorithm(header, options)
    assert str(caught.value) == message


def test_an_algorithm():
    options = ProviderOptions(**OPTIONS, algorithms=("ES256", "RS256"))
    assert logout_token.require_algorithm({"alg": "RS256"}, options) == "RS256"


WRONG_TYPE = "the token's typ is not that of a logout token"


@pytest.mark.parametrize(
    ("header", "options", "message"),
    [
        ({"crit": ["exp"]}, {}, "the token's crit names an unsupported extension"),
        ({"typ": "at+jwt"}, {}, WRONG_TYPE),
        ({"typ": None}, {}, WRONG_TYPE),
        ({"typ": "JWT"}, {"require_typ": True}, WRONG_TYPE),
        ({"typ": "application/jwt"}, {"require_typ": True}, WRONG_TYPE),
        ({"typ": "application/at+jwt"}, {}, WRONG_TYPE),
        ({"typ": "text/logout+jwt"}, {}, WRONG_TYPE),
        ({"typ": "application/application/jwt"}, {}, WRONG_TYPE),
        ({}, {"require_typ": True}, WRONG_TYPE),
    ],
    ids=str,
)
def test_headers_that_are_refused(header, options, message):
    with pytest.raises(LogoutTokenInvalid) as caught:
        logout_token.require_header(header, ProviderOptions(**OPTIONS | options))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("header", "options"),
    [
        ({}, {}),
        ({"typ": "JWT"}, {}),
        ({"typ": "Logout+JWT"}, {}),
        ({"typ": "application/jwt"}, {}),
        ({"typ": "logout+jwt"}, {"require_typ": True}),
        ({"typ": "application/logout+jwt"}, {"require_typ": True}),
        ({"typ": "APPLICATION/Logout+JWT"}, {"require_typ": True}),
    ],
    ids=str,
)
def test_headers_that_are_accepted(header, options):
    logout_token.require_header(header, ProviderOptions(**OPTIONS | options))


def test_a_token_about_a_person():
    claims = {name: value for name, value in CLAIMS.items() if name != "sid"} | {"sub": "ada"}
    token = logout_token.validate(claims, ProviderOptions(**OPTIONS), now=NOW)
    assert (token.subject, token.sid, token.issued_at) == ("ada", "", NOW - 1)
