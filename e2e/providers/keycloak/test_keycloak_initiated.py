"""Sign-out that starts at Keycloak: what it tells a site, and what it does not."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import requests
from django.conf import settings as django_settings
from django.core.checks import run_checks
from django.core.management import call_command

from django_oidc_logout.models import OIDCSession
from e2e.providers.keycloak.elsewhere import sign_in_elsewhere
from e2e.providers.keycloak.server import SECRET
from e2e.providers.keycloak.sites import Person, SiteGuest, new_name
from e2e.providers.scenarios import hint_in, is_back
from e2e.providers.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.providers.keycloak.admin import Admin
    from e2e.providers.keycloak.sites import OneSite
    from e2e.providers.keycloak.urls import Arrival


def claims_of(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def new_person(site: OneSite) -> Person:
    """Return somebody new in the site's own realm, which is deleted with them."""
    name = new_name("ada")
    return Person(name, site.admin.add_user(name, SECRET))


def exists(key: str) -> bool:
    return import_module(django_settings.SESSION_ENGINE).SessionStore().exists(key)


# What it tells


def test_an_administrator_ends_one_session(
    site: OneSite, visit: Callable[[], SiteGuest], person: Person, arrivals: list[Arrival]
) -> None:
    first, second = visit(), visit()
    for browser in first, second:
        browser.sign_in(site, person.name)
    sid = OIDCSession.objects.order_by("signed_in_at")[0].sid
    site.admin.end_session(sid)
    assert [each.status for each in arrivals] == [200]
    assert arrivals[0].claims["sid"] == sid
    assert not first.is_signed_in(site)
    assert second.is_signed_in(site)


def test_an_administrator_signs_out_a_person_with_a_hundred_sessions(
    site: OneSite, visitor: SiteGuest, person: Person, arrivals: list[Arrival]
) -> None:
    visitor.sign_in(site, person.name)
    keys = [sign_in_elsewhere(person, id_token=site.tokens(person)["id_token"]) for _ in range(99)]
    assert OIDCSession.objects.count() == 100
    site.admin.log_out(person.id)
    assert [each.status for each in arrivals] == [200] * 100
    assert not OIDCSession.objects.exists()
    assert not visitor.is_signed_in(site)
    assert not any(map(exists, keys))


def test_a_client_without_sid_signs_out_every_browser(
    site: OneSite, visit: Callable[[], SiteGuest], person: Person, arrivals: list[Arrival]
) -> None:
    site.change_client(**{"backchannel.logout.session.required": "false"})
    first, second = visit(), visit()
    for browser in first, second:
        browser.sign_in(site, person.name)
    site.admin.end_session(OIDCSession.objects.order_by("signed_in_at")[0].sid)
    assert "sid" not in arrivals[0].claims
    assert not first.is_signed_in(site)
    assert not second.is_signed_in(site)


def test_the_site_that_asked_is_told_as_well(
    site: OneSite, visitor: SiteGuest, person: Person, arrivals: list[Arrival]
) -> None:
    visitor.sign_in(site, person.name)
    assert is_back(site, visitor.sign_out(site))
    assert [each.status for each in arrivals] == [200]


def test_a_new_key(
    site: OneSite,
    visitor: SiteGuest,
    person: Person,
    arrivals: list[Arrival],
    keys: Callable[..., Any],
) -> None:
    visitor.sign_in(site, person.name)
    with keys("rsa-generated", priority=1000):
        site.admin.log_out(person.id)
    assert [each.status for each in arrivals] == [200]
    assert not visitor.is_signed_in(site)


def test_es256(
    site: OneSite, visitor: SiteGuest, person: Person, arrivals: list[Arrival], settings: Any
) -> None:
    settings.OIDC_RP_SIGN_ALGO = "ES256"
    site.change_client(**{"id.token.signed.response.alg": "ES256"})
    visitor.sign_in(site, person.name)
    site.admin.log_out(person.id)
    assert [(each.status, each.header["alg"]) for each in arrivals] == [(200, "ES256")]
    assert not visitor.is_signed_in(site)


def test_ps256_with_another_login_library(
    site: OneSite, person: Person, arrivals: list[Arrival], settings: Any
) -> None:
    """mozilla-django-oidc cannot verify it."""
    settings.OIDC_RP_SIGN_ALGO = "PS256"
    site.change_client(**{"id.token.signed.response.alg": "PS256"})
    key = sign_in_elsewhere(person, id_token=site.tokens(person)["id_token"])
    site.admin.log_out(person.id)
    assert [(each.status, each.header["alg"]) for each in arrivals] == [(200, "PS256")]
    assert not exists(key)


def test_mozilla_cannot_sign_in_with_ps256(
    site: OneSite, visitor: SiteGuest, person: Person, settings: Any
) -> None:
    """A check says so."""
    settings.OIDC_RP_SIGN_ALGO = "PS256"
    site.change_client(**{"id.token.signed.response.alg": "PS256"})
    page = visitor.say_who(visitor.press_sign_in(site), person.name)
    assert page.status_code == 500
    assert "oidc_logout.W035" in {message.id for message in run_checks(tags=["oidc_logout"])}


def test_pairwise_subjects(
    site: OneSite, visitor: SiteGuest, person: Person, arrivals: list[Arrival]
) -> None:
    site.admin.post(
        f"/clients/{site.client}/protocol-mappers/models",
        json={
            "name": "pairwise",
            "protocol": "openid-connect",
            "protocolMapper": "oidc-sha256-pairwise-sub-mapper",
            "config": {"pairwiseSubAlgorithmSalt": "salt"},
        },
    )
    visitor.sign_in(site, person.name)
    row = OIDCSession.objects.get()
    assert row.sub != person.id
    site.admin.log_out(person.id)
    assert [each.status for each in arrivals] == [200]
    assert arrivals[0].claims["sub"] == row.sub
    assert not visitor.is_signed_in(site)


def test_encrypted_id_tokens(
    site: OneSite, person: Person, arrivals: list[Arrival], encryption_key: str
) -> None:
    """The site passes the claims beside the token. Logout tokens are not encrypted."""
    site.change_client(
        **{
            "id.token.encrypted.response.alg": "RSA-OAEP-256",
            "id.token.encrypted.response.enc": "A256GCM",
            "use.jwks.string": "true",
            "jwks.string": encryption_key,
        }
    )
    token = site.tokens(person)["id_token"]
    assert token.count(".") == 4
    sid = site.admin.sessions(person.id)[0]["id"]
    claims = {"iss": site.keycloak.issuer, "sub": person.id, "sid": sid, "aud": site.client_id}
    key = sign_in_elsewhere(person, id_token=token, claims=claims)
    site.admin.log_out(person.id)
    assert [each.status for each in arrivals] == [200]
    assert "enc" not in arrivals[0].header
    assert not exists(key)


def test_two_clients_of_one_site(
    site: OneSite, person: Person, arrivals: list[Arrival], second_client: str, settings: Any
) -> None:
    """Each logout token concerns the sessions of its own client."""
    other = {"ISSUER": site.keycloak.issuer, "CLIENT_ID": second_client, "CLIENT_SECRET": SECRET}
    settings.OIDC_LOGOUT_PROVIDERS |= {"other": other | {"ALGORITHMS": ["RS256"]}}
    tokens = {
        alias: site.tokens(person, client_id=client_id)["id_token"]
        for alias, client_id in (("default", site.client_id), ("other", second_client))
    }
    keys = {alias: sign_in_elsewhere(person, id_token=token) for alias, token in tokens.items()}
    assert {row.provider for row in OIDCSession.objects.all()} == {"default", "other"}
    site.admin.end_session(claims_of(tokens["other"])["sid"])
    assert [each.status for each in arrivals] == [200]
    assert not exists(keys["other"])
    assert exists(keys["default"])


def test_two_host_names(two_hosts: OneSite, arrivals: list[Arrival]) -> None:
    """Browsers use one, the site and an administrator another; the issuer is that of browsers."""
    site = two_hosts
    ada = new_person(site)
    with SiteGuest(site) as visitor:
        visitor.sign_in(site, ada.name)
        assert OIDCSession.objects.get().issuer == site.keycloak.issuer
        site.admin.log_out(ada.id)
        assert [each.status for each in arrivals] == [200]
        assert not visitor.is_signed_in(site)
        visitor.sign_in(site, ada.name)
        assert is_back(site, visitor.sign_out(site))
        assert site.admin.sessions(ada.id) == []


# How it goes on after a sign-in


def test_session_refresh(
    site: OneSite, visitor: SiteGuest, person: Person, arrivals: list[Arrival], settings: Any
) -> None:
    settings.OIDC_RENEW_ID_TOKEN_EXPIRY_SECONDS = -1
    visitor.sign_in(site, person.name)
    settings.OIDC_RENEW_ID_TOKEN_EXPIRY_SECONDS = 900
    before = OIDCSession.objects.get()
    assert visitor.get(f"{site.url}/renewed/").url == f"{site.url}/renewed/"
    after = OIDCSession.objects.get()
    assert after.id_token != before.id_token
    assert (after.pk, after.sid) == (before.pk, before.sid)
    site.admin.end_session(after.sid)
    assert [each.status for each in arrivals] == [200]
    assert not visitor.is_signed_in(site)


def test_a_step_up(
    site: OneSite, visitor: SiteGuest, person: Person, arrivals: list[Arrival], settings: Any
) -> None:
    """The session at Keycloak stays the same, and so does the row."""
    visitor.sign_in(site, person.name)
    before = OIDCSession.objects.get()
    settings.OIDC_AUTH_REQUEST_EXTRA_PARAMS = {"max_age": "0", "acr_values": "1"}
    asked = visitor.get(f"{site.url}/oidc/authenticate/")
    assert visitor.is_asked_who_they_are(asked)
    visitor.arrive(site, visitor.say_who(asked, person.name))
    after = OIDCSession.objects.get()
    assert after.sid == before.sid
    address = visitor.leave(site)
    assert hint_in(address)["sid"] == after.sid
    assert is_back(site, visitor.get(address))
    assert [each.status for each in arrivals] == [200]


# What it does not tell


def disable(site: OneSite, person: Person) -> None:
    site.admin.put(f"/users/{person.id}", json={"enabled": False})


def delete(site: OneSite, person: Person) -> None:
    site.admin.delete(f"/users/{person.id}")


def reset_password(site: OneSite, person: Person) -> None:
    password = {"type": "password", "value": "another", "temporary": False}
    site.admin.put(f"/users/{person.id}/reset-password", json=password)


def push_not_before(site: OneSite, person: Person) -> None:
    site.admin.post(f"/clients/{site.client}/push-revocation")


def revoke_consent_or_token(site: OneSite, person: Person) -> None:
    tokens = site.tokens(person)
    form = {"token": tokens["refresh_token"], "client_id": site.client_id, "client_secret": SECRET}
    assert requests.post(site.keycloak.endpoint("revoke"), data=form, timeout=30).ok


def disable_the_client(site: OneSite, person: Person) -> None:
    site.admin.change_client(site.client, attributes={}, enabled=False)


def make_it_front_channel(site: OneSite, person: Person) -> None:
    site.admin.change_client(site.client, attributes={}, frontchannelLogout=True)
    site.admin.log_out(person.id)


SILENT = {
    "the person is disabled": disable,
    "the person is deleted": delete,
    "an administrator resets the password": reset_password,
    "not-before is pushed": push_not_before,
    "a refresh token is revoked": revoke_consent_or_token,
    "the client is disabled": disable_the_client,
    "the client has the front-channel": make_it_front_channel,
}


@pytest.mark.parametrize("change", SILENT.values(), ids=SILENT)
def test_it_tells_nobody(
    site: OneSite,
    visitor: SiteGuest,
    person: Person,
    arrivals: list[Arrival],
    change: Callable[[OneSite, Person], None],
) -> None:
    """Keycloak sends logout tokens before it responds, so none comes later."""
    visitor.sign_in(site, person.name)
    change(site, person)
    assert arrivals == []
    assert visitor.is_signed_in(site)


FOR_ALL = {
    "the realm is signed out": lambda admin: admin.post("/logout-all"),
    "sessions are idle for too long": lambda admin: admin.put(
        "", json={"ssoSessionIdleTimeout": 1}
    ),
    "sessions are too old": lambda admin: admin.put("", json={"ssoSessionMaxLifespan": 1}),
}


@pytest.mark.parametrize("change", FOR_ALL.values(), ids=FOR_ALL)
def test_it_tells_nobody_of_the_end_of_all(
    two_hosts: OneSite, arrivals: list[Arrival], change: Callable[[Admin], object]
) -> None:
    """The site finds it out when it asks."""
    site = two_hosts
    person = new_person(site)
    with SiteGuest(site) as visitor:
        visitor.sign_in(site, person.name)
        token = OIDCSession.objects.get().refresh_token
        assert site.knows(token)
        change(site.admin)
        assert eventually(lambda: not site.knows(token), seconds=10)
        assert arrivals == []
        assert visitor.is_signed_in(site)
        call_command("oidc_logout_recheck", "--rate", "100")
        assert not OIDCSession.objects.exists()
        assert not visitor.is_signed_in(site)


def test_it_tells_nobody_of_an_offline_session(
    site: OneSite, person: Person, arrivals: list[Arrival]
) -> None:
    """Whoever signs in with `offline_access` stays signed in at the site."""
    tokens = site.tokens(person, scope="openid offline_access")
    key = sign_in_elsewhere(person, id_token=tokens["id_token"])
    site.admin.log_out(person.id)
    assert arrivals == []
    assert exists(key)


def test_a_token_is_sent_once(
    site: OneSite, visitor: SiteGuest, person: Person, arrivals: list[Arrival], settings: Any
) -> None:
    """A site that rejects it, or is down, never hears of it again."""
    visitor.sign_in(site, person.name)
    settings.OIDC_RP_CLIENT_ID = "another"
    site.admin.log_out(person.id)
    settings.OIDC_RP_CLIENT_ID = site.client_id
    assert [each.status for each in arrivals] == [400]
    site.admin.log_out(person.id)
    assert len(arrivals) == 1
    assert visitor.is_signed_in(site)
