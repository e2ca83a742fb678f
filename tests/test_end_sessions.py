"""`end_sessions`, the one road on which sessions are ended from elsewhere, and housekeeping."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_oidc_logout import index
from django_oidc_logout.api import aend_sessions, end_sessions
from django_oidc_logout.exceptions import SessionsNotEnded
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.signals import session_ended
from tests.conftest import is_signed_in

pytestmark = pytest.mark.django_db


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


@pytest.mark.parametrize("criteria", [{"sub": "ada"}, {"sid": "desk"}], ids=str)
def test_whose_identifier_it_is(configure, people, criteria):
    configure("other", ISSUER="https://other.example.com")
    with pytest.raises(ValueError, match="say whose sub or sid it is"):
        end_sessions(**criteria)
    assert all(map(is_signed_in, people.values()))


def test_store_that_fails(people, monkeypatch, caplog):
    def fail(key):
        raise OSError("store is down")

    monkeypatch.setattr("django_oidc_logout.sessions.delete", fail)
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


def test_session_that_another_call_has_ended_counts_once(people, monkeypatch):
    seen = []

    def ended(session, **kwargs):
        seen.append(session)

    session_ended.connect(ended)
    rows = list(OIDCSession.objects.filter(sid="phone"))
    assert [index.end(row) for row in [*rows, OIDCSession(pk=0, session_key="gone")]] == [
        True,
        False,
    ]
    monkeypatch.setattr(index, "matching", lambda **kwargs: [OIDCSession(pk=0, session_key="gone")])
    assert end_sessions(sub="ada") == 0
    session_ended.disconnect(ended)
    assert seen == []


# clear_oidc_sessions


def clear():
    out = StringIO()
    call_command("clear_oidc_sessions", stdout=out)
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


ENGINES = ["db", "cache", "cached_db", "file", "signed_cookies"]


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
    assert "lasts longer" in caplog.text


def test_pages_of_nobody_are_no_matter(settings, client):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    settings.SESSION_SAVE_EVERY_REQUEST = True
    assert client.get("/private/").status_code == 200
