"""Two sites and the identity provider that both trust, each a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django_oidc_logout.demo import agreed
from django_oidc_logout.demo.processes import Server, agreement, site_server
from e2e.providers.waiting import running
from tests.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_oidc_logout.demo.agreed import Site

SCRIPTS = Path(__file__).parent


@dataclass
class Federation:
    """The example's sites, with npm's oidc-provider instead of the example's own provider."""

    folder: Path
    node: str
    node_modules: str
    script: str
    channel: str
    """By which the provider reaches the sites: `backchannel` or `frontchannel`."""
    ports: list[int] = field(default_factory=lambda: free_ports(3))

    def __post_init__(self) -> None:
        *site_ports, provider_port = self.ports
        self.provider = agreed.Provider(provider_port)
        self.sites = [
            replace(site, port=port) for site, port in zip(agreed.SITES, site_ports, strict=True)
        ]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run all three for the time of the block."""
        with running(self._provider(), *map(self._site, self.sites)):
            yield

    def _provider(self) -> Server:
        return Server(
            name="the identity provider",
            url=self.provider.url,
            command=[self.node, str(SCRIPTS / self.script)],
            environment={
                "CLIENTS": json.dumps([self._client(site) for site in self.sites]),
                "ISSUER": self.provider.url,
                "NODE_MODULES": self.node_modules,
            },
            port_option="",
            log=self.folder / "provider.log",
            probe="/.well-known/openid-configuration",
        )

    def _client(self, site: Site) -> dict[str, Any]:
        return {
            "client_id": site.client_id,
            "client_secret": site.client_secret,
            "redirect_uris": [site.redirect_uri],
            "post_logout_redirect_uris": [site.post_logout_redirect_uri],
            "token_endpoint_auth_method": "client_secret_post",
            f"{self.channel}_logout_uri": f"{site.url}/oidc/logout/{self.channel}/",
            f"{self.channel}_logout_session_required": True,
            # The others are told when somebody authenticated only if they ask for it.
            "require_auth_time": site is self.sites[-1],
        }

    def _site(self, site: Site) -> Server:
        return site_server(
            site,
            settings="e2e.providers.settings",
            environment=agreement(self.sites, self.provider, self.folder),
            log=self._log(site),
        )

    def manage(self, site: Site, *command: str) -> str:
        """Run a management command of a site, and return what it prints."""
        environment = agreement(self.sites, self.provider, self.folder)
        environment |= {
            "DEMO_SITE_PORT": str(site.port),
            "DJANGO_SETTINGS_MODULE": "e2e.providers.settings",
        }
        return subprocess.run(
            [sys.executable, "-m", "django", *command],
            env=os.environ | environment,
            cwd=SCRIPTS.parents[1],
            capture_output=True,
            check=True,
            text=True,
        ).stdout

    def _log(self, site: Site) -> Path:
        return self.folder / f"{site.key}.log"

    def arrivals(self, site: Site, path: str) -> list[dict[str, Any]]:
        """Return the requests and responses of a site at a path."""
        return [arrival for arrival in said(self._log(site)) if arrival["path"] == path]

    def notices(self) -> list[dict[str, Any]]:
        """Return what the provider logs about its logout tokens: the client, and any error."""
        return said(self.folder / "provider.log")


def said(log: Path) -> list[dict[str, Any]]:
    """Return the lines of a log that are JSON."""
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
