"""What a session carries of its row, and what is made of something else in its place."""

from __future__ import annotations

import pytest
from django.contrib.sessions.backends.db import SessionStore

from django_oidc_logout import sessions

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
