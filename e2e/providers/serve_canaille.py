"""Canaille, with what it has in memory: no channels, and `aud` is a list."""

import json
import os
import time
from pathlib import Path

from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from canaille.oidc.provider import OpenIDCode
from joserfc.jwk import RSAKey
from werkzeug.serving import run_simple

from e2e.providers.leaving import leave_with_parent

ISSUER = os.environ["ISSUER"]
FOLDER = Path(os.environ["FOLDER"])


def key() -> dict:
    """Return the key that signs, the same after a restart."""
    file = FOLDER / "provider.json"
    if not file.exists():
        file.write_text(json.dumps(RSAKey.generate_key(2048).as_dict(private=True)))
    return json.loads(file.read_text())


def register() -> None:
    """Make people, whose sessions name them by their ids, and the sites, which need no consent."""
    for name, password in json.loads(os.environ["PEOPLE"]).items():
        person = models.User(
            id=name,
            user_name=name,
            family_name=name,
            formatted_name=name,
            emails=[f"{name}@example.org"],
            password=password,
        )
        Backend.instance.save(person)
    for known in json.loads(os.environ["CLIENTS"]):
        client = models.Client(
            client_id=known["client_id"],
            client_secret=known["client_secret"],
            client_name=known["client_id"],
            client_uri="http://localhost",
            redirect_uris=known["redirect_uris"],
            post_logout_redirect_uris=known["post_logout_redirect_uris"],
            token_endpoint_auth_method=known["token_endpoint_auth_method"],
            grant_types=["authorization_code"],
            response_types=["code"],
            scope=["openid", "email"],
            id_token_signed_response_alg="RS256",
        )
        Backend.instance.save(client)
        client.audience = [client]
        Backend.instance.save(client)


def short_lived(grant, client):
    """Return claims for an ID Token, which for one of the sites is short-lived."""
    claims = usual(grant, client)
    if client.client_id == os.environ["SHORT_LIVED"]:
        claims["exp"] = int(time.time()) + 3
    return claims


usual = OpenIDCode.get_client_claims
OpenIDCode.get_client_claims = short_lived

app = create_app(
    {
        "SERVER_NAME": ISSUER.removeprefix("http://"),
        "PREFERRED_URL_SCHEME": "http",
        "SECRET_KEY": "for-a-provider-of-the-tests-and-for-nothing-else-in-the-world",
        "CANAILLE": {"DATABASE": "memory", "HTMX": False, "JAVASCRIPT": False},
        "CANAILLE_OIDC": {"ACTIVE_JWKS": [key()], "TRUSTED_DOMAINS": ["localhost"]},
    }
)

if __name__ == "__main__":
    leave_with_parent()
    with app.app_context(), Backend.instance.session():
        register()
    host, port = app.config["SERVER_NAME"].split(":")
    run_simple(host, int(port), app, threaded=True)
