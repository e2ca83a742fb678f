"""What the site and the identity provider have agreed on: addresses, the client, the people."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

LAST_PORT = 65535


def port(text: str) -> int:
    """Read a port number; `ValueError` if it is none."""
    number = int(text)
    if not 1 <= number <= LAST_PORT:
        raise ValueError(text)
    return number


def _port_from_environment(variable: str, default: int) -> int:
    try:
        return port(os.environ.get(variable, str(default)))
    except ValueError:
        raise SystemExit(f"{variable} must be a port from 1 to {LAST_PORT}.") from None


@dataclass(frozen=True)
class Site:
    """A site, and the client under which it is registered at the identity provider."""

    port: int

    @property
    def url(self) -> str:
        """The site is on `localhost`, the provider on `127.0.0.1`: two hosts to a browser."""
        return f"http://localhost:{self.port}"

    @property
    def client_id(self) -> str:
        """The client's name."""
        return f"site-{self.port}"

    @property
    def client_secret(self) -> str:
        """Known to everybody who reads this: fine for a demo and for nothing else."""
        return f"not-a-secret-{self.port}"

    @property
    def redirect_uri(self) -> str:
        """Where the identity provider sends people who signed in."""
        return f"{self.url}/oidc/callback/"

    @property
    def post_logout_redirect_uri(self) -> str:
        """Where the identity provider sends people who signed out."""
        return f"{self.url}/oidc/logout/callback/"


@dataclass(frozen=True)
class Provider:
    """The identity provider."""

    port: int

    @property
    def url(self) -> str:
        """Its address, which is its issuer as well."""
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Person:
    """Somebody with an account at the identity provider."""

    username: str
    password: str
    name: str
    staff: bool = False

    @property
    def email(self) -> str:
        """The address by which the site recognises the person."""
        return f"{self.username}@example.org"


SITE = Site(_port_from_environment("DEMO_SITE_PORT", 8000))
SITES = (SITE,)
PROVIDER = Provider(_port_from_environment("DEMO_IDP_PORT", 9000))
PEOPLE = (
    Person("ada", "lovelace", "Ada Lovelace", staff=True),
    Person("grace", "hopper", "Grace Hopper"),
)

# Databases, the provider's key and the logs.
VAR = Path(os.environ.get("DEMO_VAR") or Path(__file__).parent / "var").resolve()
VAR.mkdir(parents=True, exist_ok=True)
