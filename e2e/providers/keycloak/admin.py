"""Keycloak's administrator, through its REST API."""

from __future__ import annotations

import time
from typing import Any

import requests

SECONDS = 30
SECONDS_OF_A_TOKEN = 30
"""Half of how long Keycloak lets an administrator's token live."""


class Admin(requests.Session):
    """Requests below `/admin/realms/{realm}`; an error raises."""

    def __init__(self, url: str, realm: str, username: str, password: str) -> None:
        super().__init__()
        self.trust_env = False
        self.url = url
        self.base = f"{url}/admin/realms/{realm}"
        self.credentials = {"username": username, "password": password}
        self.token, self.token_from = "", float("-inf")

    def request(self, method: str, path: str, *args: Any, **kwargs: Any) -> requests.Response:  # type: ignore[override]  # a path, not a URL
        if time.monotonic() > self.token_from + SECONDS_OF_A_TOKEN:
            self._sign_in()
        headers = {"Authorization": f"Bearer {self.token}", **kwargs.pop("headers", {})}
        kwargs = {"timeout": SECONDS, **kwargs}
        url = path if path.startswith("http") else self.base + path
        response = super().request(method, url, *args, headers=headers, **kwargs)
        assert response.ok, f"{method} {path}: {response.status_code} {response.text}"
        return response

    def _sign_in(self) -> None:
        form = {"grant_type": "password", "client_id": "admin-cli", **self.credentials}
        address = f"{self.url}/realms/master/protocol/openid-connect/token"
        response = requests.post(address, data=form, timeout=SECONDS)
        assert response.ok, response.text
        self.token, self.token_from = response.json()["access_token"], time.monotonic()

    def add_realm(self, **attributes: str) -> None:
        """Add the realm, if there is none of this name."""
        realm = {"realm": self.base.rpartition("/")[2], "enabled": True, "attributes": attributes}
        self.post(f"{self.url}/admin/realms", json=realm)

    # Clients

    def add_client(self, client_id: str, secret: str, **representation: Any) -> str:
        """Register a confidential client for the code flow, and return Keycloak's own id of it."""
        client = {
            "clientId": client_id,
            "secret": secret,
            "publicClient": False,
            "directAccessGrantsEnabled": True,
            "frontchannelLogout": False,
            **representation,
        }
        return self._created(self.post("/clients", json=client))

    def client(self, id_: str) -> dict[str, Any]:
        return self.get(f"/clients/{id_}").json()

    def change_client(self, id_: str, *, attributes: dict[str, str], **others: Any) -> None:
        """Change attributes of a client and keep its others."""
        client = self.client(id_)
        kept = client["attributes"]
        self.put(f"/clients/{id_}", json=client | others | {"attributes": kept | attributes})

    def remove_client(self, id_: str) -> None:
        self.delete(f"/clients/{id_}")

    # People

    def add_user(self, name: str, password: str, **representation: Any) -> str:
        """Add a person whom Keycloak asks for nothing more, and return the id."""
        user = {
            "username": name,
            "enabled": True,
            "email": f"{name}@example.org",
            "emailVerified": True,
            "firstName": name.title(),
            "lastName": "Example",
            "credentials": [{"type": "password", "value": password}],
            **representation,
        }
        return self._created(self.post("/users", json=user))

    def remove_user(self, user: str) -> None:
        """Remove a person, who may be gone already."""
        if any(each["id"] == user for each in self.get("/users", params={"max": 1000}).json()):
            self.delete(f"/users/{user}")

    def user(self, name: str) -> str:
        """Return the id of a person."""
        (user,) = self.get("/users", params={"username": name, "exact": "true"}).json()
        return user["id"]

    def sessions(self, user: str) -> list[dict[str, Any]]:
        return self.get(f"/users/{user}/sessions").json()

    def log_out(self, user: str) -> None:
        """End all sessions of a person."""
        self.post(f"/users/{user}/logout")

    def end_session(self, session: str) -> None:
        """End one session, by its id, which is the `sid`."""
        self.delete(f"/sessions/{session}")

    # Keys

    def add_key(self, provider: str, priority: int) -> str:
        """Let the realm sign with a new key, and return its id."""
        component = {
            "name": provider,
            "providerId": provider,
            "providerType": "org.keycloak.keys.KeyProvider",
            "config": {"priority": [str(priority)], "enabled": ["true"], "active": ["true"]},
        }
        return self._created(self.post("/components", json=component))

    @staticmethod
    def _created(response: requests.Response) -> str:
        return response.headers["Location"].rpartition("/")[2]
