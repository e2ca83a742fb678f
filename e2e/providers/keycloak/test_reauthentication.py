"""Ended stays ended: Keycloak's own session lives on, so the site asks for a new authentication."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urljoin, urlsplit

import jwt
from django.core.management import call_command

from django_oidc_logout.models import OIDCSession
from e2e.providers.keycloak.elsewhere import sign_in_elsewhere
from e2e.providers.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from e2e.providers.keycloak.sites import OneSite, Person, SiteGuest


def claims_of(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def end_with_reauthentication(person: Person) -> float:
    """End somebody's sessions as staff do, and return when."""
    command = ("oidc_logout_end_sessions", "--sub", person.id, "--reauthenticate", "--no-input")
    call_command(*command, verbosity=0)
    return time.time()


def test_the_person_is_asked_for_the_password(
    site: OneSite, visitor: SiteGuest, person: Person
) -> None:
    visitor.sign_in(site, person.name)
    ended = end_with_reauthentication(person)
    assert not visitor.is_signed_in(site)
    assert len(site.admin.sessions(person.id)) == 1

    page = visitor.press_sign_in(site)
    assert page.url.startswith(f"{site.url}/oidc/callback/"), "Keycloak did not vouch for them"
    assert page.status_code == 403
    assert "sign in at 127.0.0.1 again, with your password" in page.text
    assert not visitor.is_signed_in(site)

    (way_on,) = (link for link in visitor.links(page) if "/logout/reauthenticate/" in link)
    assert eventually(lambda: time.time() >= int(ended) + 1)  # `auth_time` is in whole seconds
    page = visitor.get(urljoin(page.url, way_on))
    (asked,) = (
        each.url
        for each in [*page.history, page]
        if each.url.startswith(site.keycloak.endpoint("auth"))
    )
    assert parse_qs(urlsplit(asked).query)["max_age"] == ["0"]
    assert visitor.is_asked_who_they_are(page)
    visitor.arrive(site, visitor.say_who(page, person.name))
    assert claims_of(OIDCSession.objects.get().id_token)["auth_time"] > ended
    assert visitor.is_signed_in(site)


def test_a_replayed_authentication_is_refused(
    site: OneSite,
    visitor: SiteGuest,
    person: Person,
    point_at: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Keycloak renews an ID Token, with a new `iat` and the old `auth_time`."""
    point_at(site.client_id, RECHECK=True, ALGORITHMS=["RS256"])
    visitor.sign_in(site, person.name)
    row = OIDCSession.objects.get()
    ended = end_with_reauthentication(person)
    assert eventually(lambda: time.time() >= int(ended) + 1)
    renewed = site.renew(row.refresh_token)["id_token"]
    assert claims_of(renewed)["iat"] > ended
    assert claims_of(renewed)["auth_time"] == claims_of(row.id_token)["auth_time"]
    for token in row.id_token, renewed:
        caplog.clear()
        sign_in_elsewhere(person, id_token=token)
        assert "the person must authenticate again" in caplog.text
        assert not OIDCSession.objects.exists()
