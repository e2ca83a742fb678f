"""Two sites that follow the README, and their clients at the shared Keycloak."""

from __future__ import annotations

import itertools
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests

from django_oidc_logout.demo.processes import Server
from e2e.providers.keycloak.server import PEOPLE, REALM, SECRET, Keycloak
from e2e.providers.newcomers import DISCOVERY, Newcomers
from e2e.providers.scenarios import Guest
from e2e.providers.visitor import Page
from e2e.sites.serving import NO_PROXY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_oidc_logout.demo.agreed import Site
    from e2e.providers.keycloak.admin import Admin

NUMBERS = itertools.count()


def new_name(kind: str) -> str:
    """Return a name that no other test, in no other process, has at the shared Keycloak."""
    return f"{kind}-{os.getpid()}-{next(NUMBERS)}"


def representation(
    url: str, *, channel: str = "backchannel", wants_sid: bool = True, **attributes: str
) -> dict[str, Any]:
    """Return the client of a site at a URL, which hears of sign-outs through a channel."""
    return {
        "redirectUris": [f"{url}/oidc/callback/"],
        "frontchannelLogout": channel == "frontchannel",
        "attributes": {
            "post.logout.redirect.uris": f"{url}/oidc/logout/callback/",
            f"{channel}.logout.url": f"{url}/oidc/logout/{channel}/",
            f"{channel}.logout.session.required": str(wants_sid).lower(),
            **attributes,
        },
    }


@dataclass(frozen=True)
class Person:
    """Somebody with an account at Keycloak."""

    name: str
    id: str


@dataclass(frozen=True)
class OneSite:
    """A site in this process, and its client at Keycloak."""

    url: str
    client_id: str
    client: str
    """Keycloak's own id of the client."""
    keycloak: Keycloak
    admin: Admin

    @property
    def post_logout_redirect_uri(self) -> str:
        return f"{self.url}/oidc/logout/callback/"

    def change_client(self, **attributes: str) -> None:
        self.admin.change_client(self.client, attributes=attributes)

    def tokens(
        self, person: Person, *, client_id: str = "", scope: str = "openid"
    ) -> dict[str, Any]:
        """Return tokens of a new session of somebody at Keycloak, without a browser."""
        form = {
            "grant_type": "password",
            "username": person.name,
            "password": SECRET,
            "scope": scope,
        }
        return self._post("token", client_id or self.client_id, form)

    def renew(self, refresh_token: str) -> dict[str, Any]:
        """Return new tokens of a session at Keycloak."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return self._post("token", self.client_id, form)

    def knows(self, refresh_token: str) -> bool:
        """Return whether Keycloak still has the session of a refresh token."""
        form = {"token": refresh_token, "token_type_hint": "refresh_token"}
        return self._post("token/introspect", self.client_id, form)["active"]

    def _post(self, endpoint: str, client_id: str, form: dict[str, str]) -> dict[str, Any]:
        client = {"client_id": client_id, "client_secret": SECRET}
        answer = requests.post(self.keycloak.endpoint(endpoint), data=form | client, timeout=30)
        assert answer.ok, answer.text
        return answer.json()


@dataclass(frozen=True)
class Realm:
    """A realm, in the place of a provider that is one server."""

    url: str


class KeycloakGuest(Guest):
    """A visitor who knows Keycloak's form."""

    def say_who(self, page: requests.Response, name: str) -> requests.Response:
        path = urlsplit(self.newcomers.provider.url).path + "/login-actions/authenticate"
        return self.submit(page, path, username=name, password=PEOPLE.get(name, SECRET))

    def confirm(self, page: requests.Response) -> requests.Response:
        """Confirm the sign-out, for which Keycloak asks if it gets no hint."""
        realm = urlsplit(self.newcomers.provider.url).path
        path = f"{realm}/protocol/openid-connect/logout/logout-confirm"
        return self.submit(page, path) if path in page.text else page


class SiteGuest(KeycloakGuest):
    """A visitor of the site in this process."""

    def __init__(self, site: OneSite) -> None:
        super().__init__(SimpleNamespace(provider=Realm(site.keycloak.issuer)))

    @staticmethod
    def links(page: requests.Response) -> list[str]:
        return Page(page).links


@dataclass
class KeycloakNewcomers(Newcomers):
    """Keycloak is behind a relay, which hangs and dies in its place."""

    keycloak: Keycloak | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        assert self.keycloak
        base = self.provider.url
        self.provider = Realm(f"{base}/realms/{REALM}")
        self.here = Keycloak(base)
        port, target = (str(urlsplit(url).port) for url in (base, self.keycloak.url))
        self.server = Server(
            name="the relay",
            url=base,
            command=[sys.executable, "-m", "e2e.providers.keycloak.relay", port, target],
            environment=NO_PROXY,
            port_option="",
            log=self.folder / "relay.log",
            probe=f"/realms/{REALM}{DISCOVERY}",
        )

    @contextmanager
    def running(self) -> Iterator[None]:
        admin = self.keycloak.admin()
        clients = [
            admin.add_client(site.client_id, site.client_secret, **self._representation(site))
            for site in self.sites
        ]
        try:
            with super().running():
                yield
        finally:
            for client in clients:
                admin.remove_client(client)

    def _representation(self, site: Site) -> dict[str, Any]:
        """Return a client; the second's ID Tokens live briefly, and it asks for no `sid`."""
        is_first = site is self.sites[0]
        return representation(
            site.url,
            channel=self.channel,
            wants_sid=is_first or self.channel == "frontchannel",
            **{} if is_first else {"access.token.lifespan": "3"},  # of the ID Token, too
        )
