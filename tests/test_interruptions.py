"""A sign-out that fails in the middle can be repeated, and no session survives.

Here a step is made to fail; `tools/faults` kills real processes before every one of them.
"""

from __future__ import annotations

from unittest import mock

import pytest
from django.contrib.sessions.backends.cached_db import SessionStore as CachedDatabaseStore
from django.core.cache import cache, caches
from django.db import DatabaseError
from django.test import Client

from django_oidc_logout.api import end_sessions
from django_oidc_logout.codes import OutcomeCode
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.sessions import end, engines, index, stores
from tests.factories import assert_refused, copy_of, get_async, is_signed_in, post_logout_token

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.urls_sessions")]


class Killed(BaseException):
    """An exception that no code handles, like a SIGKILL."""


def kill(*args, **kwargs):
    raise Killed


def down(*args, **kwargs):
    raise ConnectionError("down")


@pytest.fixture
def in_cache(request, settings):
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{request.param}"


@pytest.fixture
def careless():
    """Return a function that makes a client that turns an exception into status 500."""

    def careless(client):
        copy = Client(raise_request_exception=False)
        copy.cookies.load({name: morsel.value for name, morsel in client.cookies.items()})
        return copy

    return careless


@pytest.mark.parametrize("step", ["end_rows", "late"])
def test_token_of_a_process_that_died_comes_again(sign_in, logout_token, monkeypatch, step):
    client, token = sign_in(), logout_token()
    broken = {
        "end_rows": "django_oidc_logout.sessions.end.end_rows",
        "late": "django_oidc_logout.sessions.sql.delete",
    }
    with monkeypatch.context() as patch:
        patch.setattr(broken[step], kill)
        with pytest.raises(Killed):
            post_logout_token(token)
    assert post_logout_token(token).status_code == 200
    assert not is_signed_in(client)
    assert_refused(post_logout_token(token))


def test_token_that_another_process_uses_at_the_same_time(sign_in, logout_token, monkeypatch):
    client, token, statuses = sign_in(), logout_token(), []
    real = end._end_batch

    def end_batch(rows):
        monkeypatch.undo()
        statuses.append(post_logout_token(token).status_code)
        return real(rows)

    monkeypatch.setattr(end, "_end_batch", end_batch)
    assert_refused(post_logout_token(token))
    assert statuses == [200]
    assert not is_signed_in(client)


@pytest.mark.parametrize("in_cache", ["cache", "cached_db"], indirect=True)
def test_click_with_a_session_in_a_cache_that_is_down(in_cache, sign_in, outcomes, monkeypatch):
    client = sign_in()
    kept = copy_of(client)
    backend = type(caches["default"])
    with monkeypatch.context() as patch:
        for name in ("get", "set", "delete"):
            patch.setattr(backend, name, down)
        answer = client.post("/oidc/logout/")
    assert answer.status_code == 302
    assert answer.cookies["sessionid"]["max-age"] == 0
    assert not is_signed_in(client)
    assert outcomes[0].code == OutcomeCode.STORE_FAILED
    assert outcomes[0].reason.endswith(OutcomeCode.STORE_FAILED.sentence)
    assert is_signed_in(kept)
    assert end_sessions(sub="ada") == 1
    assert not is_signed_in(kept)


@pytest.mark.parametrize("in_cache", ["cache", "cached_db"], indirect=True)
def test_click_with_a_session_in_a_cache_that_hides_that_it_is_down(
    in_cache, sign_in, outcomes, monkeypatch
):
    client = sign_in()
    kept = copy_of(client)
    backend = type(caches["default"])
    with monkeypatch.context() as patch:
        for name in ("get", "set", "delete"):
            patch.setattr(backend, name, lambda *args, **kwargs: None)
        assert client.post("/oidc/logout/").status_code == 302
    assert outcomes[0].code == OutcomeCode.STORE_FAILED
    assert is_signed_in(kept)
    assert end_sessions(sub="ada") == 1
    assert not is_signed_in(kept)


@pytest.mark.parametrize("engine", ["db", "cache", "cached_db", "file"], indirect=True)
def test_click_with_a_store_that_cannot_delete(engine, sign_in, outcomes, monkeypatch):
    client = sign_in()
    kept = copy_of(client)
    with monkeypatch.context() as patch:
        patch.setattr(engines.store(), "delete", down)
        answer = client.post("/oidc/logout/")
    assert answer["Location"].partition("?")[0].endswith("/end-session")
    assert answer.cookies["sessionid"]["max-age"] == 0
    assert not is_signed_in(client)
    assert outcomes[0].code == OutcomeCode.STORE_FAILED
    assert outcomes[0].reason.endswith(OutcomeCode.STORE_FAILED.sentence)
    assert OIDCSession.objects.exists()
    assert end_sessions(sub="ada") == 1
    assert not is_signed_in(kept)


@pytest.mark.parametrize("in_cache", ["cache", "cached_db"], indirect=True)
@pytest.mark.parametrize("key", ["", "a" * 32, "no key, but 'garbage'"])
def test_cookie_that_is_no_sessions_is_signed_out(in_cache, key, client):
    client.cookies["sessionid"] = key
    assert client.post("/oidc/logout/").status_code == 302


@pytest.mark.parametrize("engine", ["db", "cache", "cached_db", "file"], indirect=True)
def test_session_keeps_its_row_if_it_cannot_be_replaced(engine, sign_in, careless, monkeypatch):
    client = careless(sign_in())
    key = OIDCSession.objects.get().session_key
    with monkeypatch.context() as patch:
        patch.setattr(engines.store(), "delete", down)
        assert client.get("/cycle/").status_code == 500
    assert OIDCSession.objects.get().session_key == key
    assert is_signed_in(client)
    assert end_sessions(sub="ada") == 1
    assert not is_signed_in(client)


def test_session_that_moves_during_a_click_ends(engine, sign_in):
    client = sign_in()
    row = OIDCSession.objects.get()
    client.get("/cycle/")
    end.remove_rows([row])
    assert not is_signed_in(client)
    assert not OIDCSession.objects.exists()


def test_session_that_is_saved_during_a_click_ends(engine, sign_in):
    """A database does not save a deleted session; a cache and a folder do."""
    client = sign_in()
    end.remove_rows([OIDCSession.objects.get()])  # the session has been deleted, and saved again
    assert is_signed_in(client) is (engine == "db")
    if engine == "cached_db":
        assert not cache.get(f"django.contrib.sessions.cached_db{client.session.session_key}")


@pytest.mark.parametrize("get", [Client.get, get_async])
def test_session_that_is_read_while_it_ends_does_not_stay_in_the_cache(
    settings, sign_in, monkeypatch, get
):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
    client = sign_in()
    name = f"django.contrib.sessions.cached_db{client.session.session_key}"
    real = CachedDatabaseStore._get_session_from_db

    def read_and_end(store):
        found = real(store)
        monkeypatch.undo()
        end_sessions(sub="ada")
        return found

    cache.delete(name)
    monkeypatch.setattr(CachedDatabaseStore, "_get_session_from_db", read_and_end)
    assert get(client, "/private/").content == b"private to AnonymousUser"
    assert cache.get(name) is None
    assert not is_signed_in(client)


@pytest.mark.parametrize("in_cache", ["cache", "cached_db"], indirect=True)
@pytest.mark.parametrize("has_ended", [True, False])
def test_session_that_was_saved_while_the_index_was_down_is_asked_after(
    in_cache, sign_in, monkeypatch, has_ended
):
    def broken(key):
        raise DatabaseError("down")

    client = sign_in()
    with monkeypatch.context() as patch:
        patch.setattr(index, "is_orphan", broken)
        assert client.get("/put-aside/").status_code == 200
        assert is_signed_in(client)
    if has_ended:
        OIDCSession.objects.all().delete()  # as when its end was under way
    assert is_signed_in(client) is not has_ended
    assert get_async(client, "/private/").content.endswith(b"AnonymousUser") is has_ended
    client.get("/put-aside/")
    assert stores.UNCHECKED not in client.session


@pytest.mark.parametrize("in_cache", ["cache", "cached_db"], indirect=True)
def test_session_that_ended_while_the_index_was_down_gives_way_to_a_new_one(
    in_cache, sign_in, monkeypatch
):
    client = sign_in()
    with monkeypatch.context() as patch:
        patch.setattr(index, "is_orphan", mock.Mock(side_effect=DatabaseError("down")))
        client.get("/put-aside/")
    key = client.cookies["sessionid"].value
    OIDCSession.objects.all().delete()  # as when its end was under way
    assert client.get("/put-aside/").status_code == 200
    assert client.cookies["sessionid"].value not in {key, ""}
