"""The middleware's three jobs, on every session engine, sync and async."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import UpdateError
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from django_oidc_logout.models import OIDCSession
from django_oidc_logout.sessions import bound_store, end, engines, entry, index
from tests.factories import get_async, is_signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.urls_sessions")]


def test_sign_in_and_out(engine, sign_in):
    client = sign_in()
    assert is_signed_in(client)
    row = OIDCSession.objects.get()
    assert (row.session_key == client.session.session_key) is (engine != "signed_cookies")
    assert "id_token_hint" in client.post("/oidc/logout/")["Location"]
    assert not OIDCSession.objects.exists()
    assert not is_signed_in(client)


@pytest.mark.requirement("ASVS 7.2.4")
@pytest.mark.parametrize("move", ["/change-password/", "/cycle/"])
def test_row_follows_the_session_key(engine, sign_in, move):
    client = sign_in()
    before = OIDCSession.objects.get()
    client.get(move)
    assert is_signed_in(client)
    row = OIDCSession.objects.get()
    assert row.pk == before.pk
    assert (row.session_key != before.session_key) is (engine != "signed_cookies")
    client.get("/put-aside/")
    assert OIDCSession.objects.get().session_key == row.session_key
    assert "id_token_hint" in client.post("/oidc/logout/")["Location"]
    assert not OIDCSession.objects.exists()


def test_session_that_was_ended_does_not_get_away_under_a_new_key(sign_in):
    client = sign_in()
    OIDCSession.objects.all().delete()  # as when it is ended while the page is under way
    assert client.get("/cycle/").cookies["sessionid"]["max-age"] == 0
    assert not is_signed_in(client)


def test_session_that_was_ended_is_not_saved(engine, sign_in):
    client = sign_in()
    OIDCSession.objects.all().delete()  # as when it is ended while the page is under way
    client.get("/put-aside/")
    assert not is_signed_in(client)


@pytest.mark.parametrize("engine", ["db", "cache", "cached_db", "file"], indirect=True)
def test_page_that_saves_a_session_that_was_ended_is_interrupted(engine, sign_in):
    client = sign_in()
    OIDCSession.objects.all().delete()  # as when it is ended while the page is under way
    assert client.get("/put-aside/").status_code == 400


def test_session_that_moves_while_it_is_ended(sign_in):
    client = sign_in()
    row = OIDCSession.objects.get()
    client.get("/cycle/")
    assert end._end_batch([row]) == ([row], 0)
    assert row.pk is None
    assert not is_signed_in(client)
    assert not OIDCSession.objects.exists()


def test_account_switch(engine, idp, sign_in):
    client = sign_in()
    idp.userinfo = {"email": "grace@example.com"}
    sign_in(client, sub="grace")
    assert is_signed_in(client)
    assert OIDCSession.objects.get().sub == "grace"


def test_index_that_cannot_follow_breaks_no_page(sign_in, monkeypatch, caplog):
    client = sign_in()

    def fail(**kwargs):
        raise DatabaseError("down")

    monkeypatch.setattr(OIDCSession.objects, "filter", fail)
    assert client.get("/cycle/").content == b"cycled"
    assert "Could not record the session's new key" in caplog.text


def test_index_that_cannot_be_asked_breaks_no_page(sign_in, monkeypatch, caplog):
    client = sign_in()

    def fail(key):
        raise DatabaseError("down")

    monkeypatch.setattr(index, "is_orphan", fail)
    assert client.get("/put-aside/").content == b"put aside"
    assert is_signed_in(client)
    assert "against the index" in caplog.text


@pytest.fixture
def cookies(settings):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"


@pytest.mark.requirement("ASVS 7.4.1")
@pytest.mark.usefixtures("cookies")
def test_session_in_a_cookie_lives_only_while_its_row_does(sign_in):
    client = sign_in()
    stolen = client.cookies["sessionid"].value
    client.post("/oidc/logout/")
    client.cookies["sessionid"] = stolen
    answer = client.get("/private/")
    assert answer.content == b"private to AnonymousUser"
    assert answer.cookies["sessionid"]["max-age"] == 0


@pytest.mark.parametrize("engine", ["cache", "file"], indirect=True)
def test_session_that_was_ended_is_not_saved_by_async_code_either(engine, sign_in, rf):
    client = sign_in()
    request = rf.get("/")
    request.session = engines.store()(client.session.session_key)
    bound_store.bind(request)
    request.session["touched"] = True
    end._end_batch(list(OIDCSession.objects.all()))
    with pytest.raises(UpdateError):
        async_to_sync(request.session.asave)()
    assert not is_signed_in(client)


@pytest.mark.parametrize("engine", ["db", "cache"], indirect=True)
def test_session_that_gets_a_key_from_async_code_keeps_its_row(engine, sign_in, rf):
    client = sign_in()
    request = rf.get("/")
    request.session = engines.store()(client.session.session_key)
    bound_store.bind(request)
    async_to_sync(request.session.acycle_key)()
    assert OIDCSession.objects.get().session_key == request.session.session_key


def test_middleware_that_is_listed_twice(settings, sign_in):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, settings.MIDDLEWARE[-1]]
    client = sign_in()
    assert is_signed_in(client)


@pytest.mark.usefixtures("cookies")
@pytest.mark.parametrize("get", [Client.get, Client.post])
def test_session_in_a_cookie_counts_as_ended_if_the_index_is_down(sign_in, monkeypatch, get):
    def down(key):
        raise DatabaseError("down")

    client = sign_in()
    monkeypatch.setattr(index, "is_orphan", down)
    answer = get(client, "/oidc/logout/")
    assert answer.status_code in {200, 302}
    assert answer.cookies["sessionid"]["max-age"] == 0


@pytest.mark.usefixtures("cookies")
def test_session_in_a_cookie_that_others_have_read_already(settings, sign_in):
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE[:-1],
        "tests.test_middleware.reads_the_session",
        settings.MIDDLEWARE[-1],
    ]
    client = sign_in()
    assert is_signed_in(client)
    OIDCSession.objects.all().delete()
    assert not is_signed_in(client)


def reads_the_session(get_response):
    def middleware(request):
        assert request.user.pk is not None or request.user == AnonymousUser()
        return get_response(request)

    return middleware


@pytest.mark.usefixtures("cookies")
def test_session_in_a_cookie_that_was_not_through_a_provider(client, admin_user):
    client.force_login(admin_user, backend="django.contrib.auth.backends.ModelBackend")
    assert is_signed_in(client)


@pytest.mark.usefixtures("cookies")
def test_session_in_a_cookie_is_asked_for_once_a_request(sign_in, django_assert_num_queries):
    client = sign_in()
    with django_assert_num_queries(2):  # the row and the user
        client.get("/private/")


def test_public_page_costs_nothing(engine, sign_in, django_assert_num_queries):
    client = sign_in()
    with django_assert_num_queries(0):
        answer = client.get("/public/")
    assert "Cookie" not in answer.get("Vary", "")
    assert "Cache-Control" not in answer


@pytest.mark.parametrize(
    ("url", "header"),
    [
        ("/private/", "no-store"),
        ("/cached/", "max-age=60"),
        ("/never-cached/", "max-age=0, no-cache, no-store, must-revalidate, private"),
        ("/public/", None),
    ],
)
def test_signed_in_pages_are_not_stored(sign_in, url, header):
    assert sign_in().get(url).get("Cache-Control") == header


def test_pages_of_nobody_are_stored(client):
    assert "Cache-Control" not in client.get("/private/")


def test_pages_are_stored_if_told_to(settings, sign_in):
    settings.OIDC_LOGOUT_NO_STORE = False
    assert "Cache-Control" not in sign_in().get("/private/")


@pytest.mark.parametrize("url", ["/private/", "/private-async/"])
def test_async_page(engine, sign_in, url):
    answer = get_async(sign_in(), url)
    assert answer.content.startswith(b"private to ")
    assert answer.content != b"private to AnonymousUser"
    assert answer["Cache-Control"] == "no-store"


def test_async_row_follows_the_session_key(engine, sign_in):
    client = sign_in()
    get_async(client, "/cycle/")
    assert OIDCSession.objects.get().session_key in {client.session.session_key, _handle(client)}


def _handle(client):
    return client.session["_oidc_logout"]["key"]


def test_async_session_in_a_cookie_lives_only_while_its_row_does(cookies, sign_in):
    client = sign_in()
    OIDCSession.objects.all().delete()
    assert get_async(client, "/private-async/").content == b"private to AnonymousUser"


@pytest.mark.parametrize("name", ["db", "signed_cookies"])
def test_replica_that_is_behind_ends_no_session(settings, sign_in, name):
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{name}"
    client = sign_in()
    settings.DATABASE_ROUTERS = ["tests.routers.ReplicaRouter"]
    assert client.get("/put-aside/").status_code == 200
    assert is_signed_in(client)


def test_expiry_date_follows_although_a_renewed_token_cannot_be_read(sign_in):
    client = sign_in()
    session = client.session
    session["oidc_id_token"] = "not one"
    session.set_expiry(100)
    session.save()
    client.get("/put-aside/")
    left = OIDCSession.objects.get().expires_at - timezone.now()
    assert left.total_seconds() <= 100


@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.usefixtures("engine")
def test_row_says_to_the_hour_when_its_session_was_seen(settings, sign_in, monkeypatch, saved):
    settings.SESSION_SAVE_EVERY_REQUEST = saved
    client, long_ago, now = sign_in(), timezone.now() - timedelta(days=1), time.time()

    def is_noted(get, url):
        OIDCSession.objects.update(last_seen_at=long_ago)
        assert get(client, url).status_code == 200
        return OIDCSession.objects.get().last_seen_at > long_ago

    assert not is_noted(Client.get, "/private/")
    for hours, get in (1, Client.get), (2, get_async):
        passed = hours * (entry.HOUR + 1)
        monkeypatch.setattr(time, "time", lambda: now + passed)  # noqa: B023  # called at once
        assert saved or not is_noted(get, "/public/")
        assert is_noted(get, "/private/")
        assert not is_noted(get, "/private/")


def test_last_use_that_cannot_be_written_breaks_no_page(sign_in, monkeypatch, caplog):
    def fail(*args, **kwargs):
        raise DatabaseError("down")

    client, now = sign_in(), time.time()
    monkeypatch.setattr(time, "time", lambda: now + 2 * entry.HOUR)
    monkeypatch.setattr("django.db.models.query.QuerySet.update", fail)
    assert client.get("/private/").status_code == 200
    assert "expiry date or last use" in caplog.text
