"""idpyoidc: its logout tokens name a session only, by a very long `sid`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from e2e.providers.newcomers import PEOPLE, Newcomers
from e2e.providers.scenarios import BackChannel, FrontChannel, Guest, hint_in
from e2e.providers.traits import IDPYOIDC
from tests.absence import need_package

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import requests


class IdpyGuest(Guest):
    def say_who(self, page: requests.Response, name: str) -> requests.Response:
        return self.submit(page, "/verify", username=name, password=PEOPLE[name])

    def confirm(self, page: requests.Response) -> requests.Response:
        if "Yes, sign me out" not in page.text:
            return page
        return self.submit(page, "/rp_logout", logout="yes")


def run(folder: Path, channel: str) -> Iterator[Newcomers]:
    need_package("idpyoidc", "idpyoidc")
    command = [sys.executable, "-m", "e2e.providers.serve_idpyoidc"]
    newcomers = Newcomers(folder, command, IDPYOIDC, channel=channel)
    with newcomers.running():
        yield newcomers


@pytest.fixture(scope="module")
def newcomers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomers]:
    yield from run(tmp_path_factory.mktemp("idpyoidc"), "backchannel")


class TestIdpyoidc(BackChannel):
    guest = IdpyGuest
    providers = (IDPYOIDC,)

    def test_its_sid_is_long(self, newcomers: Newcomers, visitor: Guest) -> None:
        site = newcomers.sites[0]
        visitor.sign_in(site)
        sid = hint_in(visitor.leave(site))["sid"]
        assert len(str(sid)) > 250

    def test_it_knows_only_the_site_that_came_last(
        self, newcomers: Newcomers, visitor: Guest
    ) -> None:
        """It keeps one cookie with one client in it, and shows an error page for the others."""
        first, last = newcomers.sites
        visitor.sign_in(first)
        visitor.sign_in(last)
        page = visitor.sign_out(first)
        assert page.status_code == 400
        assert visitor.is_asked_who_they_are(visitor.press_sign_in(first))
        assert visitor.is_signed_in(last)

    def test_it_may_tell_of_another_browser(
        self, newcomers: Newcomers, visitor: Guest, other: Guest
    ) -> None:
        """It names a person's first session at each other site, whichever session signs out."""
        there, here = newcomers.sites
        for browser in visitor, other:
            browser.sign_in(there, "edith")
            browser.sign_in(here, "edith")
        other.sign_out(here)
        assert not other.is_signed_in(here)
        assert other.is_signed_in(there)
        assert not visitor.is_signed_in(there)


class TestIdpyoidcWithFrames(FrontChannel):
    guest = IdpyGuest
    providers = (IDPYOIDC,)

    @pytest.fixture
    def newcomers(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomers]:
        yield from run(tmp_path_factory.mktemp("idpyoidc_frames"), "frontchannel")
