"""Session engines of other packages: their sessions are known, and end."""

from __future__ import annotations

from contextlib import contextmanager
from importlib import import_module

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.base import UpdateError
from django.core.management import call_command
from django.db import connection
from django.test import RequestFactory

from django_oidc_logout.api import end_sessions
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.sessions import bound_store, engines
from tests.absence import need_package
from tests.factories import is_signed_in, post_logout_token, query_of

PACKAGES = ["qsessions.backends.db", "qsessions.backends.cached_db"]
SESSION = "django.contrib.sessions.middleware.SessionMiddleware"


@pytest.fixture(params=[*PACKAGES, "tests.session_store"])
def browser(request, settings, sign_in):
    """Return the browser of somebody who is signed in, on such an engine."""
    settings.SESSION_ENGINE = request.param
    with installed(settings, request.param.partition(".")[0]):
        yield sign_in(sid="desk")


@contextmanager
def installed(settings, package):
    """Install a package of a session engine."""
    if package == "tests":
        yield
        return
    need_package(package, f"django-{package}")
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, package]
    settings.MIDDLEWARE = [
        f"{package}.middleware.SessionMiddleware" if name == SESSION else name
        for name in settings.MIDDLEWARE
    ]
    model = import_module(f"{package}.models").Session
    with connection.schema_editor() as editor:
        editor.create_model(model)
    yield
    with connection.schema_editor() as editor:
        editor.delete_model(model)


pytestmark = pytest.mark.django_db(transaction=True)  # SQLite makes no table inside a transaction


def test_person_signs_out(browser):
    row = OIDCSession.objects.get()
    assert query_of(browser.post("/oidc/logout/"))["id_token_hint"] == row.id_token
    assert not is_signed_in(browser)
    assert not OIDCSession.objects.exists()


def test_provider_signs_out(browser, logout_token, signals):
    assert post_logout_token(logout_token(sid="desk")).status_code == 200
    assert not is_signed_in(browser)
    assert not OIDCSession.objects.exists()
    assert [sid for sid, _ in signals["ended"]] == ["desk"]


def test_session_that_a_concurrent_request_saves(browser):
    """Not every store refuses to save a session that was deleted."""
    session = browser.session
    request = RequestFactory().get("/")
    request.session = engines.store()(session.session_key)
    bound_store.bind(request)
    request.session["basket"] = ["book"]
    assert end_sessions(sub="ada") == 1
    with pytest.raises(UpdateError):
        request.session.save()
    assert not is_signed_in(browser)


def test_clear_command(browser, sign_in, signals):
    key = OIDCSession.objects.get().session_key
    other = sign_in(sid="phone")
    engines.store()(key).delete()
    call_command("oidc_logout_clear_sessions", verbosity=0)
    assert [row.sid for row in OIDCSession.objects.all()] == ["phone"]
    assert signals["ended"] == [("desk", "The session no longer existed.")]
    assert is_signed_in(other)


@pytest.mark.urls("tests.urls_sessions")
def test_site_signs_out_after_the_key_has_changed(browser):
    key = OIDCSession.objects.get().session_key
    browser.get("/cycle/")
    assert OIDCSession.objects.get().session_key != key
    assert end_sessions(sub="ada") == 1
    assert not is_signed_in(browser)


def test_deactivated_user_is_signed_out(browser):
    user = get_user_model().objects.get()
    user.is_active = False
    user.save()
    assert not OIDCSession.objects.exists()
    assert not is_signed_in(browser)
