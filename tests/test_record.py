"""Rows are written, moved and removed, whatever is in the way."""

from __future__ import annotations

from functools import partialmethod

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model, login
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.db import IntegrityError, OperationalError

from django_oidc_logout.api import remember_login, renew_login
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.sessions import bound_store, engines, entry, flushed, record
from tests.factories import PASSWORD_BACKEND, is_signed_in

pytestmark = pytest.mark.django_db


def request_of(rf, session, user=None):
    request = rf.get("/")
    request.session, request.user = session, user or AnonymousUser()
    return request


@pytest.fixture
def ada(rf, idp):
    """Return a request of Ada's, whose sign-in is recorded."""
    request = request_of(rf, SessionStore())
    login(request, get_user_model().objects.create_user("ada"), backend=PASSWORD_BACKEND)
    remember_login(request, idp.id_token(sid="old"))
    return request


class Failing:
    """Fails so many times, and then does what it stands for."""

    def __init__(self, function, exception, times):
        self.function, self.exception, self.times = function, exception, times
        self.calls = 0

    def __call__(self, *args, **kwargs):
        self.calls += 1
        if self.calls <= self.times:
            raise self.exception
        return self.function(*args, **kwargs)


@pytest.fixture
def slept(monkeypatch):
    """Let no time pass, and return how long it would have been."""
    seconds = []
    monkeypatch.setattr(record.time, "sleep", seconds.append)
    return seconds


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("times", [1, 5, 6])
def test_row_is_written_again_if_another_connection_is_in_the_way(
    rf, idp, monkeypatch, slept, times
):
    locked = Failing(OIDCSession.save, OperationalError("database is locked"), times)
    monkeypatch.setattr(OIDCSession, "save", partialmethod(locked))
    row = remember_login(request_of(rf, SessionStore()), idp.id_token())
    assert (row is not None) is (times < 6)
    assert len(slept) == min(times, len(record.RETRY_DELAYS))
    assert sum(slept) < 3


def test_transaction_that_has_failed_is_not_tried_again(rf, idp, monkeypatch, slept):
    locked = Failing(OIDCSession.save, OperationalError("database is locked"), 1)
    monkeypatch.setattr(OIDCSession, "save", partialmethod(locked))
    assert remember_login(request_of(rf, SessionStore()), idp.id_token()) is None
    assert (locked.calls, slept) == (1, [])


def test_row_of_a_session_that_has_lost_its_entry_is_updated(ada, idp):
    del ada.session[entry.ENTRY]
    row = remember_login(ada, idp.id_token(sid="new"))
    assert OIDCSession.objects.get() == row
    assert row.sid == "new"


def test_row_that_breaks_another_rule_of_the_database_is_not_recorded(rf, idp, monkeypatch, caplog):
    broken = Failing(OIDCSession.save, IntegrityError("another rule"), 1)
    monkeypatch.setattr(OIDCSession, "save", partialmethod(broken))
    assert remember_login(request_of(rf, SessionStore()), idp.id_token()) is None
    assert "reason=IntegrityError" in caplog.text


def test_row_that_is_removed_while_it_is_updated_is_written_anew(ada, idp, monkeypatch):
    update = record._update

    def remove_first(key, values):
        OIDCSession.objects.all().delete()
        return update(key, values)

    monkeypatch.setattr(record, "_update", remove_first)
    assert remember_login(ada, idp.id_token(sid="new")).sid == "new"


@pytest.mark.parametrize("verb", [remember_login, renew_login])
def test_new_tokens_do_not_change_who_acts_as_whom(ada, idp, verb):
    staff, grace = ada.user, get_user_model().objects.create_user("grace")
    OIDCSession.objects.update(acts_as=grace)
    ada.user = grace
    row = verb(ada, idp.id_token(sid="new"))
    assert (row.user, row.acts_as, row.sid) == (staff, grace, "new")


def test_renewal_keeps_who_signed_in(ada, idp):
    """django-impersonate changes `request.user`, and not the session."""
    person, ada.user = ada.user, get_user_model().objects.create_user("grace")
    row = renew_login(ada, idp.id_token(sid="new"))
    assert (row.user, row.acts_as, row.sid) == (person, None, "new")


def test_login_is_flushed_if_the_session_ends_meanwhile(ada, monkeypatch):
    bound_store.bind(ada)
    monkeypatch.setattr(record, "_move", lambda row, old_key: False)
    login(ada, get_user_model().objects.create_user("grace"), backend=PASSWORD_BACKEND)
    assert ada.session.is_empty()
    assert ada.user == AnonymousUser()


def test_row_stays_if_the_session_that_is_replaced_cannot_be_deleted(idp, sign_in, monkeypatch):
    client = sign_in()
    monkeypatch.setattr(engines, "delete_hidden", lambda key: False)
    idp.userinfo = {"email": "grace@example.com"}
    sign_in(client, sub="grace")
    assert {row.sub for row in OIDCSession.objects.all()} == {"ada", "grace"}


@pytest.mark.parametrize("broken", ["remove_replaced", "follow_login"])
def test_index_that_fails_breaks_no_login(idp, sign_in, monkeypatch, broken, caplog):
    client = sign_in()
    monkeypatch.setattr(record, broken, Failing(None, OperationalError("down"), 1))
    if broken == "follow_login":
        client.force_login(get_user_model().objects.create_user("grace"), PASSWORD_BACKEND)
    else:
        idp.userinfo = {"email": "grace@example.com"}
        sign_in(client, sub="grace")
    assert is_signed_in(client)
    assert "Could not re" in caplog.text


def test_session_that_is_flushed_by_async_code_is_noted(ada):
    bound_store.bind(ada)
    key = ada.session.session_key
    async_to_sync(ada.session.aflush)()
    assert flushed.of(ada.session).row_key == key


def test_person_signs_in_again_in_the_same_session(engine, sign_in, rf, idp):
    """`login()` only changes the key then, and the middleware has moved the row already."""
    client = sign_in()
    request = request_of(rf, engines.store()(client.cookies["sessionid"].value))
    bound_store.bind(request)
    login(request, get_user_model().objects.get(), backend=PASSWORD_BACKEND)
    request.session.save()
    assert OIDCSession.objects.get().session_key == entry.row_key(request.session)
