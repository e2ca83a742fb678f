"""The doctor reports each mistake with its remedy, and nothing on a healthy site."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
from email.utils import formatdate
from pathlib import Path
from types import ModuleType, SimpleNamespace
from unittest.mock import Mock
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.sessions.backends.db import SessionStore
from django.core.checks import Warning  # noqa: A004
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.urls import include, path, re_path, set_script_prefix
from jwt.algorithms import RSAAlgorithm

from django_oidc_logout.conf import ProviderOptions, conf
from django_oidc_logout.doctor import addresses as doctor_addresses
from django_oidc_logout.doctor import inspected as doctor_inspected
from django_oidc_logout.doctor import provider as doctor_provider
from django_oidc_logout.doctor import reports as doctor_reports
from django_oidc_logout.doctor import site as doctor_site
from django_oidc_logout.doctor.findings import TITLES
from django_oidc_logout.doctor.recipes import VENDORS, Registration, recipe
from django_oidc_logout.exceptions import ProviderSkipped, ProviderUnavailable
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.providers import OIDCProvider, metadata
from django_oidc_logout.security_events import receipts
from tests.factories import create_row
from tests.idp import MISSING
from tests.ports import free_port

DISCOVERY = "/.well-known/openid-configuration"
SITE = "https://www.example.com"
# What a healthy site need not have a finding about, and what this provider says nothing about.
NOT_NEEDED = {
    "backend",
    "client-secret",
    "examination",
    "post-logout-uri",
    "revocation",
    "self-test",
    "sign-in-uri",
    "signals",
    "token-type",
}
DOCS = Path(__file__).parent.parent / "docs"
MIGRATIONS = Path(__file__).parent.parent / "django_oidc_logout" / "migrations"


@pytest.fixture
def site(db, idp, settings, configure, monkeypatch, tmp_path):  # noqa: PLR0913, PLR0917
    """Return a site and a provider without mistakes. A test adds one."""
    monkeypatch.setattr(doctor_site, "_seen_by_another_process", lambda *_: True)
    settings.CACHES = {"default": shared_cache(tmp_path)}
    idp.metadata |= {
        "authorization_endpoint": f"{idp.issuer}/authorize",
        "token_endpoint": f"{idp.issuer}/token",
        "userinfo_endpoint": f"{idp.issuer}/userinfo",
        "id_token_signing_alg_values_supported": ["RS256", "none"],
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "frontchannel_logout_supported": True,
        "frontchannel_logout_session_supported": True,
    }
    idp.answers["/end-session"] = {}
    return SimpleNamespace(
        idp=idp, settings=settings, configure=configure, monkeypatch=monkeypatch, tmp_path=tmp_path
    )


def shared_cache(folder):
    return {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": str(folder / "cache"),
    }


def no_providers(request):
    """Stand for a site's function in OIDC_LOGOUT_PROVIDERS that fails."""
    raise RuntimeError


def run(**options):
    """Return the command's output and exit code."""
    out = io.StringIO()
    options = {"site": SITE, "no_color": True, **options}
    try:
        call_command("oidc_logout_doctor", stdout=out, **options)
    except SystemExit as exc:
        return out.getvalue(), exc.code
    return out.getvalue(), 0


def examine(**options):
    """Return the JSON report."""
    out, code = run(format="json", **options)
    report = json.loads(out)
    assert report["ok"] == (code == 0)
    return report


def findings(report, alias="default"):
    return report["site"]["findings"] + report["providers"].get(alias, {}).get("findings", [])


def problems(report, alias="default"):
    return [finding for finding in findings(report, alias) if finding["status"] != "ok"]


def unfolded(text):
    return re.sub(r"\s+(-> )?", " ", text)


# A healthy site


def test_a_healthy_site(site):
    report = examine()
    assert problems(report) == []
    assert report["ok"]
    found = {finding["id"] for finding in findings(report)}
    assert found == TITLES.keys() - NOT_NEEDED


def test_a_healthy_site_as_text(site):
    text, code = run()
    assert code == 0
    assert text.splitlines()[-1] == f"{len(TITLES) - len(NOT_NEEDED)} checks passed."
    assert "✘" not in text
    assert "!" not in text
    assert "->" not in text
    assert site.idp.issuer in text


def test_it_removes_what_it_writes(site):
    run()
    assert list(Path(site.settings.CACHES["default"]["LOCATION"]).glob("*")) == []
    assert not SessionStore.get_model_class().objects.exists()
    assert not OIDCSession.objects.exists()


def test_it_ignores_cached_metadata(site):
    options = conf.OIDC_LOGOUT_PROVIDERS["default"]
    metadata.document(options)
    site.idp.metadata["end_session_endpoint"] = None
    (problem,) = problems(examine())
    assert problem["id"] == "end-session"


def test_it_ignores_a_cached_failure(site):
    well = site.idp.answers[DISCOVERY]
    site.idp.answers[DISCOVERY] = None
    with pytest.raises(ProviderUnavailable):
        metadata.document(conf.OIDC_LOGOUT_PROVIDERS["default"])
    site.idp.answers[DISCOVERY] = well
    assert problems(examine()) == []


def test_it_does_not_cache_a_failure(site):
    well = site.idp.answers[DISCOVERY]
    site.idp.answers[DISCOVERY] = None
    examine()
    site.idp.answers[DISCOVERY] = well
    assert metadata.document(conf.OIDC_LOGOUT_PROVIDERS["default"]) == site.idp.metadata


def test_it_prints_no_secret(site, settings):
    settings.OIDC_RP_CLIENT_SECRET = "a-secret-of-the-client"
    settings.SECRET_KEY = "a-secret-of-the-site"
    for output in [run()[0], run(format="json")[0]]:
        assert "a-secret-of" not in output


# Mistakes


def publish(**changes):
    """Return a mistake in the discovery document; None removes an entry."""

    def mistake(site):
        site.idp.metadata |= changes

    return mistake


def options(**changes):
    """Return a mistake in the options of the provider."""
    return lambda site: site.configure(**changes)


def setting(name, value):
    """Return a mistake in the settings."""
    return lambda site: setattr(site.settings, name, value)


def response(where, content):
    """Return a mistake in a response of the provider."""
    return lambda site: site.idp.answers.update({where: content})


def clock(seconds, age=None):
    """Return a provider whose clock is wrong."""

    def respond(handler):
        now = time.time() + seconds - (age or 0)
        handler.date_time_string = lambda: formatdate(now, usegmt=True)
        headers = {} if age is None else {"Age": str(age)}
        handler.json(handler.server.idp.metadata, **headers)

    return response(DISCOVERY, respond)


def date(text):
    def respond(handler):
        handler.date_time_string = lambda: text
        handler.json(handler.server.idp.metadata)

    return response(DISCOVERY, respond)


def status(code):
    return lambda handler: handler.body(b"", status=code)


def another_issuer(change):
    return lambda site: site.idp.metadata.update(issuer=change(site.idp.issuer))


def gone(site):
    site.configure(ISSUER=f"http://127.0.0.1:{free_port()}")


def urls(*names):
    """Return a mistake in the order of the URLs."""

    def mistake(site):
        module = ModuleType("urls_of_the_doctor")
        module.urlpatterns = [path("oidc/", include(name)) for name in names]
        site.monkeypatch.setitem(sys.modules, module.__name__, module)
        site.settings.ROOT_URLCONF = module.__name__

    return mistake


def takes_everything(site):
    urls("django_oidc_logout.urls")(site)
    everything = re_path("", lambda _request: None)
    sys.modules[site.settings.ROOT_URLCONF].urlpatterns.insert(0, everything)


def mozilla_view(site):
    site.settings.OIDC_OP_LOGOUT_URL_METHOD = "django_oidc_logout.backends.provider_logout_url"


def inside(site, path):
    """Return an endpoint of the provider at another host."""
    return f"{site.idp.issuer}{path}".replace("127.0.0.1", "localhost")


def refusal(code):
    """Return a provider that refuses a request for tokens."""
    return each(
        response("/token", lambda handler: refuse(handler, code)),
        lambda site: setattr(site.settings, "OIDC_OP_TOKEN_ENDPOINT", f"{site.idp.issuer}/token"),
    )


def refuse(handler, code):
    handler.body(json.dumps({"error": code}).encode(), "application/json", status=400)


def seen(*typed):
    """Return a provider that has sent logout tokens with, or without, their type."""

    def send(site):
        for is_typed in typed:
            header = {"typ": "logout+jwt" if is_typed else MISSING}
            token = site.idp.logout_token(header=header)
            form = urlencode({"logout_token": token})
            answer = Client().post(
                "/oidc/logout/backchannel/", form, "application/x-www-form-urlencoded"
            )
            assert answer.status_code == 200, answer.content

    return send


def redirect(path, location):
    """Return a provider that redirects."""
    return each(
        response(path, lambda handler: handler.body(b"", status=302, Location=location)),
        lambda site: site.settings.__setattr__(
            "OIDC_OP_AUTHORIZATION_ENDPOINT", f"{site.idp.issuer}/authorize"
        ),
    )


def keycloak(site):
    """Let the provider be one whose refusals have a known meaning."""
    site.monkeypatch.setattr(doctor_reports, "vendor_of", lambda _issuer: "keycloak")


def raising(error):
    def fail(*_, **__):
        raise error

    return fail


NEWEST = max(path.stem for path in MIGRATIONS.glob("0*.py"))


def unapplied(site):
    MigrationRecorder(connection).record_unapplied("django_oidc_logout", NEWEST)


def without_table(site):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE django_oidc_logout_oidcsession RENAME TO elsewhere")


def another_secret_key(site):
    create_row(issuer=site.idp.issuer, id_token="a-token")
    site.settings.SECRET_KEY = "another one"


def unshared(site):
    site.monkeypatch.setattr(doctor_site, "_seen_by_another_process", lambda *_: False)


def untried(site):
    site.monkeypatch.setattr(doctor_site, "_seen_by_another_process", lambda *_: None)


def cache_that_forgets(site):
    site.settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}


class Forgetful(SessionStore):
    """Does not store what is saved."""

    def load(self):
        return {}


class Undying(SessionStore):
    """Does not delete."""

    def delete(self, session_key=None):
        pass


class Failing(SessionStore):
    """Is down."""

    def save(self, must_create=False):
        raise ConnectionError("redis://:a-password@localhost")


def session_store(store):
    def mistake(site):
        module = ModuleType("sessions_of_the_doctor")
        module.SessionStore = store
        site.monkeypatch.setitem(sys.modules, module.__name__, module)
        site.settings.SESSION_ENGINE = module.__name__

    return mistake


def small_key(site):
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    public = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
    site.idp.answers["/jwks"]["keys"].append({"kid": "small", **public})


def each(*mistakes):
    def mistake(site):
        for one in mistakes:
            one(site)

    return mistake


UNSAFE = "http://idp.example.com"
# id, status, a part of the detail, a part of the remedy
MISTAKES = {
    # The client
    "no client id": (
        setting("OIDC_RP_CLIENT_ID", ""),
        ("client", "error", "CLIENT_ID is not set", "or OIDC_RP_CLIENT_ID"),
    ),
    "scopes without openid": (
        setting("OIDC_RP_SCOPES", "email"),
        ("client", "error", "without openid", 'OIDC_RP_SCOPES = "openid email"'),
    ),
    # TLS
    "plain http": (
        options(ISSUER=UNSAFE),
        ("tls", "error", "is not an https URL", "to the provider's https URL"),
    ),
    "no issuer configured": (options(ISSUER=""), ("tls", "error", 'ISSUER ""', "https URL")),
    "certificates unchecked": (
        setting("OIDC_VERIFY_SSL", False),
        ("tls", "warning", "OIDC_VERIFY_SSL is off", "REQUESTS_CA_BUNDLE"),
    ),
    # Discovery
    "connection refused": (
        gone,
        (
            "discovery",
            "error",
            "cannot be reached: the connection was refused",
            "Run curl -v http://127.0.0.1",
        ),
    ),
    "not found": (
        response(DISCOVERY, None),
        ("discovery", "error", "404", "ISSUER is the whole URL before"),
    ),
    "garbage": (
        response(DISCOVERY, lambda handler: handler.body(b"<!doctype html>")),
        ("discovery", "error", "JSON", "curl -v"),
    ),
    "hanging": (
        each(options(TIMEOUT=0.3), response(DISCOVERY, lambda handler: handler.hang())),
        ("discovery", "error", DISCOVERY, "DNS"),
    ),
    "discovery that is not needed": (
        each(
            response(DISCOVERY, None),
            lambda site: site.configure(END_SESSION_ENDPOINT=f"{site.idp.issuer}/end-session"),
        ),
        ("discovery", "warning", "The settings do not need it", "curl -v"),
    ),
    # The issuer
    "a missing trailing slash": (
        another_issuer(lambda issuer: f"{issuer}/"),
        ("issuer", "error", "the trailing slash differs", '/"'),
    ),
    "http for https": (
        another_issuer(lambda issuer: issuer.replace("http:", "https:")),
        ("issuer", "error", "one is on http, the other on https", '"https://127.0.0.1'),
    ),
    "another realm": (
        another_issuer(lambda issuer: f"{issuer}/realms/main"),
        ("issuer", "error", "the path differs, for example its realm", '/realms/main"'),
    ),
    "another case": (
        another_issuer(lambda issuer: issuer.replace("http:", "HTTP:")),
        ("issuer", "error", "upper and lower case differ", '"HTTP://127.0.0.1'),
    ),
    "another host": (
        publish(issuer="https://inner.example.com"),
        ("issuer", "error", "the host differs", "publish its public URL"),
    ),
    "no issuer": (publish(issuer=None), ("issuer", "error", "does not name an issuer", "ISSUER")),
    "an issuer that is not text": (
        publish(issuer=5),
        ("issuer", "error", "does not name an issuer", "I"),
    ),
    # The clock
    "an hour ahead": (clock(3600), ("clock", "error", "s ahead.", "Set both clocks with NTP")),
    "an hour behind": (clock(-3600), ("clock", "error", "s behind.", "Set both clocks with NTP")),
    "a little ahead": (clock(30), ("clock", "warning", "s ahead.", "NTP")),
    "a little behind": (clock(-30), ("clock", "warning", "s behind.", "NTP")),
    "ahead, from a cache": (clock(3600, age=600), ("clock", "error", "s ahead.", "NTP")),
    # The registration
    "a client secret that is wrong": (
        refusal("invalid_client"),
        ("client-secret", "error", '"site" with its secret (invalid_client)', "by post"),
    ),
    "a client that the provider does not let in": (
        each(refusal("unauthorized_client"), setting("OIDC_TOKEN_USE_BASIC_AUTH", True)),
        ("client-secret", "error", "nobody can sign in", "with basic authentication"),
    ),
    "a redirect URI that is not registered": (
        each(response("/authorize", status(400)), keycloak),
        ("sign-in-uri", "error", f"to {SITE}/oidc/callback/", f"exactly {SITE}/oidc/callback/"),
    ),
    "a client without the code flow": (
        redirect("/authorize", f"{SITE}/oidc/callback/?error=unauthorized_client"),
        ("sign-in-uri", "error", "each sign-in (unauthorized_client)", "the code flow"),
    ),
    "a post-logout redirect URI that is not registered": (
        each(response("/end-session", status(400)), keycloak),
        ("post-logout-uri", "error", f"{SITE}/oidc/logout/callback/", "the slash at the end"),
    ),
    # The end_session_endpoint
    "no end-session endpoint": (
        publish(end_session_endpoint=None),
        ("end-session", "error", "does not publish an end_session", "Enable RP-initiated logout"),
    ),
    "an end-session endpoint on http": (
        publish(end_session_endpoint=UNSAFE),
        ("end-session", "error", UNSAFE, "END_SESSION_ENDPOINT"),
    ),
    "an end-session endpoint that is not text": (
        publish(end_session_endpoint=["\x1b[31m"]),
        ("end-session", "error", r'["\u001b[31m"]', "END_SESSION_ENDPOINT"),
    ),
    "an end-session endpoint that is gone": (
        response("/end-session", None),
        ("end-session-answer", "error", "404", "Check the URL"),
    ),
    "an end-session endpoint that is broken": (
        response("/end-session", status(503)),
        ("end-session-answer", "warning", "503", "the provider works"),
    ),
    "an end-session endpoint out of reach": (
        lambda site: site.configure(END_SESSION_ENDPOINT=f"http://127.0.0.1:{free_port()}/"),
        ("end-session-answer", "error", "the connection was refused", "Check the URL"),
    ),
    # The channels
    "no back-channel": (
        publish(backchannel_logout_supported=False, frontchannel_logout_supported=None),
        ("back-channel", "warning", "neither back-channel nor", "Enable one at the provider"),
    ),
    "a back-channel without sid": (
        publish(backchannel_logout_session_supported=None),
        ("back-channel", "warning", "not announce a sid", "Enable the sid"),
    ),
    "a front-channel without sid": (
        publish(frontchannel_logout_session_supported="true"),
        ("front-channel", "warning", "not announce iss and sid", "Enable iss and sid"),
    ),
    # Algorithms and keys
    "HS256, but the provider signs with RS256": (
        setting("OIDC_RP_SIGN_ALGO", "HS256"),
        (
            "algorithms",
            "error",
            "The settings allow HS256, but the provider signs with RS256",
            'Set OIDC_RP_SIGN_ALGO = "RS256".',
        ),
    ),
    "providers that cannot be read": (
        lambda site: setattr(site.settings, "OIDC_LOGOUT_PROVIDERS", f"{__name__}.no_providers"),
        ("providers", "error", "no_providers failed: RuntimeError.", "in manage.py shell"),
    ),
    "another algorithm": (
        each(
            options(ALGORITHMS=["RS256"]),
            publish(id_token_signing_alg_values_supported=["none", 5, "ES256"]),
        ),
        ("algorithms", "error", "with ES256", '"default"]["ALGORITHMS"] = ["ES256"].'),
    ),
    "an unknown algorithm": (
        publish(id_token_signing_alg_values_supported=["XX1\x1b"]),
        ("algorithms", "error", r"with XX1\u001b", '= "RS256".'),
    ),
    "HS256, but the provider supports both": (
        each(
            setting("OIDC_RP_SIGN_ALGO", "HS256"),
            publish(id_token_signing_alg_values_supported=["RS256", "HS256"]),
        ),
        ("algorithms", "warning", "only HS256", 'Set OIDC_RP_SIGN_ALGO = "RS256", unless'),
    ),
    "HS256 without a secret": (
        each(
            setting("OIDC_RP_CLIENT_SECRET", ""),
            setting("OIDC_RP_SIGN_ALGO", "HS256"),
            publish(id_token_signing_alg_values_supported=["HS256"]),
        ),
        ("algorithms", "error", "CLIENT_SECRET is not set", '["CLIENT_SECRET"]'),
    ),
    "no keys": (
        response("/jwks", {"keys": []}),
        ("keys", "error", "0 of 0 published keys fit RS256", "what the provider signs with"),
    ),
    "a key set that is not a list": (
        response("/jwks", {"keys": "key"}),
        ("keys", "error", "0 of 0 published keys", "JWKS_URI"),
    ),
    "keys of another kind": (
        response(
            "/jwks", {"keys": [{"kty": "EC", "kid": "1"}, "key", {"kty": "RSA", "use": "enc"}]}
        ),
        ("keys", "error", "0 of 3 published keys fit RS256", "OIDC_RP_SIGN_ALGO"),
    ),
    "keys that cannot be fetched": (
        response("/jwks", status(503)),
        ("keys", "error", "503", "OIDC_OP_JWKS_ENDPOINT is correct"),
    ),
    "no jwks_uri": (
        each(options(JWKS_URI=""), publish(jwks_uri=None)),
        ("keys", "error", "does not publish a jwks_uri", '["JWKS_URI"]'),
    ),
    "keys on http": (
        each(options(JWKS_URI=""), publish(jwks_uri=UNSAFE)),
        ("keys", "error", UNSAFE, '["JWKS_URI"]'),
    ),
    "a small key": (
        small_key,
        ("keys", "warning", 'The key "small" is too short', "the provider replace it"),
    ),
    "a key without its modulus": (
        lambda site: site.idp.answers["/jwks"]["keys"].append({"kty": "RSA", "kid": "odd"}),
        ("keys", "warning", 'The key "odd" cannot be read', "the provider replace it"),
    ),
    # URLs
    "another token endpoint": (
        setting("OIDC_OP_TOKEN_ENDPOINT", "https://other.example.com/oauth/token"),
        ("endpoints", "warning", "OIDC_OP_TOKEN_ENDPOINT", '/token", unless'),
    ),
    "another jwks_uri": (
        lambda site: (
            site.configure(JWKS_URI=f"{site.idp.issuer}/other"),
            site.idp.answers.update({"/other": site.idp.answers["/jwks"]}),
        ),
        ("endpoints", "warning", '["JWKS_URI"]', '/jwks", unless'),
    ),
    "a stream that was never verified": (
        options(SHARED_SIGNALS={}),
        ("signals", "warning", "has not been verified", "oidc_logout_signals verify"),
    ),
    "an end-session endpoint for the site and not for browsers": (
        lambda site: (
            site.configure(END_SESSION_ENDPOINT=inside(site, "/end-session")),
            site.idp.metadata.update(end_session_endpoint="https://id.example.com/end-session"),
        ),
        ("endpoints", "warning", '["END_SESSION_ENDPOINT"]', "browsers follow it"),
    ),
    "no revocation endpoint": (
        each(setting("OIDC_LOGOUT_REVOKE_TOKENS", True), publish(revocation_endpoint=None)),
        ("revocation", "error", "does not publish a revocation", '["REVOCATION_ENDPOINT"]'),
    ),
    "a provider class that does not exist": (
        options(BACKEND="nowhere.Provider"),
        ("backend", "error", "BACKEND", "Set BACKEND to a subclass of"),
    ),
    "another callback": (
        options(POST_LOGOUT_REDIRECT_URI=f"{SITE}/bye/"),
        ("addresses", "warning", f"{SITE}/bye/", "/oidc/logout/callback/"),
    ),
    # The site
    "a callable that does not exist": (
        setting("OIDC_LOGOUT_PROVIDERS", "nowhere.providers"),
        ("providers", "error", "nowhere", "Run nowhere.providers() in manage.py shell"),
    ),
    "an unknown key": (
        options(ISSUERS="https://idp.example.com"),
        ("oidc_logout.E002", "error", "unknown key 'ISSUERS'", "The keys are ISSUER"),
    ),
    "URLs not included": (
        urls("mozilla_django_oidc.urls"),
        ("urls", "error", "not included", 'include("django_oidc_logout.urls")'),
    ),
    "URLs in the wrong order": (
        urls("mozilla_django_oidc.urls", "django_oidc_logout.urls"),
        (
            "urls",
            "error",
            "/oidc/logout/ is served by mozilla_django_oidc.views.OIDCLogoutView",
            'Move path("oidc/", include("django_oidc_logout.urls")) before it',
        ),
    ),
    "URLs behind a pattern that matches everything": (
        takes_everything,
        ("urls", "error", "/oidc/logout/status/ is served by", "before it: Django uses the first"),
    ),
    "URLs that the settings do not need": (
        each(urls("mozilla_django_oidc.urls"), mozilla_view),
        ("urls", "warning", "Not included, which the settings allow", "To be notified"),
    ),
    "URLs that cannot be loaded": (
        setting("ROOT_URLCONF", "nowhere"),
        ("urls", "error", "cannot be loaded: ModuleNotFoundError", "manage.py check"),
    ),
    "a migration that is not applied": (
        unapplied,
        ("database", "error", NEWEST, "manage.py migrate django_oidc_logout"),
    ),
    "a table that is missing": (
        without_table,
        ("database", "error", "cannot be read", "manage.py migrate django_oidc_logout"),
    ),
    "no secret key": (
        setting("SECRET_KEY", ""),
        ("encryption", "error", "cannot be encrypted", "Set SECRET_KEY"),
    ),
    "another secret key": (
        another_secret_key,
        ("encryption", "warning", "1 of the newest sessions", "Unless the previous"),
    ),
    "sessions that are not stored": (
        session_store(Forgetful),
        ("sessions", "error", "does not load what it saved", "run manage.py migrate"),
    ),
    "sessions that are not deleted": (
        session_store(Undying),
        ("sessions", "error", "does not delete", "run manage.py migrate"),
    ),
    "sessions that are down": (
        session_store(Failing),
        ("sessions", "error", "raises ConnectionError", "run manage.py migrate"),
    ),
    "a cache that stores nothing": (
        cache_that_forgets,
        ("cache", "error", "does not store values", "Redis, Memcached or the database"),
    ),
    "a cache that is not shared": (
        unshared,
        ("cache-shared", "error", "Each process has its own default cache", 'CACHES["default"]'),
    ),
    "a cache that cannot be tried": (
        untried,
        ("cache-shared", "warning", "could not be started", "DJANGO_SETTINGS_MODULE"),
    ),
}


@pytest.mark.parametrize(("mistake", "expected"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake(site, mistake, expected):
    mistake(site)
    name, severity, detail, remedy = expected
    report = examine()
    found = [finding for finding in problems(report) if finding["id"] == name]
    assert [finding["status"] for finding in found] == [severity]
    assert detail in found[0]["detail"]
    assert remedy in found[0]["remedy"]

    text, code = run()
    assert code == (0 if report["ok"] else 1)
    assert detail in unfolded(text)
    assert remedy in unfolded(text)
    assert ("✘" if severity == "error" else "!") in text


@pytest.mark.parametrize("mistake", [name for name in MISTAKES if name.startswith("URLs")])
def test_a_mistake_in_the_urls_is_one_finding(site, mistake):
    MISTAKES[mistake][0](site)
    assert [problem["id"] for problem in problems(examine())] == ["urls"]


# The clock, to the second

NOON = 1_800_000_000


@pytest.mark.parametrize(
    ("headers", "ahead"),
    [
        ({"Date": formatdate(NOON, usegmt=True)}, (-3, 1)),
        ({"Date": formatdate(NOON + 60, usegmt=True)}, (57, 61)),
        ({"Date": formatdate(NOON - 60, usegmt=True)}, (-63, -59)),
        ({"Date": formatdate(NOON - 600, usegmt=True), "Age": "600"}, (-3, 1)),
        ({"Date": formatdate(NOON - 600, usegmt=True), "Age": "0"}, (-603, -599)),
        ({"Date": formatdate(NOON, usegmt=True), "Age": "soon"}, None),
        ({"Date": formatdate(NOON, usegmt=True), "Age": "9" * 400}, None),
        ({"Date": "noon"}, None),
        ({"Date": ""}, None),
        ({}, None),
    ],
)
def test_the_offset_of_a_clock(headers, ahead):
    assert doctor_inspected._ahead(headers, NOON + 1, NOON + 3) == ahead


@pytest.mark.parametrize(
    ("ahead", "status", "expected"),
    [
        ((-3, 1), "ok", "agrees"),
        ((0, 4), "ok", "agrees"),
        ((5, 9), "ok", "agrees"),
        ((6, 10), "warning", "6 s ahead."),
        ((-10, -6), "warning", "6 s behind."),
        ((60, 64), "warning", "60 s ahead."),
        ((61, 65), "error", "61 s ahead. Its logout tokens are rejected."),
        ((-65, -61), "error", "61 s behind. Its logout tokens look old and may be rejected."),
    ],
)
def test_the_offset_decides_the_status(ahead, status, expected):
    published = doctor_inspected.Published(document={}, ahead=ahead)
    provider = OIDCProvider(ProviderOptions(alias="default", issuer="https://idp.example.com"))
    inspected = doctor_inspected.InspectedProvider(provider=provider, metadata=published)
    (finding,) = doctor_provider.clock(inspected)
    assert finding.status == status
    assert expected in finding.detail


# What is not a mistake


def details(report, name, alias="default"):
    return [finding["detail"] for finding in findings(report, alias) if finding["id"] == name]


RIGHT = {
    "a client secret": (refusal("invalid_grant"), ("client-secret", "accepts the client")),
    "a client secret, with basic authentication": (
        each(refusal("invalid_grant"), setting("OIDC_TOKEN_USE_BASIC_AUTH", True)),
        ("client-secret", "accepts the client"),
    ),
    "a registered redirect URI": (
        redirect("/authorize", f"{SITE}/oidc/callback/?error=login_required&state=x"),
        ("sign-in-uri", f"Registered: {SITE}/oidc/callback/"),
    ),
    "a registered post-logout redirect URI": (
        redirect("/end-session", f"{SITE}/oidc/logout/callback/"),
        ("post-logout-uri", f"Registered: {SITE}/oidc/logout/callback/"),
    ),
    "tokens with their type": (
        seen(True),
        ("token-type", '["REQUIRE_TYP"] = True: then'),
    ),
    "tokens without their type": (seen(True, False), ("token-type", "keep")),
    "only tokens with their type": (options(REQUIRE_TYP=True), ("token-type", "Only")),
    "two host names": (
        lambda site: (
            setting("OIDC_OP_TOKEN_ENDPOINT", inside(site, "/token"))(site),
            setting("OIDC_OP_JWKS_ENDPOINT", inside(site, "/jwks"))(site),
        ),
        ("endpoints", "publishes. The site itself asks localhost:"),
    ),
    "an end-session endpoint with a query": (
        lambda site: site.idp.metadata.update(
            end_session_endpoint=f"{site.idp.issuer}/end-session?a=b"
        ),
        ("end-session", "/end-session?a=b Its query is kept."),
    ),
    "an end-session endpoint with a name of its own": (
        each(
            options(BACKEND="django_oidc_logout.providers.PingFederateProvider"),
            lambda site: site.idp.metadata.update(
                ping_end_session_endpoint=site.idp.metadata.pop("end_session_endpoint")
            ),
        ),
        ("end-session", "/end-session"),
    ),
    "an end-session endpoint that requires parameters": (
        response("/end-session", status(400)),
        ("end-session-answer", "400 to a request"),
    ),
    "no front-channel": (
        publish(frontchannel_logout_supported=None),
        ("front-channel", "Not supported, but the back-channel is."),
    ),
    "the front-channel alone": (
        publish(backchannel_logout_supported=None),
        ("back-channel", "Not supported, but the front-channel is."),
    ),
    "a shared secret": (
        each(
            setting("OIDC_RP_SIGN_ALGO", "HS256"),
            setting("SILENCED_SYSTEM_CHECKS", ["oidc_logout.W006"]),
            publish(id_token_signing_alg_values_supported=["HS256"]),
        ),
        ("keys", "Not needed"),
    ),
    "algorithms that are not published": (
        publish(id_token_signing_alg_values_supported=None),
        ("algorithms", "RS256."),
    ),
    "a response from a cache": (clock(0, age=7200), ("clock", "agrees with this machine's")),
    "a stream that was verified": (
        each(options(SHARED_SIGNALS={}), lambda _: receipts.note_verification("default")),
        ("signals", "The stream was last verified at 2"),
    ),
    "a revocation endpoint": (
        setting("OIDC_LOGOUT_REVOKE_TOKENS", True),
        ("revocation", "/revoke"),
    ),
    "an endpoint with a query": (
        lambda site: setattr(
            site.settings, "OIDC_OP_TOKEN_ENDPOINT", f"{site.idp.issuer}/token?tenant=1"
        ),
        ("endpoints", "The settings match what the provider publishes."),
    ),
    "sessions in cookies": (
        setting("SESSION_ENGINE", "django.contrib.sessions.backends.signed_cookies"),
        ("sessions", "signed_cookies: a session lives as long as its row."),
    ),
    "a cache for each process, with DEBUG": (
        each(unshared, setting("DEBUG", True)),
        ("cache-shared", "is enough for DEBUG only"),
    ),
    "a script prefix": (
        setting("FORCE_SCRIPT_NAME", "/prefix"),
        ("urls", "/prefix/oidc/logout/ is served by this package."),
    ),
    "mozilla's view, as the settings allow": (
        each(urls("mozilla_django_oidc.urls", "django_oidc_logout.urls"), mozilla_view),
        ("urls", "/oidc/logout/ is served by another view, which the settings allow."),
    ),
    "a silenced check of the order of the URLs": (
        each(
            urls("mozilla_django_oidc.urls", "django_oidc_logout.urls"),
            setting("SILENCED_SYSTEM_CHECKS", ["oidc_logout.E017"]),
        ),
        ("urls", "/oidc/logout/ is served by another view, which the settings allow."),
    ),
    "a silenced check": (
        each(
            options(CLIENT="site"),
            setting("SILENCED_SYSTEM_CHECKS", ["oidc_logout.E002"]),
        ),
        ("checks", "All checks of this package pass."),
    ),
}


def test_a_response_without_a_valid_date_says_nothing_about_the_clock(site):
    """Keycloak sends no Date at all."""
    date("today")(site)
    report = examine()
    assert problems(report) == []
    assert details(report, "clock") == []


@pytest.mark.parametrize(
    "change",
    {
        "unclear refusals": each(
            response("/authorize", status(400)), response("/end-session", status(400))
        ),
        "another redirect": each(
            redirect("/authorize", "https://idp.example.com/sign-in"),
            redirect("/end-session", "https://idp.example.com/error"),
        ),
        "an error of another kind": refusal("invalid_request"),
        "no site": lambda site: site.settings.__setattr__(
            "OIDC_OP_AUTHORIZATION_ENDPOINT", f"{site.idp.issuer}/authorize"
        ),
        "nobody there": each(
            setting("OIDC_OP_TOKEN_ENDPOINT", f"http://127.0.0.1:{free_port()}/"),
            setting("OIDC_OP_AUTHORIZATION_ENDPOINT", f"http://127.0.0.1:{free_port()}/"),
        ),
        "no such URL": setting("OIDC_AUTHENTICATION_CALLBACK_URL", "nowhere"),
        "a way back that needs the hint": lambda site: site.monkeypatch.setattr(
            OIDCProvider, "parameters", lambda *_: {"client_id": "site"}
        ),
        "a provider that needs a session": lambda site: site.monkeypatch.setattr(
            OIDCProvider, "parameters", raising(ProviderSkipped("It needs a session."))
        ),
    }.values(),
)
def test_what_says_nothing_about_the_registration(site, change):
    change(site)
    report = examine()
    kinds = {"client-secret", "sign-in-uri", "post-logout-uri"}
    assert not kinds & {finding["id"] for finding in findings(report)}
    assert not [p for p in problems(report) if p["id"] != "endpoints"]


@pytest.mark.parametrize("base", ["", "https://your.site"])
def test_a_site_whose_url_is_unknown_is_not_tried(site, base):
    report = examine(site=base)
    assert ["addresses" in {p["id"] for p in problems(report)}] == [not base]


def test_a_channel_that_is_not_offered_is_not_to_be_registered(site):
    publish(frontchannel_logout_supported=False)(site)
    assert examine()["providers"]["default"]["register"].keys() == {
        "post_logout_redirect_uri",
        "backchannel_logout_uri",
    }
    assert "Front-channel logout URI" not in run()[0]


# The self-test


SELF_TEST = {
    "this package": (lambda handler: refuse(handler, "invalid_request"), "ok", "rejects garbage"),
    "another 400": (status(400), "error", "Check which site responds"),
    "another package": (lambda handler: refuse(handler, "bad"), "error", "Check which site"),
    "a page": (status(200), "error", "Check which site responds"),
    "a login in front": (
        lambda handler: handler.body(b"", status=302, Location="https://www.example.com/login/"),
        "error",
        "without a login",
    ),
    "credentials": (status(401), "error", "without credentials"),
    "a firewall": (status(403), "error", "from the firewall"),
    "another site": (None, "error", "passes the path on"),
    "no POST": (status(405), "error", "lets POST requests through"),
    "broken": (status(502), "error", "log of the site"),
}


@pytest.mark.parametrize(("response", "severity", "expected"), SELF_TEST.values(), ids=SELF_TEST)
def test_the_self_test(site, response, severity, expected):
    site.idp.answers["/back"] = response
    (found,) = [
        finding
        for finding in findings(examine(self_test=f"{site.idp.issuer}/back"))
        if finding["id"] == "self-test"
    ]
    assert found["status"] == severity
    assert expected in found["detail"] + found["remedy"]
    assert site.idp.form == {"logout_token": "sent-by-the-doctor"}


def test_the_self_test_derives_the_url(site):
    site.idp.answers["/oidc/logout/backchannel/"] = lambda h: refuse(h, "invalid_request")
    (detail,) = details(examine(site=site.idp.issuer, self_test=""), "self-test")
    assert detail.startswith(f"{site.idp.issuer}/oidc/logout/backchannel/ rejects")


def test_the_self_test_without_a_url(site):
    problem = [p for p in problems(examine(site="", self_test="")) if p["id"] == "self-test"]
    assert "--site" in problem[0]["remedy"]


def test_the_self_test_of_nobody(site):
    problem = problems(examine(self_test=f"http://127.0.0.1:{free_port()}/"))
    assert "refused" in problem[0]["detail"]
    assert "firewall" in problem[0]["remedy"]


def test_the_self_test_of_this_site(site, live_server):
    """It is a real one."""
    address = f"{live_server.url}/oidc/logout/backchannel/"
    assert problems(examine(self_test=address)) == []


@pytest.fixture
def _restored_prefix():
    yield
    set_script_prefix("/")


@pytest.mark.usefixtures("_restored_prefix")
@pytest.mark.parametrize(("change", "expected"), RIGHT.values(), ids=RIGHT)
def test_what_is_right(site, change, expected):
    change(site)
    set_script_prefix(site.settings.FORCE_SCRIPT_NAME or "/")
    report = examine()
    name, detail = expected
    assert problems(report) == []
    (found,) = details(report, name)
    assert detail in found


def test_unknown_metadata_is_not_reported(site):
    gone(site)
    site.configure(JWKS_URI="")
    site.settings.OIDC_LOGOUT_REVOKE_TOKENS = True
    report = examine()
    assert [problem["id"] for problem in problems(report)] == ["discovery"]
    unknown = {"issuer", "clock", "end-session", "back-channel", "keys", "endpoints", "revocation"}
    assert not unknown & {finding["id"] for finding in findings(report)}
    assert details(report, "algorithms") == ["RS256."]


def test_no_readable_key(site):
    site.idp.answers["/jwks"] = {"keys": [{"kty": "RSA", "kid": "odd"}]}
    warning, error = problems(examine())
    assert (warning["id"], warning["status"]) == ("keys", "warning")
    assert (error["id"], error["status"]) == ("keys", "error")
    assert error["detail"] == "0 of 1 published keys fit RS256."


# TLS


def test_a_certificate_that_is_not_trusted(site, tls_idp):
    site.configure(ISSUER=tls_idp.issuer, END_SESSION_ENDPOINT=f"{tls_idp.issuer}/end-session")
    site.settings.OIDC_OP_JWKS_ENDPOINT = f"{tls_idp.issuer}/jwks"
    report = examine()
    tls, answers, keys = problems(report)
    assert tls["id"] == "tls"
    assert "is not valid: self-signed certificate." in tls["detail"]
    assert "REQUESTS_CA_BUNDLE" in tls["remedy"]
    for problem in answers, keys:
        assert problem["status"] == "error"
        assert "not valid (self-signed certificate)" in problem["detail"]


def test_a_trusted_certificate(site, tls_idp, certificate):
    site.configure(ISSUER=tls_idp.issuer)
    site.settings.OIDC_VERIFY_SSL = certificate
    assert details(examine(), "tls") == ["The certificate is valid."]


# Provider classes


@pytest.mark.parametrize("name", ["Auth0Provider", "WorkOSProvider"])
def test_an_endpoint_of_a_provider_class(site, name):
    site.configure(BACKEND=f"django_oidc_logout.providers.{name}")
    site.configure(END_SESSION_ENDPOINT=f"{site.idp.issuer}/end-session")
    site.idp.metadata["end_session_endpoint"] = None
    report = examine()
    assert problems(report) == []
    assert details(report, "end-session") == [f"{site.idp.issuer}/end-session"]


def test_a_provider_without_an_endpoint(site):
    site.configure(BACKEND="django_oidc_logout.providers.GoogleProvider")
    report = examine(site="", vendor="keycloak")
    assert problems(report) == []
    (detail,) = details(report, "end-session")
    assert detail.endswith("Sign-out is local, and the page says so.")
    assert report["providers"]["default"]["register"] == {}
    assert report["providers"]["default"]["recipe"] == ""
    assert "Register at the provider" not in run()[0]


# Several providers, or none


def test_each_provider_is_inspected(site):
    site.configure("other", ISSUER=site.idp.issuer, CLIENT_ID="site-2", JWKS_URI="")
    report = examine()
    assert list(report["providers"]) == ["default", "other"]
    assert problems(report, "other") == []
    assert details(report, "client", "other") == ["site-2"]


def test_one_provider_is_inspected(site):
    site.configure("other", ISSUER=site.idp.issuer, CLIENT_ID="site-2")
    assert list(examine(provider="other")["providers"]) == ["other"]
    assert "Provider default" not in run(provider="other")[0]


def test_mozilla_settings_are_only_about_the_default_provider(site):
    site.configure("other", ISSUER=site.idp.issuer, CLIENT_ID="site-2")
    site.settings.OIDC_RP_SCOPES = "email"
    site.settings.OIDC_OP_TOKEN_ENDPOINT = "https://other.example.com/token"
    assert problems(examine(provider="other"), "other") == []


def test_a_remedy_names_the_settings_of_its_provider(site):
    site.configure("other", ISSUER=site.idp.issuer, ALGORITHMS=["ES256"])
    client, algorithms, keys = problems(examine(provider="other"), "other")[1:]
    assert client["remedy"] == 'Set OIDC_LOGOUT_PROVIDERS["other"]["CLIENT_ID"].'
    assert algorithms["remedy"] == 'Set OIDC_LOGOUT_PROVIDERS["other"]["ALGORITHMS"] = ["RS256"].'
    assert keys["status"] == "error"


@pytest.mark.parametrize("unknown", ["others", ""])
def test_a_provider_that_is_not_configured(site, unknown):
    site.configure("other", ISSUER=site.idp.issuer)
    with pytest.raises(CommandError, match=r"It contains 'default', 'other'\."):
        run(provider=unknown)


@pytest.mark.parametrize("configured", [None, {}, "https://idp.example.com"])
def test_no_provider(site, configured):
    site.settings.OIDC_LOGOUT_PROVIDERS = configured
    with pytest.raises(CommandError, match=r"It contains nothing\."):
        run(provider="default")
    report = examine()
    assert report["providers"] == {}
    assert "oidc_logout.E001" in {problem["id"] for problem in problems(report)}


# What cannot be inspected


BROKEN = {
    "a time-out": {"TIMEOUT": "3"},
    "an issuer": {"ISSUER": 5},
    "algorithms": {"ALGORITHMS": 5},
    "a client id": {"CLIENT_ID": ["site"]},
    "an address": {"POST_LOGOUT_REDIRECT_URI": 5},
    "an endpoint": {"END_SESSION_ENDPOINT": 5},
    "keys": {"JWKS_URI": 5},
    "a secret": {"CLIENT_SECRET": 5},
}


@pytest.mark.parametrize("given", ["", SITE])
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_settings_of_the_wrong_kind(site, broken, given):
    site.configure(**broken)
    (key,) = broken
    report = examine(site=given, vendor="keycloak")
    errors = {problem["id"]: problem["detail"] for problem in problems(report)}
    assert f"[{key!r}] is invalid" in errors["oidc_logout.E004"]
    assert run(site=given, vendor="keycloak")[1] == 1


def test_mozillas_settings_of_the_wrong_kind(site):
    """No system check of the package reports these."""
    site.settings.OIDC_PROXY = 5
    details = {problem["id"]: problem["detail"] for problem in problems(examine())}
    assert details["discovery"] == "The settings are invalid: TypeError."


def test_a_provider_that_cannot_be_inspected(site, monkeypatch):
    monkeypatch.setattr(doctor_reports, "inspect_provider", raising(RuntimeError("a-secret")))
    (problem,) = problems(examine())
    assert problem["detail"] == "The inspection of the provider failed with RuntimeError."


def test_a_check_that_fails(site, monkeypatch):
    monkeypatch.setattr(doctor_site, "run_checks", raising(RuntimeError("a-secret")))
    (problem,) = problems(examine())
    assert problem["id"] == "examination"
    assert problem["detail"] == "The inspection of system checks failed with RuntimeError."
    assert "the other findings" in problem["remedy"]


def test_a_check_with_nothing_but_a_message(site, monkeypatch):
    message = Warning("Something is odd.")
    monkeypatch.setattr(doctor_site, "run_checks", lambda **_: [message])
    assert problems(examine()) == [
        {
            "id": "checks",
            "code": "checks",
            "status": "warning",
            "title": "System checks",
            "detail": "Something is odd.",
            "remedy": "",
        }
    ]


ODD = [None, 5, True, [], {}, [5, ["RS256"]], "http://[", "\ud800", "x" * 5000]


@pytest.mark.parametrize("odd", ODD, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("where", ["metadata", "keys", "key", "kid"])
def test_any_published_value_can_be_inspected(site, where, odd):
    key = site.idp.answers["/jwks"]["keys"][0]
    if where == "metadata":
        site.idp.metadata |= dict.fromkeys(site.idp.metadata, odd)
    else:
        odd_keys = {"keys": odd, "key": [odd], "kid": [dict.fromkeys(key, odd), key | {"n": odd}]}
        site.idp.answers["/jwks"] = {"keys": odd_keys[where]}
    report = examine()
    assert "examination" not in {problem["id"] for problem in problems(report)}
    assert (run()[1] == 0) == report["ok"]


# The cache, with a second process


@pytest.fixture
def second_process(monkeypatch, tmp_path):
    """Return a function that sets the settings of other processes of this project."""

    def settings(lines):
        (tmp_path / "settings_of_the_doctor.py").write_text(
            f"from tests.settings import *\n{lines}"
        )
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "settings_of_the_doctor")

    return settings


@pytest.mark.parametrize("is_shared", [True, False])
def test_a_second_process(settings, second_process, tmp_path, is_shared):
    settings.CACHES = {"default": shared_cache(tmp_path)}
    second_process(f"CACHES = {settings.CACHES!r}" if is_shared else "")
    (_, shared) = doctor_site.cache(None)
    assert shared.id == "cache-shared"
    assert shared.status == ("ok" if is_shared else "error")


def test_a_second_process_that_fails(settings, second_process, tmp_path):
    second_process("raise SystemExit(1)")
    (_, shared) = doctor_site.cache(None)
    assert shared.status == "warning"


def test_no_second_process(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    (_, shared) = doctor_site.cache(None)
    assert shared.status == "warning"


def test_a_project_in_which_nothing_works(second_process, idp, monkeypatch):
    second_process(f"""
OIDC_LOGOUT_PROVIDERS = {{"default": {{"ISSUER": "http://127.0.0.1:{free_port()}"}}}}
OIDC_LOGOUT_GET = "ask"
ROOT_URLCONF = "nowhere"
""")
    process = subprocess.run(
        [sys.executable, "-m", "django", "oidc_logout_doctor", "--format", "json"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 1
    assert "Traceback" not in process.stderr
    errors = {problem["id"] for problem in problems(json.loads(process.stdout))}
    assert errors >= {"oidc_logout.E006", "urls", "database", "cache-shared", "discovery"}


# What to register

REGISTER = {
    "post_logout_redirect_uri": "/oidc/logout/callback/",
    "backchannel_logout_uri": "/oidc/logout/backchannel/",
    "frontchannel_logout_uri": "/oidc/logout/frontchannel/",
}


def addresses(**given):
    report = examine(**given)
    (found,) = [finding for finding in findings(report) if finding["id"] == "addresses"]
    return found, report["providers"]["default"]["register"]


@pytest.mark.parametrize("base", [SITE, "http://localhost:8000", f"{SITE}/prefix"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_the_url_from_the_option(site, base, slash):
    found, register = addresses(site=base + slash)
    assert (found["status"], found["detail"]) == ("ok", f"{base}{slash}, from --site.")
    assert register == {name: f"{base}{path}" for name, path in REGISTER.items()}


def test_the_url_from_the_setting(site):
    own = f"{SITE}:8443/oidc/logout/callback/"
    site.configure(POST_LOGOUT_REDIRECT_URI=own)
    found, register = addresses(site="")
    detail = f"{SITE}:8443, from POST_LOGOUT_REDIRECT_URI."
    assert (found["status"], found["detail"]) == ("ok", detail)
    assert register == {name: f"{SITE}:8443{path}" for name, path in REGISTER.items()}
    _, register = addresses()
    assert register["post_logout_redirect_uri"] == own
    assert register["backchannel_logout_uri"] == f"{SITE}/oidc/logout/backchannel/"


def test_the_placeholder_url(site):
    found, register = addresses(site="")
    assert found["status"] == "warning"
    assert "https://your.site is a placeholder" in found["detail"]
    assert "--site https://www.example.com" in found["remedy"]
    assert register == {name: f"https://your.site{path}" for name, path in REGISTER.items()}


@pytest.mark.parametrize(
    "current", [lambda _: SimpleNamespace(domain="www.example.com"), raising(DatabaseError)]
)
def test_the_url_from_django_sites(site, monkeypatch, current):
    monkeypatch.setattr(doctor_addresses.apps, "is_installed", lambda _: True)
    monkeypatch.setattr(doctor_addresses, "get_current_site", current)
    found, _ = addresses(site="")
    assert found["detail"] in {
        "https://www.example.com, from django.contrib.sites.",
        "The site's URL is not known: https://your.site is a placeholder.",
    }


@pytest.mark.parametrize("base", ["http://www.example.com", "www.example.com", "//"])
def test_a_url_that_is_not_https(site, base):
    found, _ = addresses(site=base)
    assert found["status"] == "error"
    assert f'"{base}" (--site) is not an https URL' in found["detail"]
    assert "Serve the site on https" in found["remedy"]


def test_nothing_to_register_without_urls(site):
    urls("mozilla_django_oidc.urls")(site)
    assert examine()["providers"]["default"]["register"] == {}


def registration():
    return Registration(**{name: f"{SITE}{path}" for name, path in REGISTER.items()})


def test_the_urls_are_printed(site):
    text, _ = run()
    for uri in REGISTER.values():
        assert re.search(rf"^  [A-Z][a-z-]+ .* {re.escape(SITE + uri)}$", text, re.MULTILINE)
    assert "add --vendor and one of keycloak, entra" in text


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_commands_of_a_vendor(site, vendor):
    expected = recipe(vendor, registration(), conf.OIDC_LOGOUT_PROVIDERS["default"])
    assert examine(vendor=vendor)["providers"]["default"]["recipe"] == expected
    assert expected in run(vendor=vendor)[0]


def test_the_issuer_selects_the_vendor(site):
    site.configure(ISSUER=f"{site.idp.issuer}/realms/main")
    assert "kcadm.sh" in examine()["providers"]["default"]["recipe"]


def test_notifications_of_apple_are_not_verified(site):
    site.configure(SHARED_SIGNALS={}, BACKEND="django_oidc_logout.providers.AppleProvider")
    assert "signals" not in {finding["id"] for finding in findings(examine())}


# The text


def test_it_is_coloured(site):
    unapplied(site)
    publish(backchannel_logout_session_supported=None)(site)
    text, _ = run(no_color=False, force_color=True)
    assert "\x1b[" in text
    plain, _ = run()
    assert "\x1b[" not in plain
    assert (
        plain.splitlines()[-1]
        == f"1 error and 1 warning in {len(TITLES) - len(NOT_NEEDED)} checks."
    )


def test_a_terminal_without_unicode(site, settings):
    settings.OIDC_RP_CLIENT_ID = ""
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    with pytest.raises(SystemExit):
        call_command("oidc_logout_doctor", stdout=out, site=SITE, no_color=True)
    out.seek(0)
    text = out.read()
    assert "  ok   TLS " in text
    assert "  FAIL Client " in text


def test_foreign_values_cannot_control_the_terminal(site):
    site.configure(ISSUER=f"{site.idp.issuer}/\x1b[2J\u202e", CLIENT_ID="\x07")
    publish(issuer="\x1b[2J" * 1000, end_session_endpoint="\x07")(site)
    text, _ = run(site="https://www.example.com/\x1b[2J")
    assert not {char for char in text if not char.isprintable()} - {"\n"}
    assert len(text) < 5000


@pytest.mark.parametrize("columns", ["20", "80", "300"])
def test_lines_fit(site, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    text, _ = run()
    sentences = [line for line in text.splitlines() if not re.search(r"https?://|--vendor", line)]
    widths = {len(line) for line in sentences}
    assert max(widths) <= max(min(int(columns), 100), 50)


# The JSON report


def test_the_shape_of_the_report(site):
    report = examine()
    assert report.keys() == {"ok", "site", "providers"}
    assert report["site"].keys() == {"findings"}
    assert report["providers"]["default"].keys() == {"findings", "register", "recipe"}
    for finding in findings(report):
        assert finding.keys() == {"id", "code", "status", "title", "detail", "remedy"}
        assert finding["title"] == TITLES[finding["id"]]


def test_each_finding_is_tested_and_documented():
    tested = {expected[0] for _, expected in [*MISTAKES.values(), *RIGHT.values()]} - {
        "oidc_logout.E002"
    }
    assert tested | {"examination", "self-test"} == TITLES.keys()
    page = (DOCS / "reference/commands.md").read_text()
    section = page.partition("### Findings")[2].partition("\n## ")[0]
    documented = dict(re.findall(r"^\| `([a-z][a-z-]*)` \| ([^|]+?) \|", section, re.MULTILINE))
    assert documented == TITLES


def test_the_output_in_the_documentation(site, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    site.settings.OIDC_RP_SIGN_ALGO = "HS256"
    site.settings.SILENCED_SYSTEM_CHECKS = ["oidc_logout.W006"]
    text = run()[0].replace(site.idp.issuer, "https://idp.example.com")
    text = text.replace("Not used, and not needed on loopback.", "The certificate is valid.")
    page = (DOCS / "how-to/doctor.md").read_text()
    assert f"```text\n{text}```" in page


def test_report_for_prometheus():
    output, code = run(format="prometheus")
    lines = output.splitlines()
    assert 'oidc_logout_doctor_findings{provider="",code="urls",status="ok"} 1' in lines
    assert any('{provider="default",code="' in line for line in lines)
    assert lines[-1] == f"oidc_logout_doctor_ok {int(code == 0)}"
    assert abs(measured(output)["oidc_logout_doctor_run_timestamp_seconds"] - time.time()) < 60
    assert "oidc_logout_stream" not in output


def measured(output):
    """Return the metrics in a report for Prometheus, by name and labels."""
    lines = [line for line in output.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_report_for_prometheus_says_when_a_stream_was_verified(site):
    metric = 'oidc_logout_stream_verified_timestamp_seconds{provider="default"}'
    site.configure(SHARED_SIGNALS={})
    assert measured(run(format="prometheus")[0])[metric] == 0
    receipts.note_verification("default")
    assert abs(measured(run(format="prometheus")[0])[metric] - time.time()) < 60


def test_report_for_prometheus_without_a_database(site, monkeypatch):
    site.configure(SHARED_SIGNALS={})
    monkeypatch.setattr(receipts, "verified_at", Mock(side_effect=DatabaseError))
    output, code = run(format="prometheus")
    assert "oidc_logout_stream" not in output
    assert 'provider="default",code="examination",status="error"' in output
    assert code == 1
