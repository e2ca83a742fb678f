"""A run of the demo, as people start it."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from django_oidc_logout.demo import agreed
from e2e.providers.waiting import SECONDS, eventually
from tests.ports import free_ports, is_free

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SITE_SETTINGS = "example_project.settings"
OPTIONS = ["--site-port", "--second-site-port", "--idp-port", "--hub-port"]


@dataclass
class Demo:
    """A run of `manage.py demo`."""

    folder: Path
    settings: str = SITE_SETTINGS
    ports: list[int] = field(default_factory=lambda: free_ports(4))

    def __post_init__(self) -> None:
        *site_ports, provider_port, hub_port = self.ports
        self.sites = [
            replace(site, port=port) for site, port in zip(agreed.SITES, site_ports, strict=True)
        ]
        self.provider = replace(agreed.PROVIDER, port=provider_port)
        self.hub = agreed.Hub(hub_port)
        self.command = [sys.executable, "manage.py", "demo"]
        for option, port in zip(OPTIONS, self.ports, strict=True):
            self.command += [option, str(port)]
        self.environment = os.environ | {
            "DEMO_VAR": str(self.folder),
            "DJANGO_SETTINGS_MODULE": self.settings,
            # Nobody listens there: a demo that used the proxy would not work.
            "HTTP_PROXY": "http://127.0.0.1:1",
            "http_proxy": "http://127.0.0.1:1",
        }

    def run(self) -> subprocess.CompletedProcess[str]:
        """Run a demo that is expected to fail."""
        return subprocess.run(
            self.command,
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run a demo for the time of the block, which starts once it has printed its URLs."""
        said = self.folder / "said"
        with (
            said.open("wb") as output,
            subprocess.Popen(
                self.command, cwd=ROOT, env=self.environment, stdout=output, stderr=output
            ) as process,
        ):
            try:
                assert eventually(
                    lambda: process.poll() is not None or "Ctrl-C" in said.read_text()
                )
                self.said = said.read_text()
                assert process.poll() is None, self.said
                yield process
            finally:
                process.terminate()
                process.wait(SECONDS)

    def is_gone(self) -> bool:
        return all(is_free(port) for port in self.ports)
