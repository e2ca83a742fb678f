"""The checks by themselves: each holds even if nothing before it has looked."""

from __future__ import annotations

import pytest

from django_oidc_logout import logout_tokens
from django_oidc_logout.conf import ProviderOptions
from django_oidc_logout.exceptions import LogoutTokenInvalid

NOW = 1_800_000_000
OPTIONS = {"alias": "default", "issuer": "https://idp.example.com", "client_id": "site"}
CLAIMS = {
    "iss": "https://idp.example.com",
    "aud": "site",
    "iat": NOW - 1,
    "jti": "1",
    "events": {logout_tokens.EVENT: {}},
    "sid": "s",
}


def validate(claims=None, **options):
    given = ProviderOptions(**OPTIONS | options)
    return logout_tokens.validate(CLAIMS | (claims or {}), given, now=NOW)


def test_what_is_valid():
    token = validate()
    assert (token.issuer, token.sid, token.subject, token.jti) == (OPTIONS["issuer"], "s", "", "1")


@pytest.mark.parametrize(
    ("claims", "options", "message"),
    [
        ({"iss": "https://idp.example.com/"}, {}, "another issuer"),
        ({"aud": "other"}, {}, "another client"),
        ({}, {"client_id": ""}, "another client"),
        ({"aud": ["site"], "azp": "other"}, {}, "azp"),
        ({"iat": NOW + 61}, {}, "in the future"),
        ({"iat": NOW - 301}, {}, "older than 300 seconds"),
        ({"exp": NOW}, {}, "expired"),
        ({}, {"require_exp": True}, "exp is missing"),
    ],
)
def test_what_is_not(claims, options, message):
    with pytest.raises(LogoutTokenInvalid, match=message):
        validate(claims, **options)


@pytest.mark.parametrize(
    "claims", [{"iat": NOW + 60}, {"iat": NOW - 300}, {"exp": NOW + 1}, {"iat": NOW - 0.5}], ids=str
)
def test_what_is_just_in_time(claims):
    assert validate(claims).jti == "1"
