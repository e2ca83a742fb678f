"""django-oauth-toolkit: no channels, and no `sid`."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import pytest

from e2e.providers.newcomers import PEOPLE, Newcomers
from e2e.providers.scenarios import Guest, Scenarios, is_back
from e2e.providers.traits import DJANGO_OAUTH_TOOLKIT
from tests.absence import need_package

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests


class ToolkitGuest(Guest):
    """A visitor who knows the page of Django's own login."""

    def say_who(self, page: requests.Response, name: str) -> requests.Response:
        return self.submit(page, "/accounts/login/", username=name, password=PEOPLE[name])


@pytest.fixture(scope="module")
def newcomers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomers]:
    need_package("oauth2_provider", "django-oauth-toolkit")
    command = [sys.executable, "-m", "e2e.providers.serve_django_oauth_toolkit"]
    newcomers = Newcomers(tmp_path_factory.mktemp("toolkit"), command, DJANGO_OAUTH_TOOLKIT)
    with newcomers.running():
        yield newcomers


class TestDjangoOAuthToolkit(Scenarios):
    guest = ToolkitGuest
    providers = (DJANGO_OAUTH_TOOLKIT,)

    def test_the_hint_of_another_browser_is_used_up(
        self, newcomers: Newcomers, visitor: Guest, other: Guest
    ) -> None:
        """By default, it deletes all ID Tokens of a person who signs out."""
        site = newcomers.sites[0]
        for browser in visitor, other:
            browser.sign_in(site)
        assert is_back(site, visitor.sign_out(site))
        assert other.is_signed_in(site)

        page = other.sign_out(site)
        assert page.status_code == 400
        assert not other.is_signed_in(site)
        other.enter(site)

    def test_a_site_that_knows_nothing_of_its_provider_waits_for_it_no_longer_than_it_may(
        self, newcomers: Newcomers, visitor: Guest
    ) -> None:
        site = newcomers.sites[0]
        visitor.sign_in(site)
        newcomers.restart_site(site)
        with newcomers.hanging_provider():
            started = time.monotonic()
            page = visitor.press_sign_out(site)
            waited = time.monotonic() - started
            assert not visitor.is_signed_in(site)
        newcomers.restart_provider()
        newcomers.restart_site(site)  # a failure is remembered for a while
        assert page.url.startswith(site.url)
        assert "You may still be signed in at 127.0.0.1." in page.text
        assert 3 <= waited < 7
