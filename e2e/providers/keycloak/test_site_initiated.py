"""Sign-out that starts at a site whose provider is Keycloak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from e2e.providers.scenarios import hint_in, is_back

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from e2e.providers.keycloak.sites import OneSite, Person, SiteGuest


def query_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def options(settings: Any, **changes: object) -> None:
    entry = settings.OIDC_LOGOUT_PROVIDERS["default"]
    settings.OIDC_LOGOUT_PROVIDERS = {"default": entry | changes}


def big_claim(length: int) -> dict[str, Any]:
    """Return a mapper that puts a claim of so many characters into ID Tokens."""
    return {
        "name": "big",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-hardcoded-claim-mapper",
        "config": {"claim.name": "big", "claim.value": "x" * length, "id.token.claim": "true"},
    }


def sessions_of(site: OneSite, person: Person) -> int:
    return len(site.admin.sessions(person.id))


def test_the_hint_ends_the_session_at_keycloak(
    site: OneSite, visitor: SiteGuest, person: Person
) -> None:
    visitor.sign_in(site, person.name)
    assert sessions_of(site, person) == 1
    assert is_back(site, visitor.get(visitor.leave(site)))
    assert sessions_of(site, person) == 0


def test_without_a_hint_keycloak_asks(
    site: OneSite, visitor: SiteGuest, person: Person, settings: Any
) -> None:
    options(settings, SEND_ID_TOKEN_HINT=False)
    visitor.sign_in(site, person.name)
    address = visitor.leave(site)
    assert "id_token_hint" not in query_of(address)
    page = visitor.get(address)
    assert not is_back(site, page)
    assert sessions_of(site, person) == 1
    assert is_back(site, visitor.confirm(page))
    assert sessions_of(site, person) == 0


def test_a_uri_that_is_not_registered(site: OneSite, visitor: SiteGuest, person: Person) -> None:
    """The page is an error and the session at Keycloak lives; the one at the site has ended."""
    site.change_client(**{"post.logout.redirect.uris": f"{site.url}/elsewhere/"})
    visitor.sign_in(site, person.name)
    assert visitor.get(visitor.leave(site)).status_code == 400
    assert sessions_of(site, person) == 1
    assert not visitor.is_signed_in(site)


def test_a_second_click_on_an_old_page(site: OneSite, visitor: SiteGuest, person: Person) -> None:
    visitor.sign_in(site, person.name)
    page = visitor.get(f"{site.url}/")
    assert is_back(site, visitor.submit(page, "/oidc/logout/"))
    again = visitor.submit(page, "/oidc/logout/")
    assert again.url.startswith(site.post_logout_redirect_uri)
    assert "id_token_hint" not in "".join(each.url for each in again.history[:1])
    assert visitor.is_asked_who_they_are(visitor.press_sign_in(site))


def test_a_second_click_before_keycloak_answers(
    site: OneSite, visitor: SiteGuest, person: Person
) -> None:
    """The first one got no further than the site, so Keycloak still has the session, and asks."""
    visitor.sign_in(site, person.name)
    page = visitor.get(f"{site.url}/")
    visitor.leave(site)
    asked = visitor.submit(page, "/oidc/logout/")
    assert sessions_of(site, person) == 1
    assert is_back(site, visitor.confirm(asked))
    assert sessions_of(site, person) == 0


def test_the_hint_of_a_session_that_has_ended(
    site: OneSite, visitor: SiteGuest, person: Person
) -> None:
    visitor.sign_in(site, person.name)
    address = visitor.leave(site)
    site.admin.end_session(str(hint_in(address)["sid"]))
    assert is_back(site, visitor.get(address))


def test_a_hint_signed_by_a_withdrawn_key(
    site: OneSite,
    visit: Callable[[], SiteGuest],
    person: Person,
    keys: Callable[..., AbstractContextManager[None]],
) -> None:
    """Keycloak would answer 400 and keep the session. Without the hint, it asks."""
    visitor = visit()
    with keys("rsa-generated", priority=1000):
        visitor.sign_in(site, person.name)
    visit().sign_in(site, "grace")  # the site has the newest keys then
    address = visitor.leave(site)
    assert "id_token_hint" not in query_of(address)
    assert is_back(site, visitor.confirm(visitor.get(address)))
    assert sessions_of(site, person) == 0


def test_a_big_id_token_is_left_out(site: OneSite, visitor: SiteGuest, person: Person) -> None:
    site.admin.post(f"/clients/{site.client}/protocol-mappers/models", json=big_claim(8000))
    visitor.sign_in(site, person.name)
    address = visitor.leave(site)
    assert len(address) < 1000
    assert is_back(site, visitor.confirm(visitor.get(address)))
    assert sessions_of(site, person) == 0


def test_keycloak_takes_a_long_url(
    site: OneSite, visitor: SiteGuest, person: Person, settings: Any
) -> None:
    options(settings, MAX_URL_LENGTH=16_000)
    site.admin.post(f"/clients/{site.client}/protocol-mappers/models", json=big_claim(8000))
    visitor.sign_in(site, person.name)
    page = visitor.submit(visitor.get(f"{site.url}/"), "/oidc/logout/")
    assert page.status_code == 200  # too long for a header: a page leads there
    (address,) = [link for link in visitor.links(page) if "id_token_hint" in link]
    assert 11_000 < len(address) < 16_000
    assert is_back(site, visitor.get(address))
    assert sessions_of(site, person) == 0


def test_this_site_only(site: OneSite, visitor: SiteGuest, person: Person) -> None:
    visitor.sign_in(site, person.name)
    visitor.submit(visitor.get(f"{site.url}/"), "/oidc/logout/", local="1")
    assert not visitor.is_signed_in(site)
    assert sessions_of(site, person) == 1
