"""What a session carries of its row, and what is made of something else in its place."""

from __future__ import annotations

import time

import pytest
from django.contrib.sessions.backends.db import SessionStore

from django_oidc_logout import engines, sessions

GOOD = {"key": "k", "token": "t", "until": 1.0}
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
}


def session(**content):
    store = SessionStore()
    store.update(content)
    return store


def test_an_entry():
    filed = session(_oidc_logout=GOOD, oidc_id_token="token")
    assert sessions.filed_key(filed) == "k"
    assert sessions.has_moved(filed)
    assert sessions.has_lengthened(filed)
    assert sessions.unseen_id_token(filed) == "token"


@pytest.mark.parametrize("entry", NONE.values(), ids=NONE)
def test_what_is_no_entry(entry):
    """Another app's, or an older version's: it must break no page, and keep nobody signed in."""
    given = session(_oidc_logout=entry, oidc_id_token="token")
    assert sessions.filed_key(given) == ""
    assert not sessions.has_moved(given)
    assert not sessions.has_lengthened(given)
    assert sessions.unseen_id_token(given) == ""


def test_an_id_token_that_no_encoding_can_hold_is_only_unseen():
    assert sessions.unseen_id_token(session(_oidc_logout=GOOD, oidc_id_token="\ud800")) == "\ud800"


def test_an_entry_is_brought_up_to_date():
    filed = session(_oidc_logout=GOOD)
    filed._session_key = "x" * 32
    sessions.mark_moved(filed)
    assert filed["_oidc_logout"] == GOOD | {"key": "x" * 32}
    assert not sessions.has_moved(filed)
    filed.set_expiry(3600)
    sessions.mark_lengthened(filed)
    until = filed["_oidc_logout"]["until"]
    assert filed["_oidc_logout"] == GOOD | {"key": "x" * 32, "until": until}
    assert abs(until - time.time() - 3600) < 60
    assert not sessions.has_lengthened(filed)


@pytest.mark.django_db
def test_session_that_was_not_found_ends_by_its_cookie(settings, rf):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    hidden = engines.store()()
    hidden["a"] = 1
    hidden.save()
    request = rf.post("/")
    request.session = engines.store()()
    sessions.end_current(request)  # without a cookie there is nothing to end
    assert hidden.exists(hidden.session_key)
    request.COOKIES[settings.SESSION_COOKIE_NAME] = hidden.session_key
    sessions.end_current(request)
    assert not hidden.exists(hidden.session_key)
