"""Session engines of other packages: their sessions are known, and end."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from django_oidc_logout.api import end_sessions
from django_oidc_logout.models import OIDCSession
from tests.absence import need_package
from tests.factories import is_signed_in, post_logout_token, query_of

ENGINES = ["qsessions.backends.db", "qsessions.backends.cached_db"]
SESSION = "django.contrib.sessions.middleware.SessionMiddleware"


@pytest.fixture(params=ENGINES)
def browser(request, settings, sign_in):
    """Return the browser of somebody who is signed in, on such an engine."""
    package = request.param.partition(".")[0]
    need_package(package, f"django-{package}")
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, package]
    settings.SESSION_ENGINE = request.param
    settings.MIDDLEWARE = [
        f"{package}.middleware.SessionMiddleware" if name == SESSION else name
        for name in settings.MIDDLEWARE
    ]
    model = import_module(f"{package}.models").Session
    with connection.schema_editor() as editor:
        editor.create_model(model)
    yield sign_in(sid="desk")
    with connection.schema_editor() as editor:
        editor.delete_model(model)


pytestmark = pytest.mark.django_db(transaction=True)  # SQLite makes no table inside a transaction


def test_person_signs_out(browser):
    row = OIDCSession.objects.get()
    assert query_of(browser.post("/oidc/logout/"))["id_token_hint"] == row.id_token
    assert not is_signed_in(browser)
    assert not OIDCSession.objects.exists()


def test_provider_signs_out(browser, logout_token):
    assert post_logout_token(logout_token(sid="desk")).status_code == 200
    assert not is_signed_in(browser)
    assert not OIDCSession.objects.exists()


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
