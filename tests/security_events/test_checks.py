"""System checks of `SHARED_SIGNALS`: what the reference does not show."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks


def found(configure, option, **others):
    configure(SHARED_SIGNALS=option, **others)
    numbers = {"E004", "E037", "E038", "E039", "W048", "W067", "W068"}
    ids = [message.id.removeprefix("oidc_logout.") for message in run_checks()]
    return [id_ for id_ in ids if id_ in numbers]


@pytest.mark.parametrize(
    ("option", "ids"),
    [
        (None, []),
        ({}, []),
        ([], ["E004"]),
        ({"A": 1, "B": 2}, ["E037", "E037"]),
        ({"ISSUER": "http://idp.example.com", "JWKS_URI": 5}, ["E038", "E038"]),
        ({"ISSUER": [], "JWKS_URI": False}, ["E038", "E038"]),
        ({"ISSUER": None, "JWKS_URI": ""}, []),
        ({"POLICY": {"session-revoked": "End", "account-purged": None}}, ["E039", "E039"]),
        ({"POLICY": {5: "end", "consent-revoked": "tell"}}, ["W048", "W048"]),
        ({"POLICY": {"https://example.com/of-its-own": "end"}}, []),
        ({"POLICY": {("https://example.com",): "end"}}, ["W048"]),
        ({"POLICY": {"session-revoked": ["end"]}}, ["E039"]),
        ({"POLICY": "end"}, ["E039"]),
        ({"POLICY": ["session-revoked"]}, ["E039"]),
        ({"POLICY": ""}, ["E039"]),
        ({"POLICY": {}}, []),
        ({"POLICY": None}, []),
        ({"AUTHORIZATION": None, "AUDIENCE": None}, []),
        ({"AUTHORIZATION": "Bearer hush", "AUDIENCE": ["a", 5]}, []),
        ({"AUTHORIZATION": ""}, ["W067"]),
        ({"AUTHORIZATION": "Bearer "}, ["W067"]),
        ({"AUTHORIZATION": ["Bearer hush"]}, ["W067"]),
        ({"AUDIENCE": []}, ["W068"]),
        ({"AUDIENCE": 5}, ["W068"]),
        ({"AUDIENCE": ""}, ["W068"]),
        ({"AUDIENCE": [""]}, ["W068"]),
        ({"AUDIENCE": ["", "a"]}, []),
    ],
)
def test_mistakes(configure, option, ids):
    assert found(configure, option) == ids


def test_provider_without_a_client_needs_an_audience(configure):
    assert found(configure, {}, CLIENT_ID="") == ["W068"]
    assert found(configure, {"AUDIENCE": "https://www.example.com"}, CLIENT_ID="") == []


def test_event_of_the_provider(configure):
    apple = "django_oidc_logout.providers.AppleProvider"
    assert found(configure, {"POLICY": {"consent-revoked": "tell"}}, BACKEND=apple) == []
