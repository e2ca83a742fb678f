"""An identity provider and the sites that trust it, each a process of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests

from django_oidc_logout.demo.processes import Server
from e2e.providers.federation import said
from e2e.providers.newcomers import PEOPLE
from e2e.providers.waiting import eventually
from e2e.sites import serving
from e2e.sites.serving import NO_PROXY
from e2e.sites.table import KINDS, Kind
from tests.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DISCOVERY = "/.well-known/openid-configuration"


@dataclass(frozen=True)
class Site:
    """A site, of which there are two for each library: one forgets a step of the configuration."""

    kind: Kind
    forgets: bool
    port: int
    log: Path

    @property
    def name(self) -> str:
        return f"{self.kind.name}-{'forgets' if self.forgets else 'whole'}"

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def client(self) -> dict[str, Any]:
        """What is registered at the provider."""
        return {
            "client_id": self.name,
            "client_secret": f"not-a-secret-{self.name}",
            "redirect_uris": [f"{self.url}{self.kind.callback}"],
            "post_logout_redirect_uris": [f"{self.url}/oidc/logout/callback/"],
            "token_endpoint_auth_method": "client_secret_post",
            "backchannel_logout_uri": f"{self.url}/oidc/logout/backchannel/",
            "backchannel_logout_session_required": True,
        }

    def own(self, metadata: dict[str, Any]) -> dict[str, Any]:
        """Return what the site's settings need to know."""
        client = {name: self.client[name] for name in ("client_id", "client_secret")}
        return {**client, "forgets": self.forgets, "metadata": metadata, "port": self.port}

    def said(self) -> list[dict[str, Any]]:
        """Return what the site has logged: its messages and the outcomes of sign-outs."""
        return said(self.log)


@dataclass
class Federation:
    folder: Path
    command: list[str]
    """Serves the provider at ISSUER, for CLIENTS."""
    environment: dict[str, str]
    has_forgetful_sites: bool = True
    servers: dict[Site, Server] = field(default_factory=dict)

    def __post_init__(self) -> None:
        variants = [(kind, forgets) for kind in KINDS.values() for forgets in (False, True)]
        provider_port, *ports = free_ports(1 + len(variants))
        self.issuer = f"http://127.0.0.1:{provider_port}"
        self.sites = {
            (kind.name, forgets): Site(kind, forgets, port, self.folder / f"{port}.log")
            for (kind, forgets), port in zip(variants, ports, strict=True)
        }
        self.server = Server(
            name="the identity provider",
            url=self.issuer,
            command=self.command,
            environment=self.environment
            | NO_PROXY
            | {
                "CLIENTS": json.dumps([site.client for site in self.sites.values()]),
                "FOLDER": str(self.folder),
                "ISSUER": self.issuer,
                "PEOPLE": json.dumps(PEOPLE),
                "SHORT_LIVED": "",
            },
            port_option="",
            log=self.folder / "provider.log",
            probe=DISCOVERY,
        )

    def running(self) -> Iterator[Federation]:
        """Run the provider; the sites start when a test asks for them."""
        try:
            self.server.start()
            self._wait_for(self.server)
            self.metadata = requests.get(f"{self.issuer}{DISCOVERY}", timeout=10).json()
            yield self
        finally:
            for server in (*self.servers.values(), self.server):
                server.end()

    def site(self, name: str, *, forgets: bool = False) -> Site:
        """Return a site, which has been started; the library's other one starts meanwhile."""
        for each in self.sites[name, forgets], self.sites[name, not forgets]:
            if each not in self.servers and each.forgets <= self.has_forgetful_sites:
                self.servers[each] = self._server(each)
                self.servers[each].start()
        site = self.sites[name, forgets]
        self._wait_for(self.servers[site])
        return site

    def _server(self, site: Site) -> Server:
        settings = f"e2e.sites.{site.kind.name}.settings"
        return serving.server(site.own(self.metadata), settings=settings, folder=self.folder)

    def _wait_for(self, server: Server) -> None:
        def is_ready() -> bool:
            server.check_alive()
            return server.is_ready()

        assert eventually(is_ready)
