"""Canaille: no channels, and `aud` is a list."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from e2e.providers.newcomers import PEOPLE, Newcomers
from e2e.providers.scenarios import Guest, Scenarios, hint_in, is_back
from e2e.providers.traits import CANAILLE
from tests.absence import need_package

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests


class CanailleGuest(Guest):
    """A visitor who knows Canaille's pages: one for the name, one for the password."""

    def is_asked_who_they_are(self, page: requests.Response) -> bool:
        return page.url.startswith(self.newcomers.provider.url) and 'name="login"' in page.text

    def say_who(self, page: requests.Response, name: str) -> requests.Response:
        page = self.submit(page, "/login", login=name)
        return self.submit(page, "/auth/password", password=PEOPLE[name])


@pytest.fixture(scope="module")
def newcomers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomers]:
    need_package("canaille", "canaille[front,oidc]")
    command = [sys.executable, "-m", "e2e.providers.serve_canaille"]
    newcomers = Newcomers(tmp_path_factory.mktemp("canaille"), command, CANAILLE)
    with newcomers.running():
        yield newcomers


class TestCanaille(Scenarios):
    guest = CanailleGuest
    providers = (CANAILLE,)

    def test_it_sends_nobody_back_without_the_client(
        self, newcomers: Newcomers, visitor: Guest
    ) -> None:
        """This is why the request contains both `client_id` and the hint."""
        site = newcomers.sites[0]
        visitor.sign_in(site)
        address = visitor.leave(site)
        assert hint_in(address)["aud"] == [site.client_id]
        sent = dict(parse_qsl(urlsplit(address).query))
        assert sent.pop("client_id") == site.client_id
        stripped = urlsplit(address)._replace(query=urlencode(sent)).geturl()
        assert not is_back(site, visitor.get(stripped))
