"""What the tests share: an identity provider, and people who sign in through it for real."""

from __future__ import annotations

import os
import re
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.cache import cache
from django.test import Client

from django_oidc_logout.codes import EndedCode, RejectedCode
from django_oidc_logout.signals import logout_token_rejected, session_ended, signed_out
from tests.factories import ENGINES
from tests.idp import IdP
from tests.secrecy import GUARD

# The provider is on this machine, whatever proxy the machine uses.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "localhost,127.0.0.1"


@pytest.fixture(scope="session", autouse=True)
def _guard():
    with GUARD.on_duty():
        yield


@pytest.fixture(autouse=True)
def nothing_secret_is_leaked():
    """Fail a test during which a log message or a response contained a token or a secret."""
    yield
    leaks = GUARD.take()
    assert not leaks, f"Leaked a token or a secret: {leaks}"


def pytest_warning_recorded(warning_message, nodeid):
    """Search a warning that did not become an error."""
    GUARD.search(str(warning_message.message), f"a warning in {nodeid}")


@pytest.fixture(autouse=True)
def _empty_cache():
    cache.clear()


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    monkeypatch.setattr("django_oidc_logout.sessions.gone.PAUSE", 0)


@pytest.fixture
def idp(settings):
    """Return a running identity provider that the site is configured for."""
    provider = IdP()
    provider.start()
    settings.OIDC_LOGOUT_PROVIDERS = {"default": {"ISSUER": provider.issuer, "TIMEOUT": 10}}
    settings.OIDC_OP_AUTHORIZATION_ENDPOINT = f"{provider.issuer}/authorize"
    settings.OIDC_OP_TOKEN_ENDPOINT = f"{provider.issuer}/token"
    settings.OIDC_OP_USER_ENDPOINT = f"{provider.issuer}/userinfo"
    settings.OIDC_OP_JWKS_ENDPOINT = f"{provider.issuer}/jwks"
    yield provider
    provider.stop()


@pytest.fixture
def configure(settings):
    """Return a function that sets options of a provider, by default the default one."""

    def change(alias="default", **options):
        providers = settings.OIDC_LOGOUT_PROVIDERS
        entry = {**providers.get(alias, {}), **options}
        settings.OIDC_LOGOUT_PROVIDERS = {**providers, alias: entry}

    return change


@pytest.fixture
def sign_in(db, idp):
    """Return a function that signs a client in through mozilla-django-oidc's own views.

    Its arguments are claims of the ID Token.
    """

    def sign_in(client=None, **claims):
        client = client or Client()
        started = client.get("/oidc/authenticate/")
        query = parse_qs(urlsplit(started["Location"]).query)
        idp.claims = {"nonce": query["nonce"][0], **claims}
        answer = client.get("/oidc/callback/", {"code": "code", "state": query["state"][0]})
        assert answer.status_code == 302
        return client

    return sign_in


@pytest.fixture
def logout_token(idp):
    """Return a function that makes logout tokens; a claim that is MISSING is left out."""
    return idp.logout_token


@pytest.fixture(params=ENGINES)
def engine(request, settings, tmp_path):
    """Let each of Django's session engines be the configured one, and return its name."""
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{request.param}"
    settings.SESSION_FILE_PATH = str(tmp_path)
    return request.param


@pytest.fixture
def stop_clock(monkeypatch):
    """Return a function that stops the clock at a time, for the limits of sessions."""

    def stop(at):
        for module in ("lifetime", "reauthentication"):
            clock = SimpleNamespace(time=lambda: at)
            monkeypatch.setattr(f"django_oidc_logout.sessions.{module}.time", clock)

    return stop


@pytest.fixture
def signals():
    """Return the reasons of the signals that were sent."""
    seen = {"ended": [], "rejected": []}
    without_code = []

    def check_code(enum, code, reason):
        sentence = re.sub(r"\\{\w+\\}", ".*", re.escape(enum(code).sentence))
        if not re.fullmatch(sentence, reason) and code != RejectedCode.KEYS_UNAVAILABLE:
            without_code.append((code, reason))

    def ended(session, reason, code, source, **kwargs):
        seen["ended"].append((session.sid, reason))
        check_code(EndedCode, code, reason)
        if source != code.source:
            without_code.append((code, source))

    def rejected(issuer, reason, code, provider, **kwargs):
        seen["rejected"].append((issuer, reason))
        check_code(RejectedCode, code, reason)
        if bool(provider) != bool(issuer):
            without_code.append((code, provider))

    session_ended.connect(ended)
    logout_token_rejected.connect(rejected)
    yield seen
    session_ended.disconnect(ended)
    logout_token_rejected.disconnect(rejected)
    assert without_code == []


@pytest.fixture
def outcomes():
    """Return the outcomes of sign-outs, in the order of the signals."""
    seen = []

    def note(outcome, **kwargs):
        seen.append(outcome)

    signed_out.connect(note)
    yield seen
    signed_out.disconnect(note)
