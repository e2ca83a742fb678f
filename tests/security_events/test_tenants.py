"""Security events of a provider that has an issuer for each tenant."""

from __future__ import annotations

import time

import pytest

from django_oidc_logout.models import OIDCSession, ReauthenticationMark
from tests import events
from tests.events import AUDIENCE, RISC, assert_accepted, assert_rejected, claims_of
from tests.factories import create_row

pytestmark = pytest.mark.django_db

URL = "/oidc/logout/revocation/"


@pytest.fixture
def issuers(idp, settings):
    """Return the issuers of two tenants; Ada is signed in through both."""
    settings.OIDC_LOGOUT_PROVIDERS = {
        "default": {
            "ISSUER": f"{idp.issuer}/{{tenantid}}/v2.0",
            "TENANTS": ["t1", "t2"],
            "SHARED_SIGNALS": {"AUDIENCE": AUDIENCE, "JWKS_URI": f"{idp.issuer}/jwks"},
        }
    }
    issuers = [f"{idp.issuer}/{tenant}/v2.0" for tenant in ("t1", "t2")]
    for issuer in issuers:
        create_row(issuer=issuer, sub="ada", sid="s-1", provider="default")
    return issuers


@pytest.fixture
def one_transmitter(idp, issuers, settings):
    """Let one transmitter send the events of all tenants."""
    settings.OIDC_LOGOUT_PROVIDERS["default"]["SHARED_SIGNALS"]["ISSUER"] = idp.issuer
    settings.OIDC_LOGOUT_PROVIDERS = {**settings.OIDC_LOGOUT_PROVIDERS}
    return idp.issuer


def left():
    return list(OIDCSession.objects.order_by("pk").values_list("issuer", flat=True))


def iss_sub(issuer):
    return {"format": "iss_sub", "iss": issuer, "sub": "ada"}


def opaque(name):
    return {"format": "opaque", "id": name}


SUBJECTS = {
    "iss_sub": iss_sub,
    "opaque": lambda _: opaque("ada"),
    "user": lambda issuer: {"format": "complex", "user": iss_sub(issuer), "session": opaque("s-1")},
}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_tenant_that_sends_its_events(issuers, subject):
    sub_id = SUBJECTS[subject](issuers[0])
    assert_accepted(events.post(events.encode(claims_of(issuers[0], sub_id=sub_id))))
    assert left() == issuers[1:]


def test_tenant_that_names_a_person_of_another(issuers):
    claims = claims_of(issuers[0], sub_id=iss_sub(issuers[1]))
    assert_accepted(events.post(events.encode(claims)))
    assert left() == issuers
    assert not ReauthenticationMark.objects.exists()


@pytest.mark.parametrize("tenant", ["t3", "t1/t2", ""])
@pytest.mark.usefixtures("issuers")
def test_tenant_that_is_not_listed(idp, tenant):
    claims = claims_of(f"{idp.issuer}/{tenant}/v2.0")
    assert_rejected(events.post(events.encode(claims)), "invalid_issuer")


@pytest.mark.parametrize("subject", ["iss_sub", "user"])
def test_transmitter_of_all_tenants(one_transmitter, issuers, subject):
    sub_id = SUBJECTS[subject](issuers[1])
    claims = claims_of(one_transmitter, f"{RISC}account-disabled", sub_id=sub_id)
    assert_accepted(events.post(events.encode(claims)))
    assert left() == issuers[:1]


@pytest.mark.parametrize("subject", [opaque("ada"), iss_sub(5), {"user": "ada"}, {"user": 5}])
def test_transmitter_of_all_tenants_that_does_not_name_one(one_transmitter, issuers, subject):
    events.post(events.encode(claims_of(one_transmitter, sub_id=subject)))
    assert left() == issuers


def test_tenant_is_not_an_issuer_if_another_transmitter_sends(one_transmitter, issuers):
    assert_rejected(events.post(events.encode(claims_of(issuers[0]))), "invalid_issuer")


def test_global_token_revocation(one_transmitter, issuers):
    claims = {
        "iss": one_transmitter,
        "sub": "site",
        "aud": f"http://testserver{URL}",
        "exp": int(time.time()) + 300,
    }
    token = events.encode(claims, header={"typ": "global-token-revocation+jwt"})
    body = {"sub_id": iss_sub(issuers[0])}
    headers = {"authorization": f"Bearer {token}"}
    answer = events.post(body, "application/json", URL, headers=headers)
    assert answer.status_code == 204
    assert left() == issuers[1:]
