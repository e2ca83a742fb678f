"""A site in this process whose clients and people are at the shared Keycloak."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.cache import cache
from jwt.algorithms import RSAAlgorithm

from e2e.providers.keycloak import urls
from e2e.providers.keycloak.server import SECRET, Keycloak
from e2e.providers.keycloak.sites import OneSite, Person, SiteGuest, new_name, representation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from e2e.providers.keycloak.admin import Admin
    from e2e.providers.keycloak.urls import Arrival

TIME_OUTS = ("ssoSessionIdleTimeout", "ssoSessionMaxLifespan")


@pytest.fixture(scope="session")
def admin(keycloak: Keycloak) -> Admin:
    return keycloak.admin()


@pytest.fixture
def add_client(admin: Admin) -> Iterator[Callable[..., str]]:
    """Return a function that registers a client and returns Keycloak's own id of it."""
    added = []

    def add(client_id: str, **representation: Any) -> str:
        representation = {"secret": SECRET} | representation
        added.append(admin.add_client(client_id, **representation))
        return added[-1]

    yield add
    for each in added:
        admin.remove_client(each)


@pytest.fixture
def point_at(settings: Any, keycloak: Keycloak) -> Callable[..., None]:
    """Return a function that points the settings at a client of Keycloak."""

    def point_at(client_id: str, here: Keycloak = keycloak, **options: Any) -> None:
        settings.OIDC_RP_CLIENT_ID = client_id
        settings.OIDC_RP_CLIENT_SECRET = SECRET
        settings.OIDC_OP_AUTHORIZATION_ENDPOINT = here.endpoint("auth")
        settings.OIDC_OP_TOKEN_ENDPOINT = here.endpoint("token")
        settings.OIDC_OP_USER_ENDPOINT = here.endpoint("userinfo")
        settings.OIDC_OP_JWKS_ENDPOINT = here.endpoint("certs")
        settings.OIDC_LOGOUT_PROVIDERS = {
            "default": {"ISSUER": here.issuer, "TIMEOUT": 10, **options}
        }

    return point_at


@pytest.fixture
def person(admin: Admin) -> Iterator[Person]:
    """Return somebody who has an account at Keycloak, for one test."""
    name = new_name("ada")
    person = Person(name, admin.add_user(name, SECRET))
    yield person
    admin.remove_user(person.id)


@pytest.fixture
def site(
    live_server: Any,
    settings: Any,
    admin: Admin,
    add_client: Callable[..., str],
    point_at: Callable[..., None],
) -> OneSite:
    """Return the site, whose client requires a `sid` in logout tokens."""
    settings.ROOT_URLCONF = "e2e.providers.keycloak.urls"
    settings.LOGIN_URL = "oidc_authentication_init"
    settings.LOGIN_REDIRECT_URL = "/"
    client_id = new_name("site")
    client = add_client(client_id, **representation(live_server.url))
    point_at(client_id)
    return OneSite(live_server.url, client_id, client, Keycloak(admin.url), admin)


@pytest.fixture
def arrivals() -> list[Arrival]:
    """Return the logout tokens that reached the site."""
    urls.ARRIVALS.clear()
    return urls.ARRIVALS


@pytest.fixture
def visit(site: OneSite) -> Iterator[Callable[[], SiteGuest]]:
    """Return a function that opens another browser."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(SiteGuest(site))


@pytest.fixture
def visitor(visit: Callable[[], SiteGuest]) -> SiteGuest:
    return visit()


@pytest.fixture
def second_client(site: OneSite, add_client: Callable[..., str]) -> str:
    """Return another client of the same site."""
    client_id = new_name("site")
    add_client(client_id, **representation(site.url))
    return client_id


@pytest.fixture
def keys(admin: Admin) -> Callable[..., AbstractContextManager[None]]:
    """Return a function that lets the realm sign with another key for the time of a block."""

    @contextmanager
    def keys(provider: str, *, priority: int) -> Iterator[None]:
        key = admin.add_key(provider, priority)
        try:
            yield
        finally:
            admin.delete(f"/components/{key}")
            cache.clear()  # as if the site had renewed its copy of the keys

    return keys


@pytest.fixture(scope="session")
def encryption_key() -> str:
    """Return a key set for encrypting to the site."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    public = json.loads(RSAAlgorithm.to_jwk(key))
    return json.dumps({"keys": [public | {"kid": "site", "use": "enc", "alg": "RSA-OAEP-256"}]})


@pytest.fixture(scope="session")
def own_realm(keycloak: Keycloak) -> Iterator[Keycloak]:
    """Return a realm that no other process uses. Browsers reach it at `localhost`."""
    realm = replace(keycloak, realm=new_name("own"))
    admin = realm.admin()
    admin.add_realm(frontendUrl=realm.url.replace("127.0.0.1", "localhost"))
    yield realm
    admin.delete("")


@pytest.fixture
def two_hosts(
    live_server: Any, settings: Any, own_realm: Keycloak, point_at: Callable[..., None]
) -> Iterator[OneSite]:
    """Return a site that reaches its realm at `127.0.0.1`, and browsers at `localhost`."""
    inside, admin = own_realm, own_realm.admin()
    outside = replace(inside, url=inside.url.replace("127.0.0.1", "localhost"))
    time_outs = {name: admin.get("").json()[name] for name in TIME_OUTS}
    settings.ROOT_URLCONF = "e2e.providers.keycloak.urls"
    settings.LOGIN_URL = "oidc_authentication_init"
    settings.LOGIN_REDIRECT_URL = "/"
    client_id = new_name("site")
    client = admin.add_client(client_id, SECRET, **representation(live_server.url))
    point_at(
        client_id,
        outside,
        JWKS_URI=inside.endpoint("certs"),
        ALGORITHMS=["RS256"],
        RECHECK=True,
    )
    settings.OIDC_OP_TOKEN_ENDPOINT = inside.endpoint("token")
    settings.OIDC_OP_USER_ENDPOINT = inside.endpoint("userinfo")
    settings.OIDC_OP_JWKS_ENDPOINT = inside.endpoint("certs")
    yield OneSite(live_server.url, client_id, client, outside, admin)
    admin.put("", json=time_outs)
    admin.remove_client(client)
