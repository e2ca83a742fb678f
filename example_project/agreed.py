"""What the sites and the identity provider have agreed on: addresses, clients, people."""

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


def _ports_from_environment(variable: str, *default: int) -> list[int]:
    text = os.environ.get(variable)
    try:
        ports = [port(number) for number in text.split(",")] if text else list(default)
    except ValueError:
        ports = []
    if len(ports) != len(default) or len(set(ports)) < len(ports):
        wanted = ", ".join(map(str, default))
        raise SystemExit(f"{variable} must be such as {wanted}: ports from 1 to {LAST_PORT}.")
    return ports


@dataclass(frozen=True)
class Site:
    """A site, and the client under which it is registered at the identity provider."""

    key: str
    """Tells the sites apart, by colour and picture as well: see `base.html`."""
    port: int
    port_option: str
    """The option of `manage.py demo` that sets the port."""

    @property
    def name(self) -> str:
        """What people call the site."""
        return f"Site {self.key}"

    @property
    def url(self) -> str:
        """The sites are on `localhost`, the provider on `127.0.0.1`: two hosts to a browser."""
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

    @property
    def backchannel_logout_uri(self) -> str:
        """Where the identity provider says that somebody has signed out of it."""
        return f"{self.url}/oidc/logout/backchannel/"


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
        """The address by which a site recognises the person."""
        return f"{self.username}@example.org"


_one, _two = _ports_from_environment("DEMO_SITE_PORTS", 8000, 8001)
SITES = (Site("one", _one, "--site-port"), Site("two", _two, "--second-site-port"))
PROVIDER = Provider(*_ports_from_environment("DEMO_IDP_PORT", 9000))


def this_site() -> Site:
    """Return which of the sites this process is: the one with the port DEMO_SITE_PORT."""
    (own,) = _ports_from_environment("DEMO_SITE_PORT", SITES[0].port)
    for site in SITES:
        if site.port == own:
            return site
    raise SystemExit("DEMO_SITE_PORT must be one of DEMO_SITE_PORTS.")


PEOPLE = (
    Person("ada", "lovelace", "Ada Lovelace", staff=True),
    Person("grace", "hopper", "Grace Hopper"),
)

# Databases, the provider's key and the logs.
VAR = Path(os.environ.get("DEMO_VAR") or Path(__file__).parent / "var").resolve()
VAR.mkdir(parents=True, exist_ok=True)
