"""What the sites and the identity provider share: addresses, clients, people."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

LAST_PORT = 65535


def port(text: str) -> int:
    """Return a port number, or raise `ValueError`."""
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
        raise SystemExit(f"{variable} must be like {wanted}: ports from 1 to {LAST_PORT}.")
    return ports


@dataclass(frozen=True)
class Site:
    """A site, and its client at the identity provider."""

    key: str
    """Distinguishes the sites, also by colour and picture: see `base.html`."""
    port: int
    port_option: str
    """The option of `manage.py demo` that sets the port."""

    @property
    def name(self) -> str:
        """The site's name, as people see it."""
        return f"Site {self.key}"

    @property
    def url(self) -> str:
        """The site's URL."""
        return f"http://localhost:{self.port}"

    @property
    def client_id(self) -> str:
        """The client's identifier."""
        return f"site-{self.port}"

    @property
    def client_secret(self) -> str:
        """The client's secret. It is public, so it is fit for a demo only."""
        return f"not-a-secret-{self.port}"

    @property
    def redirect_uri(self) -> str:
        """Where the identity provider redirects people after sign-in."""
        return f"{self.url}/oidc/callback/"

    @property
    def post_logout_redirect_uri(self) -> str:
        """Where the identity provider redirects people after sign-out."""
        return f"{self.url}/oidc/logout/callback/"

    @property
    def backchannel_logout_uri(self) -> str:
        """Where the identity provider sends its logout tokens."""
        return f"{self.url}/oidc/logout/backchannel/"

    @property
    def events_uri(self) -> str:
        """Where the identity provider sends its security events."""
        return f"{self.url}/oidc/logout/events/"


@dataclass(frozen=True)
class Provider:
    """The identity provider."""

    port: int
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        """The provider's URL, which is also its issuer."""
        return f"http://{self.host}:{self.port}"


@dataclass(frozen=True)
class Hub:
    """The page that shows the sites, the provider and what happens between them."""

    port: int

    @property
    def url(self) -> str:
        """The page's URL."""
        return f"http://localhost:{self.port}"


@dataclass(frozen=True)
class Person:
    """A person with an account at the identity provider."""

    username: str
    password: str
    name: str
    staff: bool = False

    @property
    def email(self) -> str:
        """The person's e-mail address, by which a site recognises them."""
        return f"{self.username}@example.org"


_one, _two = _ports_from_environment("DEMO_SITE_PORTS", 8000, 8001)
SITES = (Site("one", _one, "--site-port"), Site("two", _two, "--second-site-port"))
# On the sites' host, so that a page can show all three in frames: browsers block the cookies of
# frames from another host.
(_provider_port,) = _ports_from_environment("DEMO_IDP_PORT", 9000)
PROVIDER = Provider(_provider_port, os.environ.get("DEMO_IDP_HOST") or "localhost")

HUB = Hub(*_ports_from_environment("DEMO_HUB_PORT", 8080))


def this_site() -> Site:
    """Return the site that this process serves: the one whose port is DEMO_SITE_PORT."""
    (own,) = _ports_from_environment("DEMO_SITE_PORT", SITES[0].port)
    for site in SITES:
        if site.port == own:
            return site
    raise SystemExit("DEMO_SITE_PORT must be one of DEMO_SITE_PORTS.")


PEOPLE = (
    Person("ada", "lovelace", "Ada Lovelace", staff=True),
    Person("grace", "hopper", "Grace Hopper"),
)

# The databases, the provider's key and the logs are here.
VAR = Path(os.environ.get("DEMO_VAR") or "demo-data").resolve()
VAR.mkdir(parents=True, exist_ok=True)
