"""Routers: the index must be where the users are, and the sessions may be elsewhere."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connections

from django_oidc_logout.api import end_sessions
from django_oidc_logout.checks import deployment
from django_oidc_logout.exceptions import SessionsNotEnded
from django_oidc_logout.models import OIDCSession
from tests.databases import USES_OTHER, Router, _other  # noqa: F401  # a fixture
from tests.factories import copy_of, is_signed_in, post_logout_token, query_of

SESSIONS_ELSEWHERE = {"sessions": "other"}
PEOPLE_ELSEWHERE = {"auth": "other", "django_oidc_logout": "other"}


pytestmark = USES_OTHER


@pytest.fixture(params=[SESSIONS_ELSEWHERE, PEOPLE_ELSEWHERE], ids="+".join)
def browser(request, settings, sign_in):
    """Return the browser of somebody who is signed in, where the sessions have a database."""
    settings.DATABASE_ROUTERS = [Router(**request.param)]
    client = sign_in(sid="desk")
    assert counted(Session, OIDCSession) == (1, 1)
    assert Session.objects.db != OIDCSession.objects.db
    return client


def counted(*models):
    """Return how many rows each model has, and assert that they are in one database."""
    found = [[model.objects.using(alias).count() for alias in connections] for model in models]
    assert all(0 in numbers for numbers in found)
    return tuple(map(sum, found))


def assert_ended(client, kept):
    assert counted(Session, OIDCSession) == (0, 0)
    assert not is_signed_in(client)
    assert not is_signed_in(kept)


def test_person_signs_out(browser):
    kept = copy_of(browser)
    assert query_of(browser.post("/oidc/logout/"))["id_token_hint"]
    assert_ended(browser, kept)


@pytest.mark.urls("tests.urls_sessions")
def test_djangos_own_logout(browser):
    kept = copy_of(browser)
    browser.post("/accounts/logout/", {"next": "/"})
    assert_ended(browser, kept)


def test_provider_signs_out(browser, logout_token):
    assert post_logout_token(logout_token(sid="desk")).status_code == 200
    assert_ended(browser, copy_of(browser))


@pytest.mark.urls("tests.urls_sessions")
def test_site_signs_out_after_the_key_has_changed(browser):
    kept = copy_of(browser)
    browser.get("/cycle/")
    assert is_signed_in(browser)
    assert not is_signed_in(kept)
    assert end_sessions(user=get_user_model().objects.get()) == 1
    assert_ended(browser, kept)


@pytest.mark.parametrize("change", ["deactivated", "deleted", "password"])
def test_session_ends_with_a_change_of_the_account(browser, change):
    user = get_user_model().objects.get()
    if change == "deleted":
        user.delete()
    elif change == "password":
        user.set_password("another one")
        user.save()
    else:
        user.is_active = False
        user.save()
    assert_ended(browser, copy_of(browser))


def test_session_that_cannot_be_deleted_keeps_its_row(browser, monkeypatch):
    def down(*keys):
        raise OSError("down")

    monkeypatch.setattr("django_oidc_logout.sessions.engines.delete", down)
    with pytest.raises(SessionsNotEnded):
        end_sessions(sub="ada")
    assert counted(Session, OIDCSession) == (1, 1)


def test_clear_command(browser, sign_in, signals):
    Session.objects.all().delete()
    sign_in(sid="phone")
    call_command("oidc_logout_clear_sessions", verbosity=0)
    assert [row.sid for row in OIDCSession.objects.all()] == ["phone"]
    assert signals["ended"] == [("desk", "The session no longer existed.")]


# Checks


@pytest.mark.parametrize(
    ("app", "found"),
    [
        ("django_oidc_logout", ["oidc_logout.W060"]),
        ("auth", ["oidc_logout.W060"]),
        ("sessions", []),
    ],
)
def test_index_beside_the_users(settings, app, found):
    settings.DATABASE_ROUTERS = [Router(**{app: "other"})]
    assert [message.id for message in deployment.check_database_of_users()] == found


SEPARATE = {"KEY_FUNCTION": "django_tenants.cache.make_key"}


@pytest.mark.parametrize(
    ("apps", "cache", "found"),
    [
        (["django_oidc_logout"], {}, ["oidc_logout.W062"]),
        (["django_oidc_logout"], SEPARATE, []),
        (["django.contrib.auth"], {}, []),
        (None, {}, []),
        (5, {}, []),
    ],
)
def test_tenants_do_not_share_the_cache(settings, apps, cache, found):
    settings.TENANT_APPS = apps
    settings.CACHES = {"default": {**settings.CACHES["default"], **cache}}
    assert [message.id for message in deployment.check_cache_of_tenants()] == found
