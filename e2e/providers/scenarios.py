"""Every way to sign out of a site, at each of the identity providers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests

from e2e.providers.traits import LogoutToken
from e2e.providers.visitor import Page, Visitor
from e2e.providers.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_oidc_logout.demo.agreed import Site
    from e2e.providers.newcomers import Newcomers
    from e2e.providers.traits import Traits

SECONDS = 10
"""The timeout of a request: longer than the three seconds that a site waits for its provider."""


class Guest(Visitor):
    """A visitor who knows only the sites; subclasses know a provider's pages as well."""

    def __init__(self, newcomers: Newcomers) -> None:
        super().__init__()
        self.newcomers = newcomers

    def request(self, *args, **kwargs) -> requests.Response:
        return super().request(*args, **{"timeout": SECONDS} | kwargs)

    def is_asked_who_they_are(self, page: requests.Response) -> bool:
        return page.url.startswith(self.newcomers.provider.url) and 'type="password"' in page.text

    def say_who(self, page: requests.Response, name: str) -> requests.Response:
        """Fill in the provider's forms."""
        raise NotImplementedError

    def consent(self, page: requests.Response) -> requests.Response:
        """Consent, if the provider asks."""
        return page

    def confirm(self, page: requests.Response) -> requests.Response:
        """Confirm the sign-out, if the provider asks."""
        return page

    def sign_in(self, site: Site, name: str = "ada") -> None:
        page = self.press_sign_in(site)
        assert self.is_asked_who_they_are(page)
        self.arrive(site, self.say_who(page, name))

    def enter(self, site: Site, name: str = "ada") -> None:
        """Sign in, whether the provider asks who it is or knows."""
        page = self.press_sign_in(site)
        asked = self.is_asked_who_they_are(page)
        self.arrive(site, self.say_who(page, name) if asked else page)

    def arrive(self, site: Site, page: requests.Response) -> None:
        home = self.consent(page)
        assert home.url == f"{site.url}/", home.url
        assert "You are signed in" in home.text

    def leave(self, site: Site) -> str:
        """Press the button, and return where the site sends the visitor: to the provider."""
        home = self.get(f"{site.url}/")
        (form,) = (
            each for each in Page(home).forms if urlsplit(each.action).path == "/oidc/logout/"
        )
        answer = self.post(form.action, data=form.fields, allow_redirects=False)
        assert answer.status_code == 302
        assert not self.is_signed_in(site)
        address = answer.headers["Location"]
        assert address.startswith(self.newcomers.provider.url)
        return address

    def sign_out(self, site: Site) -> requests.Response:
        return self.confirm(self.get(self.leave(site)))

    def forget_the_provider(self) -> None:
        """Delete the provider's cookies, and so the session there."""
        host = urlsplit(self.newcomers.provider.url).hostname
        self.cookies.clear(domain=host)


def hint_in(address: str) -> dict[str, object]:
    """Return the claims of the ID Token in an end-session request."""
    (hint,) = parse_qs(urlsplit(address).query)["id_token_hint"]
    return jwt.decode(hint, options={"verify_signature": False})


def is_back(site: Site, page: requests.Response) -> bool:
    """Return whether the provider sent somebody back with the state, and the page says so."""
    return page.url.startswith(site.post_logout_redirect_uri) and "Signed out at" in page.text


def shape_of(token: dict[str, Any]) -> LogoutToken:
    claims = set(token["claims"])
    names = frozenset(claims & {"sid", "sub"})
    return LogoutToken(typ=token["typ"], exp="exp" in claims, names=names)


class Visits:
    """People who visit a provider. A subclass needs a fixture `newcomers` beside it."""

    guest: ClassVar[type[Guest]]
    """Knows the pages of the provider."""
    providers: ClassVar[tuple[Traits, ...]]
    """What holds of it, in each of its versions."""

    @pytest.fixture
    def visitor(self, newcomers: Newcomers) -> Iterator[Guest]:
        with self.guest(newcomers) as guest:
            yield guest

    @pytest.fixture
    def other(self, newcomers: Newcomers) -> Iterator[Guest]:
        with self.guest(newcomers) as guest:
            yield guest


class Scenarios(Visits):
    """What holds at every provider."""

    def test_it_is_as_the_table_says(self, newcomers: Newcomers, visitor: Guest) -> None:
        traits, metadata = newcomers.traits, newcomers.metadata
        assert bool(metadata.get("backchannel_logout_supported")) == bool(traits.logout_token)
        assert bool(metadata.get("frontchannel_logout_supported")) == traits.front_channel
        site = newcomers.sites[0]
        visitor.sign_in(site)
        address = visitor.leave(site)
        hint = hint_in(address)
        assert ("sid" in hint) == traits.sid
        assert isinstance(hint["aud"], list) == traits.audiences
        assert is_back(site, visitor.get(address)) != traits.asks

    def test_sign_out_with_the_hint(self, newcomers: Newcomers, visitor: Guest) -> None:
        site = newcomers.sites[0]
        visitor.sign_in(site)
        address = visitor.leave(site)
        assert hint_in(address)["iss"] == newcomers.provider.url
        assert is_back(site, visitor.confirm(visitor.get(address)))
        assert visitor.is_asked_who_they_are(visitor.press_sign_in(site))

    def test_sign_out_once_the_id_token_has_expired(
        self, newcomers: Newcomers, visitor: Guest
    ) -> None:
        site = newcomers.sites[1]
        visitor.sign_in(site)
        address = visitor.leave(site)
        expiry = hint_in(address)["exp"]
        assert eventually(lambda: time.time() > expiry)
        assert is_back(site, visitor.confirm(visitor.get(address)))
        assert visitor.is_asked_who_they_are(visitor.press_sign_in(site))

    def test_sign_out_once_the_providers_session_is_gone(
        self, newcomers: Newcomers, visitor: Guest
    ) -> None:
        site = newcomers.sites[0]
        visitor.sign_in(site)
        visitor.forget_the_provider()
        page = visitor.sign_out(site)
        assert is_back(site, page) == newcomers.traits.back_without_a_session, page.url
        assert visitor.is_asked_who_they_are(visitor.press_sign_in(site))

    def test_the_provider_hangs_and_dies_and_comes_back(
        self, newcomers: Newcomers, visitor: Guest
    ) -> None:
        site = newcomers.sites[0]
        visitor.sign_in(site)
        with newcomers.hanging_provider():
            address = visitor.leave(site)
        with pytest.raises(requests.ConnectionError):
            visitor.get(address)
        newcomers.restart_provider()
        visitor.confirm(visitor.get(address))
        assert not visitor.is_signed_in(site)
        assert visitor.is_asked_who_they_are(visitor.press_sign_in(site))
        visitor.sign_in(site)
        visitor.sign_out(site)


class BackChannel(Scenarios):
    """What also holds if the provider posts logout tokens."""

    def test_the_other_site_signs_out_one_session_by_its_sid(
        self, newcomers: Newcomers, visitor: Guest, other: Guest
    ) -> None:
        there, here = newcomers.sites
        for browser in visitor, other:
            browser.sign_in(there, "grace")
            browser.enter(here, "grace")
        before = len(newcomers.statuses(there))

        assert is_back(here, visitor.sign_out(here))
        assert newcomers.statuses(there)[before:] == [200]
        assert shape_of(newcomers.logout_tokens(there)[-1]) == newcomers.traits.logout_token
        assert not visitor.is_signed_in(there)
        assert visitor.is_asked_who_they_are(visitor.press_sign_in(there))
        assert other.is_signed_in(there)


class BackChannelWithSub(BackChannel):
    """What also holds if a site that does not require a `sid` gets only the `sub`."""

    @pytest.fixture(autouse=True)
    def in_a_later_second(self) -> None:
        """Wait, as a logout token with a `sub` also ends the sign-ins of its second."""
        before = int(time.time())
        assert eventually(lambda: int(time.time()) > before)

    @pytest.fixture
    def somebody_else(self, newcomers: Newcomers) -> Iterator[Guest]:
        with self.guest(newcomers) as guest:
            yield guest

    def test_the_other_site_signs_out_a_person_by_the_sub(
        self, newcomers: Newcomers, visitor: Guest, other: Guest, somebody_else: Guest
    ) -> None:
        here, there = newcomers.sites
        for browser in visitor, other:
            browser.sign_in(here)
            browser.enter(there)
        somebody_else.sign_in(there, "grace")
        before = len(newcomers.statuses(there))

        assert is_back(here, visitor.sign_out(here))
        assert newcomers.statuses(there)[before:] == [200]
        assert shape_of(newcomers.logout_tokens(there)[-1]).names == {"sub"}
        assert not visitor.is_signed_in(there)
        assert not other.is_signed_in(there)
        assert other.is_signed_in(here)
        assert somebody_else.is_signed_in(there)


class FrontChannel(Visits):
    """What holds if the provider shows frames, and no back-channel is registered."""

    def test_the_frame_for_the_other_site_ends_one_session(
        self, newcomers: Newcomers, visitor: Guest, other: Guest
    ) -> None:
        there, here = newcomers.sites
        for browser, name in (visitor, "ada"), (other, "grace"):
            browser.sign_in(there, name)
            browser.enter(here, name)
        page = visitor.confirm(visitor.get(visitor.leave(here)))
        frames = {urlsplit(frame).netloc: frame for frame in Page(page).frames}
        assert frames.keys() == {urlsplit(site.url).netloc for site in (here, there)}
        assert visitor.is_signed_in(there)  # a visitor sees frames, but does not load them

        with Visitor() as nobody:
            for frame in frames.values():
                assert nobody.get(frame).status_code == 200
        assert not visitor.is_signed_in(there)
        assert other.is_signed_in(there)
        (link,) = Page(page).links
        assert is_back(here, visitor.get(link))
