"""Issuers with a placeholder: a token belongs to its tenant's own issuer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.cache import cache
from django.core.checks import run_checks

from django_oidc_logout.api import end_sessions
from django_oidc_logout.conf import ProviderOptions, conf
from django_oidc_logout.exceptions import ProviderUnavailable
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.providers import configured, metadata
from django_oidc_logout.providers.tenants import limit, note
from tests.factories import (
    assert_refused,
    is_signed_in,
    post_logout_token,
    query_of,
)
from tests.idp import MISSING

pytestmark = pytest.mark.django_db

ONE = "11111111-1111-1111-1111-111111111111"
TWO = "22222222-2222-2222-2222-222222222222"
STRANGER = "33333333-3333-3333-3333-333333333333"
DISCOVERY = ".well-known/openid-configuration"
TEMPLATE = "https://login.example.com/{tenantid}/v2.0"


def issuer(idp, tenant):
    return f"{idp.issuer}/{tenant}/v2.0"


@pytest.fixture
def tenants(idp, configure):
    """Let the provider have two tenants, each with a document of its own, and one for all."""

    def publish(tenant, name):
        idp.answers[f"/{tenant}/v2.0/{DISCOVERY}"] = {
            **idp.metadata,
            "issuer": issuer(idp, name),
            "end_session_endpoint": f"{idp.issuer}/{tenant}/end",
            "jwks_uri": f"{idp.issuer}/jwks",
        }

    for tenant in (ONE, TWO):
        publish(tenant, tenant)
    publish("common", "{tenantid}")
    configure(ISSUER=issuer(idp, "{tenantid}"), TENANTS=[ONE, TWO], JWKS_URI="")
    return idp


def of(idp, tenant, **claims):
    return {"iss": issuer(idp, tenant), "tid": tenant, **claims}


# Which token belongs to it


@pytest.mark.parametrize(
    ("allowed", "iss", "tid", "belongs"),
    [
        ([ONE, TWO], ONE, ONE, True),
        ([ONE, TWO], TWO, TWO, True),
        ((ONE,), ONE, ONE, True),
        ({ONE}, ONE, ONE, True),
        ("*", STRANGER, STRANGER, True),
        ([ONE, TWO], STRANGER, STRANGER, False),
        ([ONE, TWO], ONE, TWO, False),
        ("*", ONE, TWO, False),
        ([ONE], ONE, None, False),
        ([ONE], ONE, [ONE], False),
        ([ONE], "{tenantid}", "{tenantid}", False),
        ("*", "{tenantid}", "{tenantid}", False),
        ("*", "..", "..", False),
        ("*", f"{ONE}/v2.0/x", f"{ONE}/v2.0/x", False),
        ("*", "", "", False),
        ("*", "a" * 101, "a" * 101, False),
        (f"x{ONE}x", ONE, ONE, False),
        (5, ONE, ONE, False),
        (None, ONE, ONE, False),
    ],
)
def test_a_token_belongs_to_the_tenant_that_it_names(settings, allowed, iss, tid, belongs):
    settings.OIDC_LOGOUT_PROVIDERS = {
        "default": {"ISSUER": TEMPLATE, "TENANTS": allowed, "CLIENT_ID": "site"}
    }
    concrete = TEMPLATE.replace("{tenantid}", iss)
    found = configured.options_for(concrete, ["site"], None, tid)
    assert (found and (found.issuer, found.tenant)) == ((concrete, iss) if belongs else None)


@pytest.mark.parametrize(
    ("template", "tenant"),
    [
        ("https://{tenantid}.example.com/v2.0", "evil"),
        ("https://{tenantid}/v2.0", "evil"),
        ("https://login.example.com:{tenantid}/v2.0", "443"),
        ("https://login.example.com/?t={tenantid}", ONE),
        ("https://login.example.com/{tenantid}/{tenantid}/", ONE),
        ("{tenantid}://login.example.com/", "https"),
    ],
)
def test_a_placeholder_stands_for_nothing_but_a_part_of_the_path(template, tenant):
    options = ProviderOptions(alias="default", issuer=template, tenants="*")
    assert options.of_issuer(template.replace("{tenantid}", tenant)) is None


def test_one_tenant_is_the_only_issuer(settings):
    settings.OIDC_LOGOUT_PROVIDERS = {"default": {"ISSUER": TEMPLATE, "TENANTS": [ONE]}}
    assert configured.only_issuer() == TEMPLATE.replace("{tenantid}", ONE)
    assert configured.issuer_of("default", ONE) == configured.only_issuer()
    assert configured.issuer_of("default", TWO) == ""
    settings.OIDC_LOGOUT_PROVIDERS = {"default": {"ISSUER": TEMPLATE, "TENANTS": "*"}}
    with pytest.raises(ValueError, match="several tenants"):
        configured.only_issuer()


# What works with the tenant's own issuer


def test_sign_in_and_out(tenants, sign_in):
    client = sign_in(**of(tenants, ONE))
    row = OIDCSession.objects.get()
    assert (row.provider, row.issuer) == ("default", issuer(tenants, ONE))
    tenants.asked.clear()
    answer = client.post("/oidc/logout/")
    assert answer["Location"].startswith(f"{tenants.issuer}/{ONE}/end?id_token_hint=")
    assert tenants.asked == []
    assert not is_signed_in(client)


def test_a_token_of_no_tenant_is_of_no_provider(tenants, sign_in):
    client = sign_in(**of(tenants, STRANGER))
    assert OIDCSession.objects.get().provider == ""
    client.post("/oidc/logout/")
    assert not is_signed_in(client)


def test_nobodys_sign_out_goes_to_the_page_of_all_tenants(tenants, client):
    assert client.post("/oidc/logout/")["Location"].startswith(f"{tenants.issuer}/common/end?")


def test_a_tenant_that_is_not_allowed_any_more_gets_no_hint(tenants, sign_in, configure, outcomes):
    client = sign_in(**of(tenants, ONE))
    configure(TENANTS=[TWO])
    client.post("/oidc/logout/")
    assert outcomes[0].provider == "unavailable"
    assert not is_signed_in(client)


def test_back_channel_ends_sessions_of_its_tenant_only(tenants, sign_in, logout_token):
    one, two = sign_in(**of(tenants, ONE)), sign_in(**of(tenants, TWO))
    assert post_logout_token(logout_token(**of(tenants, ONE))).status_code == 200
    assert (is_signed_in(one), is_signed_in(two)) == (False, True)


@pytest.mark.parametrize(
    "claims", [{"tid": TWO}, {"tid": MISSING}, {"iss": "https://elsewhere.example.com"}]
)
def test_back_channel_refuses_a_token_of_another_tenant(tenants, sign_in, logout_token, claims):
    client = sign_in(**of(tenants, ONE))
    assert_refused(post_logout_token(logout_token(**of(tenants, ONE) | claims)))
    assert is_signed_in(client)


def test_front_channel(tenants, sign_in, client):
    one, two = sign_in(**of(tenants, ONE)), sign_in(**of(tenants, TWO))
    query = {"iss": issuer(tenants, ONE), "sid": "session-1"}
    answer = client.get("/oidc/logout/frontchannel/", query)
    assert answer["Content-Security-Policy"] == f"frame-ancestors {tenants.issuer}"
    assert (is_signed_in(one), is_signed_in(two)) == (False, True)


def test_end_sessions(tenants, sign_in):
    sign_in(**of(tenants, ONE))
    with pytest.raises(ValueError, match="issuer is required"):
        end_sessions(sub="ada")
    assert end_sessions(issuer=issuer(tenants, TWO), sub="ada") == 0
    assert end_sessions(issuer=issuer(tenants, ONE), sub="ada") == 1


# Its documents


def test_the_document_of_all_tenants_serves_for_one_that_has_none(tenants, sign_in):
    del tenants.answers[f"/{ONE}/v2.0/{DISCOVERY}"]
    tenants.answers[f"/common/v2.0/{DISCOVERY}"]["jwks_uri"] = f"{tenants.issuer}/{{tenantid}}/jwks"
    tenants.answers[f"/{ONE}/jwks"] = tenants.answers["/jwks"]
    client = sign_in(**of(tenants, ONE))
    assert ("GET", f"/{ONE}/jwks") in tenants.asked
    assert query_of(client.post("/oidc/logout/"))["id_token_hint"]


def test_a_document_may_be_elsewhere(tenants, configure, sign_in):
    """Azure AD B2C has the policy in the document's path, and not in the issuer."""
    tenants.answers["/policy"] = {**tenants.metadata, "issuer": issuer(tenants, "{tenantid}")}
    configure(DISCOVERY_URL=f"{tenants.issuer}/policy")
    client = sign_in(**of(tenants, ONE))
    assert client.post("/oidc/logout/")["Location"].startswith(f"{tenants.issuer}/end-session?")
    assert not [path for _, path in tenants.asked if DISCOVERY in path]


def test_a_document_of_another_issuer_is_refused(tenants):
    for tenant in (ONE, "common"):
        tenants.answers[f"/{tenant}/v2.0/{DISCOVERY}"]["issuer"] = issuer(tenants, TWO)
    options = conf.OIDC_LOGOUT_PROVIDERS["default"].of_tenant(ONE)
    with pytest.raises(ProviderUnavailable, match="names another issuer"):
        metadata.document(options)


def test_both_documents_together_take_no_longer_than_one(tenants, monkeypatch):
    asked = []

    def fail(url, options):
        asked.append(url)
        raise ProviderUnavailable("too slow")

    monkeypatch.setattr(metadata.fetch, "get_json", fail)
    options = conf.OIDC_LOGOUT_PROVIDERS["default"].of_tenant(ONE)
    with pytest.raises(ProviderUnavailable, match="too slow"):
        metadata.document(replace(options, timeout=0))
    assert asked == [f"{issuer(tenants, ONE)}/{DISCOVERY}"]


def test_forged_tokens_do_not_have_every_tenant_asked(tenants, configure, sign_in, logout_token):
    configure(TENANTS="*")
    client = sign_in(**of(tenants, ONE))
    tenants.asked.clear()
    forger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for number in range(40):
        forged = logout_token(**of(tenants, f"tenant-{number}"), key=forger)
        assert_refused(post_logout_token(forged))
    assert 0 < len({path for _, path in tenants.asked if DISCOVERY in path}) <= 17
    assert post_logout_token(logout_token(**of(tenants, ONE))).status_code == 200
    assert not is_signed_in(client)


def test_only_a_verified_token_makes_a_tenant_known(tenants, configure):
    configure(TENANTS="*")
    options = conf.OIDC_LOGOUT_PROVIDERS["default"].of_tenant(ONE)
    limit(options)
    assert metadata.document(options)
    with pytest.raises(ProviderUnavailable, match="too many tenants"):
        limit(options)
    note(options)
    limit(options)


@pytest.mark.parametrize("is_known", [True, False], ids=["signed in", "cache lost"])
@pytest.mark.parametrize("algorithms", [["RS256"], []], ids=["set", "published"])
def test_tokens_of_a_tenant_without_documents_are_not_limited(  # noqa: PLR0913, PLR0917  # fixtures
    tenants, configure, sign_in, logout_token, algorithms, is_known
):
    end, jwks = f"{tenants.issuer}/end", f"{tenants.issuer}/jwks"
    configure(TENANTS="*", JWKS_URI=jwks, END_SESSION_ENDPOINT=end, ALGORITHMS=algorithms)
    for tenant in (ONE, "common"):
        del tenants.answers[f"/{tenant}/v2.0/{DISCOVERY}"]
    clients = [sign_in(**of(tenants, ONE, sub=sub, sid=sub)) for sub in ("ada", "grace")]
    if not is_known:
        cache.clear()
    for sub in ("ada", "grace"):
        token = logout_token(**of(tenants, ONE, sub=sub, sid=sub))
        assert post_logout_token(token).status_code == 200
    assert not any(map(is_signed_in, clients))


def test_forged_tokens_fetch_keys_at_one_url_once(tenants, configure, sign_in, logout_token):
    configure(TENANTS="*", JWKS_URI=f"{tenants.issuer}/jwks", ALGORITHMS=["RS256"])
    sign_in(**of(tenants, ONE))
    tenants.asked.clear()
    for number in range(40):
        forged = logout_token(**of(tenants, f"tenant-{number}"), header={"kid": f"{number}"})
        assert_refused(post_logout_token(forged))
    assert tenants.asked == [("GET", "/jwks")]


# Checks


@pytest.mark.parametrize(
    ("options", "id_"),
    [
        ({"ISSUER": TEMPLATE, "TENANTS": [ONE]}, None),
        ({"ISSUER": TEMPLATE, "TENANTS": "*"}, None),
        ({"ISSUER": TEMPLATE}, "E029"),
        ({"ISSUER": "https://login.example.com/v2.0", "TENANTS": [ONE]}, "E029"),
        ({"ISSUER": "https://{tenantid}.example.com/v2.0", "TENANTS": [ONE]}, "E029"),
        ({"ISSUER": "https://login.example.com/{tenantid}/{tenantid}", "TENANTS": "*"}, "E029"),
        ({"ISSUER": "https://login.example.com/{tenant}/v2.0", "TENANTS": "*"}, "E029"),
        ({"ISSUER": TEMPLATE, "TENANTS": ONE}, "E004"),
        ({"ISSUER": TEMPLATE, "TENANTS": []}, "E004"),
        ({"ISSUER": TEMPLATE, "TENANTS": ["a/b"]}, "E004"),
        ({"ISSUER": TEMPLATE, "TENANTS": [5]}, "E004"),
        ({"ISSUER": TEMPLATE, "TENANTS": "*", "DISCOVERY_URL": "login.example.com"}, "E011"),
    ],
)
def test_checks(settings, options, id_):
    settings.OIDC_LOGOUT_PROVIDERS = {"default": options}
    found = {message.id for message in run_checks() if message.id.startswith("oidc_logout.")}
    assert found == ({f"oidc_logout.{id_}"} if id_ else set())
