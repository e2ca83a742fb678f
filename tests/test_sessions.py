"""The session entry, and how unexpected values in its place are handled."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from django.contrib import auth
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_out
from django.contrib.sessions.backends.base import VALID_KEY_CHARS
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session

from django_oidc_logout.sessions import end_own, engines, entry, pending

GOOD = {"key": "k", "token": "t", "until": 1.0, "seen": 1.0}
NONE = {
    "nothing": None,
    "text": "k",
    "a list": ["key"],
    "empty": {},
    "of another version": {"key": "k", "token": "t"},
    "with more": GOOD | {"more": 1},
    "key a number": GOOD | {"key": 5},
    "key null": GOOD | {"key": None},
    "token a list": GOOD | {"token": []},
    "until text": GOOD | {"until": "1"},
    "seen text": GOOD | {"seen": "1"},
}


def session(**content):
    store = SessionStore()
    store.update(content)
    return store


def test_an_entry():
    filed = session(_oidc_logout=GOOD, oidc_id_token="token")
    assert entry.row_key(filed) == "k"
    assert entry.key_has_changed(filed)
    assert entry.expiry_differs(filed)
    assert entry.new_id_token(filed) == "token"


@pytest.mark.parametrize("foreign", NONE.values(), ids=NONE)
def test_what_is_no_entry(foreign):
    """Another app's or an older version's value must not break a page or keep people signed in."""
    given = session(_oidc_logout=foreign, oidc_id_token="token")
    assert entry.row_key(given) == ""
    assert not entry.key_has_changed(given)
    assert not entry.expiry_differs(given)
    assert entry.new_id_token(given) == ""


def test_an_id_token_that_no_encoding_can_hold_is_only_unseen():
    assert entry.new_id_token(session(_oidc_logout=GOOD, oidc_id_token="\ud800")) == "\ud800"


def test_an_entry_is_brought_up_to_date():
    filed = session(_oidc_logout=GOOD)
    filed._session_key = "x" * 32
    entry.mark_key(filed)
    assert filed["_oidc_logout"] == GOOD | {"key": "x" * 32}
    assert not entry.key_has_changed(filed)
    filed.set_expiry(3600)
    entry.mark_expiry(filed)
    until = filed["_oidc_logout"]["until"]
    seen = filed["_oidc_logout"]["seen"]
    assert filed["_oidc_logout"] == GOOD | {"key": "x" * 32, "until": until, "seen": seen}
    assert abs(seen - time.time()) < 60
    assert abs(until - time.time() - 3600) < 60
    assert not entry.expiry_differs(filed)


@pytest.mark.parametrize(("ago", "expected"), [(3500, False), (3700, True)])
def test_row_says_to_the_hour_when_a_session_was_seen(ago, expected):
    filed = session(_oidc_logout=GOOD)
    filed.set_expiry(3600)
    entry.mark_expiry(filed)
    filed["_oidc_logout"] = {**filed["_oidc_logout"], "seen": time.time() - ago}
    assert entry.expiry_differs(filed) == expected


@pytest.mark.django_db
def test_session_that_was_not_found_ends_by_its_cookie(settings, rf):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    hidden = engines.store()()
    hidden["a"] = 1
    hidden.save()
    request = rf.post("/")
    request.session = engines.store()()
    end_own.end_current(request, None)  # without a cookie there is nothing to end
    assert hidden.exists(hidden.session_key)
    request.COOKIES[settings.SESSION_COOKIE_NAME] = hidden.session_key
    end_own.end_current(request, None)
    assert not hidden.exists(hidden.session_key)


def test_entry_that_is_made():
    """Later versions read it, so its format must stay the same."""
    until = datetime(2030, 1, 2, tzinfo=UTC)
    filed = session(_session_expiry=until)
    entry.mark_recorded(filed, "k", "token")
    of_token = "3c469e9d6c5875d3"  # the first 16 digits of its SHA-256
    seen = filed["_oidc_logout"].pop("seen")
    assert abs(seen - time.time()) < 60
    assert filed["_oidc_logout"] == {"key": "k", "token": of_token, "until": until.timestamp()}
    filed["_oidc_logout"]["seen"] = seen
    filed["oidc_id_token"] = "token"
    assert entry.new_id_token(filed) == ""


@pytest.mark.requirement("ASVS 7.3.1")
@pytest.mark.parametrize(
    ("gained", "lengthened"),
    [(-360, True), (-0.5, False), (1440, False), (1800, False), (2160, True)],
)
def test_session_that_lasts_longer_or_less_long(monkeypatch, gained, lengthened):
    now = datetime(2030, 1, 2, tzinfo=UTC)
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    until = now.timestamp() + 3600 - gained
    filed = session(_session_expiry=3600, _oidc_logout=GOOD | {"until": until, "seen": time.time()})
    assert entry.expiry_differs(filed) is lengthened


@pytest.mark.parametrize(
    ("engine", "content", "moved"),
    [
        ("db", {}, False),
        ("db", {"_oidc_logout": GOOD}, True),
        ("db", {"_oidc_logout": GOOD | {"key": "x" * 32}}, False),
        ("signed_cookies", {"_oidc_logout": GOOD}, False),
    ],
)
def test_session_that_has_moved(settings, engine, content, moved):
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    given = session(**content)
    given._session_key = "x" * 32
    assert entry.key_has_changed(given) is moved


@pytest.mark.parametrize(
    ("content", "by_provider"),
    [
        ({}, False),
        ({"_oidc_logout": GOOD}, True),
        ({"oidc_id_token_expiration": 0}, True),
        ({"_auth_user_id": "1"}, False),
    ],
    ids=["nobody", "filed", "mozilla's", "password"],
)
def test_session_that_was_signed_in_through_a_provider(content, by_provider):
    assert entry.is_from_provider(session(**content)) is by_provider


@pytest.mark.parametrize(
    ("every_request", "modified", "saved"),
    [(False, False, False), (False, True, True), (True, False, True)],
)
def test_session_that_is_to_be_saved(settings, every_request, modified, saved):
    settings.SESSION_SAVE_EVERY_REQUEST = every_request
    given = SessionStore()
    given.modified = modified
    assert entry.will_be_saved(given) is saved


@pytest.mark.django_db
def test_key_under_which_a_session_is_filed():
    new = SessionStore()
    key = entry.final_key(new)
    assert key == new.session_key
    assert new.exists(key)
    assert entry.final_key(new) == key
    saved_by_its_request = SessionStore("x" * 32)
    assert entry.final_key(saved_by_its_request) == "x" * 32
    assert not new.exists("x" * 32)


def test_key_under_which_a_session_in_a_cookie_is_filed(settings):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    new = engines.store()()
    keys = {entry.final_key(new) for _ in range(9)}
    assert len(keys) == 9
    assert {len(key) for key in keys} == {32}
    assert set("".join(keys)) <= set(VALID_KEY_CHARS)
    new["_oidc_logout"] = GOOD
    assert entry.final_key(new) == "k"


def test_tokens_are_taken_once(rf):
    request = rf.get("/")
    request.session = session()
    assert pending.take(request, None) is None
    noted = pending.PendingTokens(id_token="noted")
    pending.put(request, noted)
    request.session["oidc_id_token"] = "mozilla's"
    assert pending.take(request, None) == noted
    assert pending.take(request, None) == pending.PendingTokens(id_token="mozilla's")


@pytest.mark.django_db
def test_who_is_signed_in(rf, django_user_model):
    ada = django_user_model.objects.create_user("ada")
    request = rf.get("/")
    request.session = session()
    assert entry.signed_in_user(request) is None
    auth.login(request, ada, "django.contrib.auth.backends.ModelBackend")
    assert not hasattr(request, "user")  # as without the authentication middleware
    assert entry.signed_in_user(request) == ada
    for user, expected in [(ada, ada), (None, None), (AnonymousUser(), None)]:
        request.user = user
        assert entry.signed_in_user(request) == expected


def fail(*args, **kwargs):
    raise OSError("down")


@pytest.fixture
def request_of_ada(rf, django_user_model):
    request = rf.post("/")
    request.session, request.user = session(), AnonymousUser()
    ada = django_user_model.objects.create_user("ada")
    auth.login(request, ada, "django.contrib.auth.backends.ModelBackend")
    request.session["_oidc_logout"] = GOOD
    request.session.save()
    return request


def is_anonymous(request):
    return request.user == AnonymousUser() and request.session.is_empty()


@pytest.mark.requirement("ASVS 7.4.1")
@pytest.mark.django_db
def test_session_that_ends(request_of_ada, caplog):
    key = request_of_ada.session.session_key
    assert end_own.end_current(request_of_ada, None) is True
    assert is_anonymous(request_of_ada)
    assert not SessionStore().exists(key)
    assert caplog.messages == []


@pytest.mark.django_db
def test_receivers_can_read_what_has_ended(request_of_ada):
    """They are asked after the session has ended, and cannot bring it back."""
    key, seen = request_of_ada.session.session_key, []

    def note(request, user, **kwargs):
        session = request.session
        seen.append((session.session_key, entry.row_key(session), user.username))
        assert not SessionStore().exists(key)
        session.save()
        session.cycle_key()
        assert not session.exists(key)
        assert session.load() == {}

    user_logged_out.connect(note)
    try:
        end_own.end_current(request_of_ada, None)
    finally:
        user_logged_out.disconnect(note)
    assert seen == [(key, GOOD["key"], "ada")]
    assert is_anonymous(request_of_ada)
    assert not Session.objects.exists()


@pytest.mark.django_db
def test_session_ends_if_a_receiver_fails(request_of_ada, caplog):
    key = request_of_ada.session.session_key
    user_logged_out.connect(fail)
    try:
        assert end_own.end_current(request_of_ada, None) is True
    finally:
        user_logged_out.disconnect(fail)
    assert is_anonymous(request_of_ada)
    assert not SessionStore().exists(key)
    told = "A receiver of user_logged_out failed, the session ends anyway"
    assert caplog.messages == [told]


@pytest.mark.django_db
def test_session_that_its_store_does_not_delete_is_forgotten(request_of_ada, caplog, monkeypatch):
    monkeypatch.setattr(SessionStore, "delete", fail)
    assert end_own.end_current(request_of_ada, None) is False
    assert is_anonymous(request_of_ada)
    assert request_of_ada.session.session_key is None
    told = "Could not delete a session, the browser will forget it"
    assert caplog.messages[-1] == told


def test_who_cannot_be_loaded_is_nobody(rf, caplog):
    request = rf.get("/")  # without a session
    assert entry.known_user(request) is None
    assert caplog.messages == ["Could not load the signed-in user, signing out without a name"]


HIDDEN = "h" * 32


@pytest.mark.django_db
@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(
    ("engine", "cookies", "deleted"),
    [
        ("cache", {"sessionid": HIDDEN}, [HIDDEN]),
        ("cached_db", {"sessionid": HIDDEN}, [HIDDEN]),
        ("db", {"sessionid": HIDDEN}, []),
        ("file", {"sessionid": HIDDEN}, []),
        ("cache", {"sessionid": ""}, []),
        ("cache", {"sessionid": "no key, but 'garbage'"}, []),
        ("cache", {}, []),
    ],
    indirect=["engine"],
)
def test_session_that_was_not_found_may_be_in_a_cache(rf, monkeypatch, cookies, deleted):
    seen = []
    monkeypatch.setattr(engines, "delete", lambda *keys: seen.extend(keys))
    request = rf.post("/")
    request.session = engines.store()()
    request.COOKIES.update(cookies)
    assert end_own.end_current(request, None) is True
    assert seen == deleted


@pytest.mark.django_db
def test_session_that_was_found_is_deleted_once(settings, rf, monkeypatch):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    request = rf.post("/")
    request.session = engines.store()()
    request.session.save()
    request.COOKIES[settings.SESSION_COOKIE_NAME] = request.session.session_key
    monkeypatch.setattr(engines, "delete", fail)
    assert end_own.end_current(request, None) is True
