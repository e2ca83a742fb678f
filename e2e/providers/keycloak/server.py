"""The running Keycloak that all tests of a run share, and its administrator."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from e2e.providers.keycloak.admin import Admin
from e2e.providers.keycloak.distribution import install, locked
from e2e.providers.keycloak.serve import ADMIN, PASSWORD
from e2e.providers.waiting import eventually
from tests.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

REALM = "main"
PEOPLE = {"ada": "lovelace-1815", "grace": "hopper-1906", "edith": "clarke-1883"}
SECRET = "not-a-secret"  # of clients and people that a test adds
SECONDS_TO_START = 180
ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Keycloak:
    """A Keycloak that answers at a base URL; its issuer is whatever URL it is asked by."""

    url: str
    realm: str = REALM

    @property
    def issuer(self) -> str:
        return f"{self.url}/realms/{self.realm}"

    def endpoint(self, name: str) -> str:
        """Return the URL of an endpoint, such as `token` or `certs`."""
        return f"{self.issuer}/protocol/openid-connect/{name}"

    def is_ready(self) -> bool:
        try:
            return requests.get(self.endpoint("certs"), timeout=10).ok
        except requests.RequestException:
            return False

    def admin(self) -> Admin:
        """Return an administrator. Keycloak's logout tokens name the issuer it is asked by."""
        return Admin(self.url, self.realm, ADMIN, PASSWORD)


@contextmanager
def running(folder: Path) -> Iterator[Keycloak]:
    """Run Keycloak for the time of the block, or use the one that another process runs there."""
    install()
    with (folder / "users").open("w") as users:
        with locked(folder / "starting"):
            fcntl.flock(users, fcntl.LOCK_SH)
            keycloak = _running(folder)
        yield keycloak


def _running(folder: Path) -> Keycloak:
    state = folder / "server.json"
    is_new = not state.exists()
    if is_new:
        (port,) = free_ports(1)
        state.write_text(json.dumps({"port": port}))
        _start(folder)
    keycloak = Keycloak(f"http://127.0.0.1:{json.loads(state.read_text())['port']}")
    if is_new:
        assert eventually(keycloak.is_ready, SECONDS_TO_START), (
            folder / "keycloak.log"
        ).read_text()[-2000:]
        # Its scopes for Shared Signals appear only if an update of the realm enables them.
        keycloak.admin().put("", json={"attributes": {"ssf.transmitterEnabled": "true"}})
    return keycloak


def _start(folder: Path) -> None:
    """Start the process that outlives this one if others use it."""
    command = [sys.executable, "-m", "e2e.providers.keycloak.serve", folder]
    subprocess.run(
        ["sh", "-c", '"$@" >"$0" 2>&1 &', folder / "serve.log", *command],
        stdin=subprocess.DEVNULL,
        cwd=ROOT,
        start_new_session=True,
        check=True,
    )
