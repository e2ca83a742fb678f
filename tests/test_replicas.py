"""A router that reads from a replica which is behind: no session survives, and none is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import SESSION_KEY, get_user_model, login
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import RequestFactory
from django.utils import timezone

from django_oidc_logout.api import end_sessions, remember_login
from django_oidc_logout.checks import deployment
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.sessions import bound_store, engines
from tests.databases import USES_OTHER, Replica, Router, _other, replicate  # noqa: F401  # a fixture
from tests.factories import copy_of, is_signed_in, post_logout_token

pytestmark = [USES_OTHER, pytest.mark.urls("tests.urls_sessions")]

IN_DATABASE = ["django.contrib.sessions.backends.db", "tests.session_store"]
CACHED = "django.contrib.sessions.backends.cached_db"
OURS = "django_oidc_logout.middleware.OIDCSessionMiddleware"
PASSWORD = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture(params=[*IN_DATABASE, CACHED])
def kind(request, settings):
    settings.SESSION_ENGINE = request.param
    return request.param


@pytest.fixture(params=[True, False], ids=["middleware", "without"])
def _middleware(request, settings):
    if not request.param:
        settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name != OURS]


@pytest.fixture
def behind(settings):
    """Return a function that lets the site read from a replica without these models' rows."""

    def let_it_be_behind(*models):
        replicate(*models)
        settings.DATABASE_ROUTERS = [Replica()]

    def catch_up():
        settings.DATABASE_ROUTERS = []

    let_it_be_behind.catch_up = catch_up
    return let_it_be_behind


def assert_ended(*clients):
    for client in clients:
        assert not is_signed_in(client)
    assert not [row for row in Session.objects.all() if SESSION_KEY in row.get_decoded()]
    assert not OIDCSession.objects.exists()


@pytest.mark.usefixtures("_middleware")
def test_person_signs_out(kind, sign_in, behind):
    client = sign_in()
    kept = copy_of(client)
    behind(Session, OIDCSession)
    client.post("/oidc/logout/")
    behind.catch_up()
    if kind == "tests.session_store":  # it replaces what it does not find, and its row stays
        call_command("oidc_logout_clear_sessions", verbosity=0)
    assert_ended(client, kept)


@pytest.mark.usefixtures("_middleware")
def test_djangos_own_logout(settings, sign_in, behind):
    settings.SESSION_ENGINE = CACHED  # the others do not find the session, so it goes on
    client = sign_in()
    kept = copy_of(client)
    behind(Session, OIDCSession)
    client.post("/accounts/logout/", {"next": "/"})
    behind.catch_up()
    assert_ended(client, kept)


def test_provider_signs_out(kind, sign_in, behind, logout_token):
    client = sign_in()
    behind(Session, OIDCSession)
    assert post_logout_token(logout_token(sub="ada")).status_code == 200
    behind.catch_up()
    assert_ended(client)


def test_key_changes(settings, sign_in, behind):
    settings.SESSION_ENGINE = CACHED
    client = sign_in()
    kept = copy_of(client)
    behind(Session, OIDCSession)
    client.get("/cycle/")
    behind.catch_up()
    assert Session.objects.count() == 1
    assert not is_signed_in(kept)
    assert is_signed_in(client)
    assert end_sessions(sub="ada") == 1
    assert_ended(client)


@pytest.mark.parametrize("is_bound", [True, False])
def test_session_that_a_sign_in_does_not_find(kind, sign_in, behind, is_bound):
    """Either it ends, or it keeps its row."""
    client = sign_in()
    key = client.session.session_key
    behind(Session, OIDCSession)
    request = RequestFactory().post("/", headers={"cookie": f"sessionid={key}"})
    request.session = engines.store()(key)
    if is_bound:
        bound_store.bind(request)
    login(request, get_user_model().objects.get(), PASSWORD)
    behind.catch_up()
    assert is_signed_in(client) is OIDCSession.objects.filter(session_key=key).exists()


def test_session_that_a_sign_in_replaces(settings, idp, sign_in, behind):
    """Without the middleware, its row was written once more before `login()`."""
    settings.SESSION_ENGINE = CACHED
    client = sign_in()
    key = client.session.session_key
    grace = get_user_model().objects.create(username="grace")
    behind(Session, OIDCSession)
    request = RequestFactory().post("/", headers={"cookie": f"sessionid={key}"})
    request.session = engines.store()(key)
    remember_login(request, idp.id_token(sub="grace"))
    login(request, grace, PASSWORD)
    behind.catch_up()
    assert not Session.objects.filter(session_key=key).exists()
    assert not OIDCSession.objects.filter(session_key=key).exists()


def test_clear_command_keeps_new_sessions(kind, sign_in, behind, signals):
    client = sign_in()
    behind(Session)
    call_command("oidc_logout_clear_sessions", verbosity=0)
    behind.catch_up()
    assert signals["ended"] == []
    assert is_signed_in(client)
    assert end_sessions(sub="ada") == 1


def test_clear_command_knows_that_a_cookie_was_used(settings, sign_in, behind, signals):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    client = sign_in()
    now = timezone.now()
    OIDCSession.objects.update(expires_at=now - timedelta(days=100))
    replicate()
    OIDCSession.objects.update(expires_at=now + timedelta(days=1))
    settings.DATABASE_ROUTERS = [Replica()]
    call_command("oidc_logout_clear_sessions", verbosity=0)
    behind.catch_up()
    assert signals["ended"] == []
    assert is_signed_in(client)


# Checks


@pytest.mark.parametrize(
    ("router", "engine", "found"),
    [
        (Replica(), IN_DATABASE[0], ["oidc_logout.W061"]),
        (Replica(), IN_DATABASE[1], ["oidc_logout.W061"]),
        (Replica(), CACHED, ["oidc_logout.W061"]),
        (Replica(), "django.contrib.sessions.backends.cache", []),
        (Router(sessions="other"), IN_DATABASE[0], []),
        (None, IN_DATABASE[0], []),
    ],
)
def test_sessions_are_read_where_they_are_written(settings, router, engine, found):
    settings.DATABASE_ROUTERS = [router] if router else []
    settings.SESSION_ENGINE = engine
    assert [message.id for message in deployment.check_replica_of_sessions()] == found
