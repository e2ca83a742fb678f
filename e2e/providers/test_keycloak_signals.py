"""Keycloak sends security events: pushed to a running site, and polled by our command."""

from __future__ import annotations

import io
import itertools
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
import requests
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model, login
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from django.core.signals import request_started
from django.test import Client, RequestFactory
from django.test.testcases import QuietWSGIRequestHandler

from django_oidc_logout.api import remember_login
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.security_events import receipts
from django_oidc_logout.signals import security_event, session_ended
from e2e.providers.waiting import eventually
from tests.factories import is_signed_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.providers.keycloak.server import Keycloak

logger = logging.getLogger(__name__)

NUMBERS = itertools.count()
CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
SSF = "https://schemas.openid.net/secevent/ssf/event-type/"
SCOPES = ("ssf.manage", "ssf.read")
PASSWORD = "babbage-1822"
PATH = "/oidc/logout/events/"


class Site:
    """A site that is a client of Keycloak, and a person of its own."""

    def __init__(self, keycloak: Keycloak, settings, site: str) -> None:
        self.keycloak, self.url, self.admin = keycloak, site, keycloak.admin()
        number = next(NUMBERS)
        self.client_id, self.name = f"signals-{number}", f"charles-{number}"
        self.id = self.admin.add_client(
            self.client_id,
            "hush",
            serviceAccountsEnabled=True,
            defaultClientScopes=["basic", "email", "profile"],
            optionalClientScopes=[*SCOPES],
            attributes={
                "ssf.enabled": "true",
                "ssf.defaultSubjects": "ALL",
                "ssf.validPushUrls": f"{site}{PATH}",
            },
        )
        self.user = self.admin.add_user(self.name, PASSWORD)
        settings.OIDC_LOGOUT_PROVIDERS = {
            "default": {
                "ISSUER": keycloak.issuer,
                "CLIENT_ID": self.client_id,
                "CLIENT_SECRET": "hush",
                "ALGORITHMS": ["RS256"],
                "JWKS_URI": keycloak.endpoint("certs"),
                "TIMEOUT": 20,
                "SHARED_SIGNALS": {"AUTHORIZATION": "Bearer of-signals"},
            }
        }

    def close(self) -> None:
        self.admin.remove_client(self.id)
        self.admin.delete(f"/users/{self.user}")

    def command(self, *arguments: str, **options: object) -> str:
        out = io.StringIO()
        call_command("oidc_logout_signals", *arguments, stdout=out, **options)
        return out.getvalue()

    def sign_in(self, name: str = "", password: str = PASSWORD) -> Client:
        """Return a client that is signed in, with an ID Token of Keycloak's."""
        form = {
            "grant_type": "password",
            "scope": "openid email",
            "client_id": self.client_id,
            "client_secret": "hush",
            "username": name or self.name,
            "password": password,
        }
        response = requests.post(self.keycloak.endpoint("token"), data=form, timeout=20)
        assert response.ok, response.text
        user, _ = get_user_model().objects.get_or_create(username=name or self.name)
        request = RequestFactory().get("/")
        request.session = SessionStore()
        login(request, user, "django.contrib.auth.backends.ModelBackend")
        assert remember_login(request, response.json()["id_token"])
        request.session.save()
        client = Client()
        client.cookies[django_settings.SESSION_COOKIE_NAME] = request.session.session_key
        assert is_signed_in(client)
        return client


@pytest.fixture
def site(keycloak, settings, live_server, monkeypatch):
    # Keycloak would keep its connections, and their threads would outlive the database.
    monkeypatch.setattr(QuietWSGIRequestHandler, "protocol_version", "HTTP/1.0")
    site = Site(keycloak, settings, live_server.url.replace("localhost", "127.0.0.1"))
    yield site
    site.close()


@pytest.fixture
def told():
    seen = []

    def note(signal, sender, **arguments):
        seen.append(arguments)

    security_event.connect(note)
    yield seen
    security_event.disconnect(note)


@dataclass
class Moments:
    """When the site has received events, and when sessions have ended, by one clock."""

    received: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)


@pytest.fixture
def moments() -> Iterator[Moments]:
    seen = Moments()

    def note_request(sender, environ, **arguments):
        if environ["PATH_INFO"] == PATH:
            seen.received.append(time.monotonic())

    def note_end(sender, **arguments):
        seen.ended.append(time.monotonic())

    request_started.connect(note_request)
    session_ended.connect(note_end)
    yield seen
    request_started.disconnect(note_request)
    session_ended.disconnect(note_end)


def sign_out(site: Site) -> None:
    site.admin.log_out(site.user)


def reset_password(site: Site) -> None:
    credential = {"type": "password", "value": "analytical-1837", "temporary": False}
    site.admin.put(f"/users/{site.user}/reset-password", json=credential)


REPORTED = {"session-revoked": sign_out, "credential-change": reset_password}


@pytest.mark.parametrize("event", REPORTED)
def test_push(site: Site, told, moments: Moments, event: str) -> None:
    """The stream is created, verified and deleted by our command.

    The right sessions end within a second of the event's arrival. When it arrives is up to
    Keycloak, so that is only logged.
    """
    assert "Created" in site.command("create", site=site.url)
    site.command("verify")
    assert eventually(lambda: receipts.verified_at("default") is not None, 20)
    assert "Status: enabled" in site.command("status")

    here, elsewhere = site.sign_in(), site.sign_in()
    ada = site.sign_in("ada", "lovelace-1815")
    moments.received.clear()
    REPORTED[event](site)
    acted = time.monotonic()
    assert eventually(lambda: len(moments.ended) == 2, 20)
    assert OIDCSession.objects.count() == 1
    assert [is_signed_in(each) for each in (here, elsewhere, ada)] == [False, False, True]

    arrival = moments.received[0]
    logger.info("Keycloak sent %s %.3f s after it was told to", event, arrival - acted)
    assert max(moments.ended) - arrival < 1

    assert eventually(lambda: len(told) == 2, 20)
    assert [each["event"] for each in told] == [f"{SSF}verification", f"{CAEP}{event}"]
    site.command("delete")


def test_poll(site: Site, told) -> None:
    assert "Created" in site.command("create", poll=True)
    site.command("verify")

    def is_verified() -> bool:
        site.command("poll")
        return receipts.verified_at("default") is not None

    assert eventually(is_verified, 20)
    client, ada = site.sign_in(), site.sign_in("ada", "lovelace-1815")
    reset_password(site)

    def is_ended() -> bool:
        site.command("poll")
        return not is_signed_in(client)

    assert eventually(is_ended, 20)
    assert told[-1]["event"] == f"{CAEP}credential-change"
    assert is_signed_in(ada)
    site.command("delete")


def test_disabled_account(site: Site, told) -> None:
    """Keycloak does not report it, as the guide says, unlike a sign-out after it."""
    site.command("create", poll=True)
    client, ada = site.sign_in(), site.sign_in("ada", "lovelace-1815")
    site.admin.put(f"/users/{site.user}", json={"enabled": False})
    assert site.command("poll") == "Events received: 0, rejected: 0\n"
    assert [is_signed_in(each) for each in (client, ada)] == [True, True]
    site.admin.log_out(site.user)

    def is_told() -> bool:
        site.command("poll")
        return bool(told)

    assert eventually(is_told, 20)
    assert {each["event"] for each in told} == {f"{CAEP}session-revoked"}
    assert [is_signed_in(each) for each in (client, ada)] == [False, True]
    site.command("delete")
