"""The doctor finds each wrong registration in a real Keycloak."""

from __future__ import annotations

import io
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command

from django_oidc_logout.doctor import site as doctor_site
from e2e.providers.keycloak.server import Keycloak
from e2e.providers.keycloak.sites import new_name

if TYPE_CHECKING:
    from collections.abc import Callable

SITE = "http://localhost:8000"
SIGN_IN = f"{SITE}/oidc/callback/"
CALLBACK = f"{SITE}/oidc/logout/callback/"
REGISTRATION = {"client-secret", "sign-in-uri", "post-logout-uri"}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_site, "_seen_by_another_process", lambda *_: True)


def examine(**options: Any) -> list[dict[str, str]]:
    """Return the findings about the provider."""
    out = io.StringIO()
    with suppress(SystemExit):
        call_command("oidc_logout_doctor", stdout=out, format="json", site=SITE, **options)
    return json.loads(out.getvalue())["providers"]["default"]["findings"]


def registered(
    back: str | None = CALLBACK, sign_in: str = SIGN_IN, **representation: Any
) -> dict[str, Any]:
    """Return a client; without arguments, nothing about it is wrong."""
    attributes = {} if back is None else {"post.logout.redirect.uris": back}
    return {"redirectUris": [sign_in], "attributes": attributes, **representation}


# The client, and what the doctor finds.
WRONG: dict[str, tuple[dict[str, Any], set[str]]] = {
    "no post-logout URI": (registered(None), {"post-logout-uri"}),
    "the plus that the admin console proposes": (registered("+"), {"post-logout-uri"}),
    "another port": (registered(CALLBACK.replace("8000", "8001")), {"post-logout-uri"}),
    "https for http": (registered(CALLBACK.replace("http", "https")), {"post-logout-uri"}),
    "another host": (registered(CALLBACK.replace("localhost", "127.0.0.1")), {"post-logout-uri"}),
    "another path": (registered(f"{SITE}/logout/callback/"), {"post-logout-uri"}),
    "only the front page": (registered(f"{SITE}/"), {"post-logout-uri"}),
    "no slash at the end": (registered(CALLBACK[:-1]), {"post-logout-uri"}),
    "several, with a comma": (registered(f"{CALLBACK},{SITE}/bye/"), {"post-logout-uri"}),
    "another redirect URI": (registered(sign_in=f"{SITE}/callback/"), {"sign-in-uri"}),
    "no code flow": (registered(standardFlowEnabled=False), {"sign-in-uri"}),
    "another secret": (registered(secret="another"), {"client-secret"}),
    "a client that is disabled": (registered(enabled=False), {"client-secret", "sign-in-uri"}),
    "another client id": (registered(clientId="another-id"), REGISTRATION),
}


@pytest.mark.parametrize(("client", "expected"), WRONG.values(), ids=WRONG)
def test_a_wrong_registration(
    add_client: Callable[..., str],
    point_at: Callable[..., None],
    client: dict[str, Any],
    expected: set[str],
) -> None:
    name = new_name("doctor")
    add_client(name, **client)
    point_at(name)
    findings = examine()
    assert {each["id"] for each in findings if each["status"] == "error"} == expected
    for each in findings:
        if each["id"] in expected - {"client-secret"} and "code flow" not in each["remedy"]:
            assert {"sign-in-uri": SIGN_IN, "post-logout-uri": CALLBACK}[each["id"]] in str(each)


def test_a_right_registration(
    add_client: Callable[..., str], point_at: Callable[..., None]
) -> None:
    name = new_name("doctor")
    add_client(name, **registered())
    point_at(name)
    findings = examine()
    assert {each["status"] for each in findings} == {"ok"}
    found = {each["id"] for each in findings}
    assert found >= REGISTRATION
    assert "clock" not in found  # it sends no Date


def test_two_host_names(
    keycloak: Keycloak,
    add_client: Callable[..., str],
    point_at: Callable[..., None],
    settings: Any,
) -> None:
    """The site asks Keycloak at another host than browsers do."""
    name, outside = new_name("doctor"), Keycloak(keycloak.url.replace("127.0.0.1", "localhost"))
    add_client(name, **registered())
    point_at(name, outside)
    settings.OIDC_OP_TOKEN_ENDPOINT = keycloak.endpoint("token")
    settings.OIDC_OP_JWKS_ENDPOINT = keycloak.endpoint("certs")
    findings = examine()
    assert {each["status"] for each in findings} == {"ok"}
    (endpoints,) = (each["detail"] for each in findings if each["id"] == "endpoints")
    assert endpoints.endswith(f"The site itself asks {keycloak.url.removeprefix('http://')}.")
    point_at(name, outside, END_SESSION_ENDPOINT=keycloak.endpoint("logout"))
    (warning,) = (each for each in examine() if each["status"] == "warning")
    assert "browsers follow it" in warning["remedy"]
