"""Events and sign-ins that cross: the event may arrive before the row of the session is written."""

from __future__ import annotations

import time
from unittest import mock

import pytest
from django.core.cache import cache

from django_oidc_logout.codes import EndedCode
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.security_events import selection
from django_oidc_logout.sessions import engines, tombstones
from tests import events
from tests.events import assert_accepted
from tests.factories import is_signed_in, other_provider, renew

pytestmark = pytest.mark.django_db

EMAIL = {"format": "email", "email": "Ada@example.com"}


def opaque(name):
    return {"format": "opaque", "id": name}


def with_session(user, sid="session-1"):
    return {"format": "complex", "user": user, "session": opaque(sid)}


def aliases(*identifiers):
    return {"format": "aliases", "identifiers": identifiers}


OF_ADA = {
    "iss_sub": None,
    "email": EMAIL,
    "account": {"format": "account", "uri": "acct:ada@example.com"},
    "opaque, a user's": opaque("ada"),
    "opaque, a session's": opaque("session-1"),
    "session": {"format": "complex", "session": opaque("session-1")},
    "session and opaque user": with_session(opaque("ada")),
    "session and email": with_session(EMAIL),
    "all sessions": with_session(EMAIL, "ALL"),
    "aliases, the first": aliases(opaque("ada"), EMAIL),
    "aliases, the second": aliases(opaque("nobody"), opaque("ada")),
    "aliases, the weakest": aliases(EMAIL, opaque("nobody")),
    "session and aliases": with_session(aliases(EMAIL, opaque("nobody"))),
}
OF_OTHERS = {
    "another user": opaque("grace"),
    "another email": EMAIL | {"email": "grace@example.com"},
    "another session": {"format": "complex", "session": opaque("session-2")},
    "another session of the user": with_session(opaque("ada"), "session-2"),
    "the session of another user": with_session(opaque("grace")),
    "the session of another email": with_session(EMAIL | {"email": "grace@example.com"}),
    "nobody": {"format": "did"},
    "aliases of another": aliases(opaque("grace"), EMAIL | {"email": "grace@example.com"}),
}
BEFORE, AFTER = -30, 10  # seconds from the sign-in to the event


@pytest.fixture
def post(make):
    """Return a function that posts an event which occurs so many seconds from now."""

    def post(subject=None, seconds=AFTER):
        named = {"sub_id": subject} if subject else {}
        assert_accepted(events.post(make(iat=int(time.time()) + seconds, **named)))

    return post


@pytest.fixture
def ada(sign_in):
    """Return a function that signs Ada in, with an authentication that satisfies any mark."""

    def sign_in_ada(**claims):
        standard = {"auth_time": int(time.time()) + 5, "email": "ada@example.com"}
        return sign_in(**(standard | {"email_verified": True} | claims))

    return sign_in_ada


# A subject, when the event occurs, and whether it ends the session.
CROSSINGS = {
    **{f"{name}, after": (subject, AFTER, True) for name, subject in OF_ADA.items()},
    **{f"{name}, before": (subject, BEFORE, False) for name, subject in OF_ADA.items()},
    **{name: (subject, AFTER, False) for name, subject in OF_OTHERS.items()},
}


@pytest.mark.parametrize("name", CROSSINGS)
def test_event_after_the_row(post, ada, name):
    subject, seconds, ends = CROSSINGS[name]
    client = ada()
    post(subject, seconds)
    assert is_signed_in(client) is not ends


@pytest.mark.parametrize("name", CROSSINGS)
def test_event_before_the_row(post, ada, signals, name):
    """The same sessions end."""
    subject, seconds, ends = CROSSINGS[name]
    post(subject, seconds)
    client = ada()
    assert is_signed_in(client) is not ends
    reasons = [reason for _, reason in signals["ended"]]
    assert reasons == [EndedCode.SECURITY_EVENT_EARLY.sentence] * ends
    assert OIDCSession.objects.exists() is not ends


@pytest.mark.parametrize(("is_known", "ends"), [(True, False), (False, True)])
def test_email_that_is_not_known(configure, post, ada, is_known, ends):
    """authentik's sessions have an ID that suffices if the address is not verified."""
    configure(BACKEND="django_oidc_logout.providers.AuthentikProvider")
    post(with_session(EMAIL))
    claims = {"email": "grace@example.com"} if is_known else {"email_verified": False}
    assert is_signed_in(ada(**claims)) is not ends


def test_sign_in_after_its_sessions_have_ended(post, ada):
    """Even in the same second."""
    ada()
    post(seconds=0)
    assert is_signed_in(ada())


def test_older_event_does_not_shorten_the_reach_of_a_newer_one(post, ada):
    for seconds in (-10, -60):
        post(EMAIL, seconds)
    assert not is_signed_in(ada(iat=int(time.time()) - 30))
    assert is_signed_in(ada())


def test_repetition_does_not_lengthen_the_reach(make, ada):
    token = make()
    ada()
    for _ in range(2):
        assert_accepted(events.post(token))
    assert is_signed_in(ada())


def test_event_that_arrives_late_reaches_only_sign_ins_under_way(configure, post, ada):
    """Nobody's sign-in takes as long as it has been under way."""
    configure(MAX_TOKEN_AGE=30)
    post(EMAIL, -60)
    assert not is_signed_in(ada(iat=int(time.time()) - 70))
    cache.clear()
    post(EMAIL, -120)
    assert is_signed_in(ada(iat=int(time.time()) - 130))


def test_sign_in_without_iat(post, ada):
    post(EMAIL, 0)
    assert not is_signed_in(ada(iat=None, auth_time=None))


def test_event_of_another_provider(idp, configure, ada):
    other_provider(configure, idp, SHARED_SIGNALS={"JWKS_URI": f"{idp.issuer}/jwks"})
    for subject in (EMAIL, opaque("ada"), opaque("session-1")):
        claims = {"iat": int(time.time()) + AFTER, "sub_id": subject}
        token = events.encode(events.claims_of("https://other.example.com", aud="site", **claims))
        assert_accepted(events.post(token))
    assert is_signed_in(ada())


def test_sign_in_while_the_event_looks_for_rows(post, ada, monkeypatch):
    """The event has left its tombstones before it looks."""
    clients = []

    def found(*given):
        rows = find_rows(*given)
        clients.append(ada())
        return rows

    find_rows = selection.find_rows
    monkeypatch.setattr(selection, "find_rows", found)
    post(EMAIL)
    assert [is_signed_in(client) for client in clients] == [False]


@pytest.mark.urls("tests.urls_sessions")
def test_event_before_a_renewal_is_recorded(idp, post, ada):
    client = ada()
    post({"format": "complex", "session": opaque("new")})
    renew(client, idp.id_token(sid="new"))
    assert not is_signed_in(client)


def test_store_that_fails_has_left_the_tombstones(make, ada, monkeypatch):
    """So a sign-in under way ends, even before the provider sends the event again."""
    ada()
    token = make(iat=int(time.time()) + AFTER, sub_id=EMAIL)
    with monkeypatch.context() as patch:
        patch.setattr(engines, "delete", mock.Mock(side_effect=ConnectionError))
        assert events.post(token).status_code == 503
    assert not is_signed_in(ada(sid="another"))


def test_site_without_security_events_pays_nothing(configure, make, ada, monkeypatch):
    looked_for = []
    monkeypatch.setattr(tombstones, "_event_name", looked_for.append)
    ada()
    assert looked_for
    looked_for.clear()
    configure(SHARED_SIGNALS=None)
    ada()
    assert not looked_for
