"""Events of a transmitter that several providers have, such as an organization at Okta."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from django_oidc_logout.models import OIDCSession
from django_oidc_logout.security_events import receipts, state
from tests import events
from tests.events import RISC, SSF, assert_accepted, assert_rejected, claims_of
from tests.factories import create_row

pytestmark = pytest.mark.django_db

NAMES = ["customers", "staff"]
BOTH = "https://www.example.com"


@pytest.fixture
def org(idp, settings):
    """Configure two authorization servers of an organization; Ada is signed in through both."""
    settings.OIDC_LOGOUT_PROVIDERS = {
        name: {
            "ISSUER": f"{idp.issuer}/oauth2/{name}",
            "BACKEND": "django_oidc_logout.providers.OktaProvider",
            "SHARED_SIGNALS": {
                "AUDIENCE": [BOTH, audience_of(name)],
                "JWKS_URI": f"{idp.issuer}/jwks",
            },
        }
        for name in NAMES
    }
    for name in NAMES:
        create_row(issuer=f"{idp.issuer}/oauth2/{name}", sub="ada", provider=name)
    return idp.issuer


@pytest.fixture
def change(org, settings):
    """Return a function that changes the option of a provider."""

    def change(name, **options):
        settings.OIDC_LOGOUT_PROVIDERS[name]["SHARED_SIGNALS"].update(options)
        settings.OIDC_LOGOUT_PROVIDERS = {**settings.OIDC_LOGOUT_PROVIDERS}

    return change


def audience_of(name):
    return f"https://{name}.example.com"


def disabled(issuer, **claims):
    return events.encode(claims_of(issuer, f"{RISC}account-disabled", **claims))


def left():
    return sorted(OIDCSession.objects.values_list("provider", flat=True))


@pytest.mark.parametrize(
    ("path", "expected"),
    [("", []), ("/oauth2/customers", ["staff"]), ("/oauth2/staff", ["customers"])],
)
def test_event_is_for_the_provider_of_its_subject(org, told, path, expected):
    subject = {"format": "iss_sub", "iss": f"{org}{path}", "sub": "ada"}
    token = disabled(org, aud=BOTH, sub_id=subject)
    for _ in range(2):
        assert_accepted(events.post(token))
        assert left() == expected
    assert [each["provider"] for each in told] == NAMES


@pytest.mark.parametrize("names", [NAMES, ["customers"], ["staff"]])
def test_event_is_for_each_provider_in_its_audience(org, names):
    assert_accepted(events.post(disabled(org, aud=[audience_of(name) for name in names])))
    assert left() == [name for name in NAMES if name not in names]


def test_jti_is_unique_within_a_feed(org):
    """RFC 8417, section 2.2."""
    for name in NAMES:
        assert_accepted(events.post(disabled(org, aud=audience_of(name), jti="1")))
    assert left() == []


@pytest.mark.parametrize("name", NAMES)
def test_each_stream_has_its_own_header(org, change, signals, name):
    for each in NAMES:
        change(each, AUTHORIZATION=f"Bearer of-{each}")
    token = disabled(org, aud=BOTH)
    assert_rejected(events.post(token), "authentication_failed")
    assert len(signals["rejected"]) == 1
    assert_accepted(events.post(token, headers={"authorization": f"Bearer of-{name}"}))
    assert left() == [each for each in NAMES if each != name]
    assert len(signals["rejected"]) == 1


@pytest.mark.parametrize("name", NAMES)
def test_verification_is_of_the_stream_that_asked(org, name):
    stream = {"format": "opaque", "id": "s-1"}
    details = {"state": state.sign(name, "s-1")}
    claims = claims_of(org, f"{SSF}verification", details, aud=BOTH, sub_id=stream)
    assert_accepted(events.post(events.encode(claims)))
    assert [each for each in NAMES if receipts.verified_at(each)] == [name]


@pytest.mark.parametrize("name", NAMES)
def test_event_that_one_provider_cannot_verify_yet(org, idp, change, told, name):
    """It is sent again, and does what is left to do."""
    change(name, JWKS_URI=f"{org}/later")
    token = disabled(org, aud=BOTH)
    assert events.post(token).status_code == 503
    assert left() == [name]
    idp.answers["/later"] = idp.answers["/jwks"]
    cache.clear()  # as half a minute does
    assert_accepted(events.post(token))
    assert left() == []
    assert sorted(each["provider"] for each in told) == NAMES
