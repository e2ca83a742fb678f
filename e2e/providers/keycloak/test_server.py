"""The server that other tests build on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from e2e.providers.keycloak.server import Keycloak


def test_the_realm_is_there(keycloak: Keycloak) -> None:
    address = f"{keycloak.issuer}/.well-known/openid-configuration"
    metadata = requests.get(address, timeout=10).json()
    assert metadata["issuer"] == keycloak.issuer
    assert metadata["backchannel_logout_session_supported"] is True


def test_shared_signals_are_enabled(keycloak: Keycloak) -> None:
    address = f"{keycloak.issuer}/.well-known/ssf-configuration"
    assert requests.get(address, timeout=10).json()["issuer"] == keycloak.issuer
    scopes = {each["name"] for each in keycloak.admin().get("/client-scopes").json()}
    assert {"ssf.manage", "ssf.read"} <= scopes
