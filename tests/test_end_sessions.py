"""`end_sessions`, which ends sessions from elsewhere, and housekeeping."""

from __future__ import annotations

import sys
import types
from datetime import timedelta
from io import StringIO

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model, login
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.cached_db import SessionStore as CachedStore
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.models import Session
from django.core.cache import cache, caches
from django.core.management import CommandError, call_command
from django.db import DatabaseError, InterfaceError, connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from django_oidc_logout.api import aend_sessions, end_sessions, remember_login
from django_oidc_logout.exceptions import SessionsNotEnded
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.receivers import history
from django_oidc_logout.security_events import receipts
from django_oidc_logout.sessions import (
    bound_store,
    end,
    engines,
    index,
    lifetime,
    reauthentication,
    validity,
)
from django_oidc_logout.signals import session_ended
from tests.factories import ENGINES, create_row, is_signed_in

pytestmark = pytest.mark.django_db

PASSWORD = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def people(idp, sign_in):
    """Return clients: Ada's phone and desk, and Grace's only one."""
    clients = {"phone": sign_in(sid="phone"), "desk": sign_in(sid="desk")}
    idp.userinfo = {"email": "grace@example.com"}
    return clients | {"grace": sign_in(sub="grace", sid="g")}


CRITERIA = {
    "sub": ({"sub": "ada"}, {"grace"}),
    "sid": ({"sid": "desk"}, {"phone", "grace"}),
    "sid and its sub": ({"sid": "desk", "sub": "ada"}, {"phone", "grace"}),
    "sid and another's sub": ({"sid": "desk", "sub": "grace"}, {"phone", "desk", "grace"}),
    "issuer": ({"issuer": "{issuer}"}, set()),
    "issuer and sub": ({"issuer": "{issuer}", "sub": "grace"}, {"phone", "desk"}),
    "another issuer": ({"issuer": "https://x.example", "sub": "ada"}, {"phone", "desk", "grace"}),
    "user": ({"user": "ada@example.com"}, {"grace"}),
    "user and sid": ({"user": "ada@example.com", "sid": "phone"}, {"desk", "grace"}),
}


@pytest.mark.parametrize("end", [end_sessions, async_to_sync(aend_sessions)], ids=["sync", "async"])
@pytest.mark.parametrize(("criteria", "left"), CRITERIA.values(), ids=CRITERIA)
def test_criteria(idp, people, criteria, left, end):
    criteria = {k: v.format(issuer=idp.issuer) for k, v in criteria.items()}
    if "user" in criteria:
        criteria["user"] = get_user_model().objects.get(email=criteria["user"])
    assert end(**criteria) == len(people) - len(left)
    assert {name for name, client in people.items() if is_signed_in(client)} == left
    assert OIDCSession.objects.count() == len(left)


@pytest.mark.parametrize("criteria", [{}, {"sub": ""}, {"sid": ""}, {"issuer": ""}], ids=str)
def test_no_criterion(people, criteria):
    with pytest.raises(ValueError, match="needs an issuer, sub, sid or user"):
        end_sessions(**criteria)
    assert all(map(is_signed_in, people.values()))


@pytest.mark.parametrize("criteria", [{}, {"sid": "desk"}], ids=str)
@pytest.mark.parametrize(
    "user", [AnonymousUser(), SimpleLazyObject(AnonymousUser)], ids=["plain", "lazy"]
)
def test_anonymous_user(people, user, criteria):
    with pytest.raises(ValueError, match="of an anonymous user"):
        end_sessions(user=user, **criteria)
    assert all(map(is_signed_in, people.values()))


@pytest.mark.parametrize("criteria", [{"sub": "ada"}, {"sid": "desk"}], ids=str)
def test_whose_identifier_it_is(configure, people, criteria):
    configure("other", ISSUER="https://other.example.com")
    with pytest.raises(ValueError, match="issuer is required"):
        end_sessions(**criteria)
    assert all(map(is_signed_in, people.values()))


def test_store_that_fails(people, monkeypatch, caplog):
    def fail(*keys):
        raise OSError("store is down")

    monkeypatch.setattr("django_oidc_logout.sessions.engines.delete", fail)
    with pytest.raises(SessionsNotEnded) as caught:
        end_sessions(sub="ada")
    assert (caught.value.ended, caught.value.failed) == (0, 2)
    assert OIDCSession.objects.count() == 3


def test_index_that_fails(people, monkeypatch):
    def rows(**kwargs):
        raise DatabaseError("down")
        yield

    monkeypatch.setattr(index, "matching", rows)
    with pytest.raises(SessionsNotEnded):
        end_sessions(sub="ada")


@pytest.fixture
def ended():
    """Return the `sid` of each session of which it was said that it has ended."""
    seen = []

    def note(session, **kwargs):
        seen.append(session.sid)

    session_ended.connect(note)
    yield seen
    session_ended.disconnect(note)


def test_session_that_another_call_has_ended_counts_once(people, monkeypatch, ended):
    gone = OIDCSession(pk=0, session_key="gone")
    phone = OIDCSession.objects.get(sid="phone")
    assert end._end_batch([phone, gone]) == ([phone], 0)
    assert end._end_batch([gone]) == ([], 0)
    monkeypatch.setattr(index, "matching", lambda **kwargs: [gone])
    assert end_sessions(sub="ada") == 0
    assert ended == []


# Many at once.


def test_every_session_of_a_person(engine, people, ended):
    assert end_sessions(sub="ada") == 2
    assert sorted(ended) == ["desk", "phone"]
    assert [name for name, client in people.items() if is_signed_in(client)] == ["grace"]
    assert OIDCSession.objects.get().sub == "grace"


@pytest.fixture
def many(sign_in):
    """Return a function that signs Ada in and files that many sessions of hers in all."""

    def many(count):
        client = sign_in()
        row = OIDCSession.objects.get()
        names = "provider", "issuer", "sub", "sub_digest", "user_id", "expires_at"
        same = {name: getattr(row, name) for name in names}
        stores = [engines.store()() for _ in range(count - 1)]
        for store in stores:
            store["somebody"] = "is signed in"
            store.create()
        OIDCSession.objects.bulk_create(
            OIDCSession(sid=f"{number}", session_key=store.session_key, **same)
            for number, store in enumerate(stores)
        )
        return [client.session, *stores]

    return many


@pytest.fixture
def calls(monkeypatch):
    """Return how many keys each call to the cache deleted."""
    backend, calls = type(caches["default"]), []
    delete_many = backend.delete_many

    def counted(self, keys):
        calls.append(len(keys))
        delete_many(self, keys)

    monkeypatch.setattr(backend, "delete_many", counted)
    return calls


# One to find the rows; then the sessions, and the rows: to see which are still there, and to delete
# them. A cache deletes a batch in one call, and again once the rows are gone.
STATEMENTS = {"db": 3, "cache": 2, "cached_db": 3}


@pytest.mark.parametrize("engine", STATEMENTS, indirect=True)
@pytest.mark.parametrize(("count", "batches"), [(2, 1), (10, 1), (1000, 2)])
def test_statements_are_bounded(engine, many, calls, count, batches):
    stores = many(count)
    calls.clear()
    with CaptureQueriesContext(connection) as queries:
        assert end_sessions(sub="ada") == count
    work = [q["sql"] for q in queries if q["sql"].startswith(("SELECT", "DELETE"))]
    assert len(work) == 1 + batches * STATEMENTS[engine]
    assert calls == ([count // batches] * 2 * batches if engine != "db" else [])
    assert not any(store.exists(store.session_key) for store in stores)
    assert not OIDCSession.objects.exists()


@pytest.mark.django_db(transaction=True)  # without savepoints
def test_one_session_takes_no_more_than_it_needs(many, django_assert_num_queries):
    many(1)
    with django_assert_num_queries(3):  # its row, it, and its row again
        assert end_sessions(sub="ada") == 1


told = []


@pytest.mark.parametrize(
    "criteria", [{"sid": "x"}, {"sub": "x"}, {"sid": "x", "sub": "x"}], ids=str
)
def test_sessions_are_found_by_index(criteria):
    if connection.vendor == "postgresql":  # which would rather read a table as small as this
        connection.cursor().execute("SET LOCAL enable_seqscan = off")
    plan = index.matching(issuer="https://idp.example.com", **criteria).explain()
    assert any(f"oidc_session_{name}" in plan for name in criteria)


class OwnStore(DatabaseStore):
    """An engine of the site's own, which does more when a session ends."""

    def delete(self, session_key=None):
        told.append(session_key)
        super().delete(session_key)


def test_engine_of_ones_own_is_told_of_each(settings, many, monkeypatch):
    module = types.ModuleType("own_engine")
    module.SessionStore = OwnStore
    monkeypatch.setitem(sys.modules, "own_engine", module)
    settings.SESSION_ENGINE = "own_engine"
    keys = [store.session_key for store in many(3)]
    told.clear()
    assert end_sessions(sub="ada") == 3
    assert sorted(told) == sorted(keys * 2)


@pytest.fixture
def signed_in(people):
    """Return a function that tells who is signed in still."""
    return lambda: [name for name, client in people.items() if is_signed_in(client)]


@pytest.mark.parametrize("engine", ["cache", "cached_db"], indirect=True)
def test_cache_that_fails_with_many(engine, signed_in, monkeypatch, caplog):
    backend = type(caches["default"])
    delete_many = backend.delete_many

    def fail(self, keys):
        if len(keys) > 1:
            raise OSError("too many at once")
        delete_many(self, keys)

    monkeypatch.setattr(backend, "delete_many", fail)
    assert end_sessions(sub="ada") == 2
    assert signed_in() == ["grace"]
    assert "Could not end sessions together, ending each: error=ConnectionError" in caplog.text


def delete_session(*keys):
    return keys


def remove_row(rows):
    return [row.session_key for row in rows]


# Which step fails for the phone, and when, and whose rows remain.
FAILURES = {
    "session": ((engines, "delete", delete_session, 1), {"phone", "g"}),
    "row": ((index, "remove", remove_row, 1), {"phone", "g"}),
    "session, the second time": ((engines, "delete_again", delete_session, 1), {"phone", "g"}),
}


@pytest.mark.parametrize(("failure", "left"), FAILURES.values(), ids=FAILURES)
@pytest.mark.usefixtures("people")
def test_what_can_be_ended_is(monkeypatch, ended, failure, left):
    module, name, keys_of, time = failure
    works, phone, tries = getattr(module, name), OIDCSession.objects.get(sid="phone"), []

    def fails_for_the_phone(*args):
        if phone.session_key in keys_of(*args):
            tries.append(args)
            if len(tries) >= time:
                raise DatabaseError("down")
        return works(*args)

    monkeypatch.setattr(module, name, fails_for_the_phone)
    with pytest.raises(SessionsNotEnded) as caught:
        end_sessions(sub="ada")
    assert (caught.value.ended, caught.value.failed) == (1, 1)
    assert ended == ["desk"]
    assert set(OIDCSession.objects.values_list("sid", flat=True)) == left


@pytest.mark.parametrize("engine", ["cache", "cached_db"], indirect=True)
def test_cache_that_fails_after_a_request_has_saved_the_session(engine, sign_in, monkeypatch):
    client = sign_in()
    before = OIDCSession.objects.get()
    name = engines.store().cache_key_prefix + before.session_key
    data = cache.get(name)

    def save_and_fail(*keys):
        cache.set(name, data)
        raise ConnectionError("down")

    with monkeypatch.context() as patch:
        patch.setattr(engines, "delete_again", save_and_fail)
        with pytest.raises(SessionsNotEnded):
            end_sessions(sub="ada")
    assert is_signed_in(client)
    row = OIDCSession.objects.get()
    assert (row.pk, row.handle, row.sid) == (before.pk, before.handle, before.sid)
    assert end_sessions(sub="ada") == 1
    assert not is_signed_in(client)


@pytest.mark.parametrize("moving", [["phone"], ["phone", "desk"]], ids=str)
def test_sessions_that_move_while_they_are_ended(people, signed_in, monkeypatch, ended, moving):
    found = list(index.matching(sub="ada", issuer=OIDCSession.objects.first().issuer))
    monkeypatch.setattr(index, "matching", lambda **kwargs: found)
    for name in moving:
        session = people[name].session
        session.cycle_key()
        OIDCSession.objects.filter(sid=name).update(session_key=session.session_key)
        people[name].cookies["sessionid"] = session.session_key
    assert signed_in() == ["phone", "desk", "grace"]
    assert end_sessions(sub="ada") == 2
    assert sorted(ended) == ["desk", "phone"]
    assert signed_in() == ["grace"]
    assert not OIDCSession.objects.filter(sub="ada").exists()


@pytest.mark.parametrize("engine", ["db", "cache", "cached_db", "file"], indirect=True)
def test_store_that_was_patched_is_told_of_each(engine, sign_in, monkeypatch):
    def fail(self, session_key=None):
        raise ConnectionError("down")

    sign_in(sid="a"), sign_in(sid="b")
    with monkeypatch.context() as patch:
        patch.setattr(engines.store(), "delete", fail)
        with pytest.raises(SessionsNotEnded):
            end_sessions(sub="ada")
    assert OIDCSession.objects.count() == 2
    assert end_sessions(sub="ada") == 2


def test_cache_that_keeps_nothing_has_nothing_to_end(settings, sign_in):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    client = sign_in()
    assert end_sessions(sub="ada") == 1
    assert not is_signed_in(client)
    call_command("oidc_logout_clear_sessions", verbosity=0)


@pytest.mark.parametrize("error", [DatabaseError, InterfaceError])
def test_index_that_cannot_be_read_is_said(sign_in, monkeypatch, error):
    def down(*args, **kwargs):
        raise error("down")

    sign_in()
    with monkeypatch.context() as patch:
        patch.setattr("django.db.models.query.QuerySet._fetch_all", down)
        with pytest.raises(SessionsNotEnded):
            end_sessions(sub="ada")
    assert end_sessions(sub="ada") == 1


def test_session_that_cannot_be_ended_counts_once(sign_in, monkeypatch):
    def down(*args, **kwargs):
        raise DatabaseError("down")

    sign_in()
    monkeypatch.setattr("django_oidc_logout.sessions.sql.delete", down)
    with pytest.raises(SessionsNotEnded) as raised:
        end_sessions(sub="ada")
    assert raised.value.failed == 1


def test_rows_are_looked_for_where_they_are_written(settings, sign_in):
    sign_in()
    settings.DATABASE_ROUTERS = ["tests.routers.ReplicaRouter"]
    assert end_sessions(sub="ada") == 1


# oidc_logout_clear_sessions


@pytest.mark.parametrize("engine", ["db", "cache", "cached_db", "file"], indirect=True)
def test_command_during_a_sign_in(engine, idp, signals):
    """`login()` creates an empty session, and its data is saved at the end of the request."""
    request = RequestFactory().get("/")
    request.session = engines.store()()
    bound_store.bind(request)
    login(request, get_user_model().objects.create(username="ada"), PASSWORD)
    remember_login(request, claims={"iss": idp.issuer, "sub": "ada"}, provider="default")
    call_command("oidc_logout_clear_sessions", verbosity=0)
    request.session.save()
    assert OIDCSession.objects.get().session_key == request.session.session_key
    assert signals["ended"] == []
    assert end_sessions(sub="ada") == 1


def test_command_copies_no_session_into_the_cache(settings, sign_in, monkeypatch):
    """If the session ends at the same moment, the copy would outlive it."""
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
    client = sign_in()
    cache.clear()
    read = CachedStore._get_session_from_db

    def end_after_reading(store):
        found = read(store)
        end_sessions(sub="ada")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(CachedStore, "_get_session_from_db", end_after_reading)
        call_command("oidc_logout_clear_sessions", verbosity=0)
    end_sessions(sub="ada")
    assert not is_signed_in(client)


@pytest.mark.parametrize("name", ["cache", "cached_db"])
def test_sessions_in_a_cache_that_is_down_keep_their_rows(settings, sign_in, monkeypatch, name):
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{name}"
    sign_in()
    Session.objects.all().delete()

    def down(*args, **kwargs):
        raise ConnectionError("down")

    with monkeypatch.context() as patch:
        for method in ("get", "get_many"):
            patch.setattr(type(caches["default"]), method, down)
        with pytest.raises(CommandError, match="does not respond"):
            call_command("oidc_logout_clear_sessions")
    assert OIDCSession.objects.exists()


@pytest.mark.parametrize("clear", [end.clear_gone, lifetime.clear, validity.clear])
def test_session_that_cannot_be_deleted_stops_no_other(monkeypatch, caplog, clear):
    ada = get_user_model().objects.create(username="ada", is_active=False)
    rows = [create_row(user=ada, ends_at=timezone.now()) for _ in range(6)]
    delete = engines.delete

    def fails_for_first(*keys):
        if rows[0].session_key in keys:
            raise OSError
        delete(*keys)

    monkeypatch.setattr(engines, "delete", fails_for_first)
    monkeypatch.setattr(index, "BATCH", 2)
    with pytest.raises(SessionsNotEnded) as raised:
        clear()
    assert (raised.value.ended, raised.value.failed) == (5, 1)
    assert OIDCSession.objects.get() == rows[0]
    assert caplog.text.count("Could not end a session") == 1


STEPS = {
    "marks": (reauthentication, "prune"),
    "received events": (receipts, "clear"),
    "history": (history, "clear"),
    "overdue": (lifetime, "clear"),
    "gone": (end, "clear_gone"),
    "invalid": (validity, "clear"),
}


@pytest.mark.parametrize(
    ("failing", "rows", "events"),
    [
        ("marks", 21, 7),
        ("received events", 21, 7),
        ("history", 21, 0),
        ("overdue", 14, 7),
        ("gone", 14, 7),
        ("invalid", 14, 7),
    ],
)
def test_step_of_the_command_that_fails_stops_no_other(monkeypatch, failing, rows, events):
    def fail():
        raise RuntimeError("down")  # every store raises its own exceptions

    for name, (module, function) in STEPS.items():
        monkeypatch.setattr(module, function, fail if name == failing else lambda: 7)
    out = StringIO()
    with pytest.raises(CommandError, match=r"RuntimeError: down\. Run this command again"):
        call_command("oidc_logout_clear_sessions", stdout=out)
    lines = [f"Rows removed: {rows}", *[f"Events removed: {events}"] * bool(events)]
    assert out.getvalue().splitlines() == lines


def test_command_counts_the_sessions_that_ended_before_a_failure(monkeypatch):
    def fail():
        raise SessionsNotEnded(ended=3, failed=1)

    monkeypatch.setattr(lifetime, "clear", fail)
    monkeypatch.setattr(validity, "clear", fail)
    out = StringIO()
    with pytest.raises(CommandError) as raised:
        call_command("oidc_logout_clear_sessions", stdout=out)
    assert str(raised.value).count("could not be ended") == 1  # the same reason, once
    assert out.getvalue() == "Rows removed: 6\n"


def test_command_ends_a_session_that_only_the_cache_still_has(settings, sign_in):
    """As of a request that ended it in the database, and died before it could in the cache."""
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
    client, other = sign_in(), sign_in()
    Session.objects.filter(session_key=client.session.session_key).delete()
    assert is_signed_in(client)
    assert clear() == "Rows removed: 1\n"
    assert not is_signed_in(client)
    assert is_signed_in(other)


def clear():
    out = StringIO()
    call_command("oidc_logout_clear_sessions", stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("engine", ["db", "cache", "cached_db", "file"])
def test_rows_of_sessions_that_are_gone_are_removed(settings, tmp_path, sign_in, engine):
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    settings.SESSION_FILE_PATH = str(tmp_path)
    live, deleted, expired = sign_in(), sign_in(), sign_in()
    deleted.session.delete(deleted.session.session_key)
    session = expired.session
    session.set_expiry(timezone.now() - timedelta(seconds=1))
    session.save()
    OIDCSession.objects.update(expires_at=timezone.now() - timedelta(days=1))  # says nothing
    files = len(list(tmp_path.iterdir()))
    assert clear() == "Rows removed: 2\n"
    assert OIDCSession.objects.get().session_key == live.session.session_key
    assert is_signed_in(live)
    assert len(list(tmp_path.iterdir())) <= files
    assert clear() == "Rows removed: 0\n"


def test_rows_of_sessions_in_cookies_go_long_after_their_last_use(settings, sign_in):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    sign_in()
    age = timedelta(seconds=settings.SESSION_COOKIE_AGE)
    OIDCSession.objects.update(expires_at=timezone.now() - age / 2)
    assert clear() == "Rows removed: 0\n"
    OIDCSession.objects.update(expires_at=timezone.now() - age - timedelta(seconds=1))
    assert clear() == "Rows removed: 1\n"


@pytest.fixture(params=ENGINES)
def prolonged(request, settings, tmp_path, sign_in):
    """Return a client whose session every page prolongs, by more than half of its life by now."""
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{request.param}"
    settings.SESSION_FILE_PATH = str(tmp_path)
    client = sign_in()
    settings.SESSION_SAVE_EVERY_REQUEST = True
    settings.SESSION_COOKIE_AGE *= 3
    return client


def test_row_lasts_as_long_as_its_session(settings, prolonged):
    prolonged.get("/private/")
    row = OIDCSession.objects.get()
    assert row.expires_at > timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE * 0.9)
    with CaptureQueriesContext(connection) as queries:
        prolonged.get("/private/")
    assert not [query for query in queries if "UPDATE" in query["sql"] and "oidc" in query["sql"]]
    assert OIDCSession.objects.get().expires_at == row.expires_at


def test_index_that_cannot_be_extended_breaks_no_page(prolonged, monkeypatch, caplog):
    def fail(*args, **kwargs):
        raise DatabaseError("down")

    monkeypatch.setattr("django.db.models.query.QuerySet.update", fail)
    assert prolonged.get("/private/").status_code == 200
    assert "expiry date or last use" in caplog.text


def test_pages_of_nobody_are_no_matter(settings, client):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    settings.SESSION_SAVE_EVERY_REQUEST = True
    assert client.get("/private/").status_code == 200
