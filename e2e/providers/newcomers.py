"""Two sites that follow the README, and an identity provider by somebody else."""

from __future__ import annotations

import json
import os
import signal
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests

from django_oidc_logout.demo.agreed import Provider, Site
from django_oidc_logout.demo.processes import Server
from e2e.providers.federation import said
from e2e.providers.waiting import eventually, running
from e2e.sites import serving
from e2e.sites.serving import NO_PROXY
from tests.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from e2e.providers.traits import Traits

PEOPLE = {"ada": "lovelace-1815", "grace": "hopper-1906", "edith": "clarke-1883"}
DISCOVERY = "/.well-known/openid-configuration"


@dataclass
class Newcomers:
    """The second site's ID Tokens live for three seconds, and its client asks for no `sid`."""

    folder: Path
    command: list[str]
    """Serves the provider at ISSUER, for CLIENTS, and keeps what it has in FOLDER."""
    traits: Traits
    environment: dict[str, str] = field(default_factory=dict)
    channel: str = "backchannel"
    """By which the provider is to tell the sites: `backchannel` or `frontchannel`."""

    def __post_init__(self) -> None:
        *ports, provider_port = free_ports(3)
        self.provider = Provider(provider_port)
        self.sites = [Site(f"{port}", port, "") for port in ports]
        self.server = Server(
            name="the identity provider",
            url=self.provider.url,
            command=self.command,
            environment=self.environment
            | NO_PROXY
            | {
                "CLIENTS": json.dumps([self._client(site) for site in self.sites]),
                "FOLDER": str(self.folder),
                "ISSUER": self.provider.url,
                "PEOPLE": json.dumps(PEOPLE),
                "SHORT_LIVED": self.sites[1].client_id,
            },
            port_option="",
            log=self.folder / "provider.log",
            probe=DISCOVERY,
        )

    def _client(self, site: Site) -> dict[str, Any]:
        return {
            "client_id": site.client_id,
            "client_secret": site.client_secret,
            "redirect_uris": [site.redirect_uri],
            "post_logout_redirect_uris": [site.post_logout_redirect_uri],
            "token_endpoint_auth_method": "client_secret_post",
            f"{self.channel}_logout_uri": f"{site.url}/oidc/logout/{self.channel}/",
            f"{self.channel}_logout_session_required": site is self.sites[0],
        }

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the provider, and the sites with its endpoints in their settings."""
        with running(self.server):
            self.metadata = requests.get(f"{self.provider.url}{DISCOVERY}", timeout=10).json()
            self.site_servers = {site: self._site(site, self.metadata) for site in self.sites}
            with running(*self.site_servers.values()):
                yield
        broken = [each for each in self._arrivals(*self.sites) if each["status"] >= 500]
        assert not broken

    def _site(self, site: Site, metadata: dict[str, Any]) -> Server:
        own = {
            "client_id": site.client_id,
            "client_secret": site.client_secret,
            "metadata": metadata,
            "port": site.port,
        }
        settings = "e2e.providers.newcomer.settings"
        return serving.server(own, settings=settings, folder=self.folder)

    def _log(self, site: Site) -> Path:
        return self.folder / f"{site.port}.log"

    def _arrivals(self, *sites: Site) -> list[dict[str, Any]]:
        return [each for site in sites for each in said(self._log(site)) if "path" in each]

    def statuses(self, site: Site) -> list[int]:
        """Return the status of a site's response to each logout token."""
        return [
            arrival["status"]
            for arrival in self._arrivals(site)
            if arrival["path"] == "/oidc/logout/backchannel/"
        ]

    def logout_tokens(self, site: Site) -> list[dict[str, Any]]:
        """Return the shape of each logout token that a site received."""
        arrivals = self._arrivals(site)
        return [arrival["logout_token"] for arrival in arrivals if "logout_token" in arrival]

    @contextmanager
    def hanging_provider(self) -> Iterator[None]:
        """Let the provider accept connections without a response; then kill it."""
        process = self.server.process
        assert process
        os.kill(process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            process.kill()
            self.server.end()

    def restart_provider(self) -> None:
        self.server.start()
        assert eventually(self.server.is_ready)

    def restart_site(self, site: Site) -> None:
        """Restart the site, so that it loses its cache."""
        server = self.site_servers[site]
        server.end()
        server.start()
        assert eventually(server.is_ready)
