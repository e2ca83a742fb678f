"""Django's session engines: which sessions are deleted, which exist, and which is unknown."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.sessions.backends import db, file, signed_cookies

from django_oidc_logout.sessions import engines

pytestmark = pytest.mark.django_db

DJANGOS = ["db", "cache", "cached_db", "file"]
OWN = "tests.test_engines"


class SessionStore(db.SessionStore):
    """An engine of the site's own, which does more when a session ends."""

    told: list = []  # noqa: RUF012  # emptied by each test that reads it

    def delete(self, session_key=None):
        self.told.append((self.session_key, session_key))
        super().delete(session_key)


@pytest.fixture
def use(settings, tmp_path):
    """Return a function that configures an engine, by its name."""
    settings.SESSION_FILE_PATH = str(tmp_path)
    settings.CACHES = {
        name: {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": name}
        for name in ("default", "sessions")
    }
    settings.SESSION_CACHE_ALIAS = "sessions"
    SessionStore.told.clear()

    def use(engine):
        own = engine == OWN
        settings.SESSION_ENGINE = OWN if own else f"django.contrib.sessions.backends.{engine}"

    return use


@pytest.fixture
def engine(request, use):
    use(request.param)
    return request.param


def saved():
    store = engines.store()()
    store["a"] = 1
    store.save()
    return store.session_key


def is_there(key):
    return engines.store()().exists(key)


@pytest.mark.parametrize("engine", [*DJANGOS, OWN], indirect=True)
def test_what_is_deleted(engine):
    keys = [saved() for _ in range(3)]
    engines.delete(*keys[:2])
    assert [is_there(key) for key in keys] == [False, False, True]
    told = [(key, key) for key in keys[:2]]
    assert SessionStore.told == (told if engine == OWN else [])


@pytest.mark.parametrize("engine", [*DJANGOS, OWN], indirect=True)
def test_what_is_deleted_at_once(engine):
    """The file engine deletes one by one; a site's own engine may do more for each."""
    is_known = engine in {"db", "cache", "cached_db"}
    keys = [saved() for _ in range(2)]
    assert engines.delete_in_bulk(engines.store(), *keys) is is_known
    assert [is_there(key) for key in keys] == [not is_known] * 2
    assert SessionStore.told == []


@pytest.mark.parametrize(
    ("engine", "left"),
    [("db", True), ("cache", False), ("cached_db", True), ("file", False), (OWN, False)],
    indirect=["engine"],
)
def test_what_is_deleted_again(engine, left):
    """Only engines whose save restores a deleted session need this; a database does not."""
    key = saved()
    engines.delete_again(key)
    assert is_there(key) is left
    if engine == "cached_db":
        store = engines.store()
        assert store(key)._cache.get(store.cache_key_prefix + key) is None


@pytest.mark.parametrize("delete", [engines.delete, engines.delete_again])
def test_sessions_in_cookies_are_not_here_to_be_deleted(use, delete, monkeypatch):
    asked = []
    monkeypatch.setattr(
        signed_cookies.SessionStore, "delete", lambda self, key=None: asked.append(key)
    )
    use("signed_cookies")
    delete("x" * 32)
    assert asked == []


@pytest.mark.parametrize("engine", [*DJANGOS, OWN], indirect=True)
def test_sessions_that_are_alive(engine):
    key = saved()
    assert engines.is_alive(key)
    assert is_there(key)
    assert not engines.is_alive("y" * 32)
    assert not is_there("y" * 32)


@pytest.mark.parametrize("engine", DJANGOS, indirect=True)
def test_sessions_that_have_expired_are_not_alive(engine):
    store = engines.store()()
    store.set_expiry(-1)
    store.save()
    assert not engines.is_alive(store.session_key)


def test_no_file_is_left_of_a_session_that_has_expired(use):
    use("file")
    store = engines.store()()
    folder = Path(file.SessionStore._get_storage_path())
    before = set(folder.iterdir())
    store.set_expiry(-1)
    store.save()
    assert not engines.is_alive(store.session_key)
    assert set(folder.iterdir()) == before


@pytest.mark.parametrize("engine", [*DJANGOS, OWN], indirect=True)
def test_cache_that_does_not_answer(engine, monkeypatch):
    """Django treats it as an empty cache, and each session in it as missing."""
    monkeypatch.setattr(engines.safe_cache, "is_up", lambda alias: alias != "sessions")
    key = saved()
    if engine in {"cache", "cached_db"}:
        for ask in (engines.delete, engines.is_alive, lambda key: engines.read([key])):
            with pytest.raises(ConnectionError) as caught:
                ask("x" * 32)
            assert str(caught.value) == "the cache that holds the sessions does not respond"
        assert engines.is_alive(key)
    else:
        engines.delete(key)
        assert not engines.is_alive(key)


class OwnCookieStore(signed_cookies.SessionStore):
    """An engine of the site's own, in cookies as well."""


def test_sessions_in_cookies(use):
    use("signed_cookies")
    assert engines.in_cookies()
    assert engines.is_cookie_store(OwnCookieStore)
    for engine in [*DJANGOS, OWN]:
        use(engine)
        assert not engines.in_cookies()


@pytest.mark.parametrize("engine", [*DJANGOS, OWN], indirect=True)
def test_data_of_sessions(engine):
    keys = [saved(), saved()]
    for number, key in enumerate(keys):
        store = engines.store()(key)
        store["number"] = number
        store.save()
    expired = engines.store()()
    expired.set_expiry(-1)
    expired.save()
    found = engines.read([*keys, expired.session_key, "y" * 32])
    assert [found.pop(key)["number"] for key in keys] == [0, 1]
    if engine != OWN:
        assert found == {}
    assert engines.read([]) == {}


def test_no_file_is_left_of_an_expired_session_that_was_read(use):
    use("file")
    store = engines.store()()
    folder = Path(file.SessionStore._get_storage_path())
    before = set(folder.iterdir())
    store.set_expiry(-1)
    store.save()
    assert engines.read([store.session_key]) == {}
    assert set(folder.iterdir()) == before


def test_sessions_in_cookies_cannot_be_read(use):
    use("signed_cookies")
    assert engines.read(["x" * 32]) == {}
