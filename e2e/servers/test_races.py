"""A session that ends while something else happens to it stays ended, on every engine."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from functools import partial
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth import update_session_auth_hash
from django.core.cache import cache
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.urls import path

from django_oidc_logout.api import end_sessions
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.sessions import engines
from django_oidc_logout.sessions.end import clear_gone
from e2e.servers.conftest import assert_ended
from e2e.servers.interleaving import stopped_before
from tests.factories import copy_of, is_signed_in, post_logout_token
from tests.idp import MISSING
from tests.urls import urlpatterns as site_urls

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("database_server", "engine"),
    pytest.mark.urls(__name__),
]

THREADS = 100
MEANWHILE = threading.local()  # what a test wants done while a request is under way


def read(request):
    pass


def change(request):
    request.session["basket"] = ["book"]


def cycle_key(request):
    request.session.cycle_key()


def change_password(request):
    request.user.set_password(f"{request.user.password} and more")
    request.user.save()
    update_session_auth_hash(request, request.user)


def store_id_token(request):
    """As mozilla-django-oidc does with OIDC_STORE_ID_TOKEN."""
    request.session["oidc_id_token"] = request.META["NEW_ID_TOKEN"]


WORK = {work.__name__: work for work in (read, change, cycle_key, change_password, store_id_token)}


def work(request, name):
    if not request.user.is_authenticated:
        return HttpResponse("This page is private.", status=403)
    before, after = MEANWHILE.__dict__.pop("is_done", (None, None))
    if before:
        before()
    WORK[name](request)
    if after:
        after()
    return HttpResponse("worked")


urlpatterns = [*site_urls, path("under-way/<name>/", work)]


@pytest.fixture(autouse=True)
def _site(settings, monkeypatch):
    # A client would raise what the request of another thread's client has raised.
    monkeypatch.setattr(Client, "check_exception", lambda client, response: None)
    settings.SESSION_SAVE_EVERY_REQUEST = True  # so that merely reading prolongs a session
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "mozilla_django_oidc.middleware.SessionRefresh"]


@pytest.fixture
def end_here(logout_token):
    """Return a function that lets the provider end all of Ada's sessions."""

    def end():
        status = answer_to(logout_token(sid=MISSING))
        assert status == 200
        return status

    return end


@pytest.fixture
def end(end_here, aside):
    """Return a function that does so in a thread, and returns a future."""

    def end():
        return aside(end_here)

    return end


def answer_to(token):
    return post_logout_token(token).status_code


# A request in flight.


@pytest.fixture
def working(idp):
    """Return a function that makes a client's action of a kind of work."""

    def working(client, name):
        new = {"NEW_ID_TOKEN": idp.id_token(sid="new")}
        return lambda: client.get(f"/under-way/{name}/", **new)

    return working


@pytest.fixture
def refreshing(idp):
    """Return a function that makes an action that silently renews a client's tokens."""

    def refreshing(client):
        session = client.session
        session["oidc_id_token_expiration"] = 0
        session.save()
        client.cookies["sessionid"] = session.session_key
        query = parse_qs(urlsplit(client.get("/private/")["Location"]).query)
        assert query["prompt"] == ["none"]
        idp.claims = {"nonce": query["nonce"][0], "sid": "new"}
        sent_back = {"code": "code", "state": query["state"][0]}
        return lambda: client.get("/oidc/callback/", sent_back)

    return refreshing


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("name", WORK)
def test_request_in_flight_does_not_revive_a_session(sign_in, end, working, name, moment):
    client = sign_in()
    kept, do = copy_of(client), working(client, name)
    statuses = []

    def end_now():
        statuses.append(end().result())

    MEANWHILE.is_done = (end_now, None) if moment == "before" else (None, end_now)
    assert do().status_code in (200, 400)  # 400: Django's SessionInterrupted
    assert statuses == [200]
    assert_ended(client, kept)


def test_silent_refresh_in_flight_does_not_revive_a_session(idp, sign_in, end, refreshing):
    client = sign_in()
    kept, refresh = copy_of(client), refreshing(client)
    statuses = []

    def end_first(handler):
        statuses.append(end().result())
        handler.json(idp._tokens())

    idp.answers["/token"] = end_first
    assert refresh().status_code in (302, 400)
    assert statuses == [200]
    assert_ended(client, kept)


# In every order: one is stopped before each of its steps in turn, while the other runs.


@pytest.fixture(params=[*WORK, "silent refresh", "sign-out"])
def request_of(request, working, refreshing):
    """Return a function that makes an action that sends a client's request."""

    def request_of(client):
        if request.param == "sign-out":
            return lambda: client.post("/oidc/logout/")
        return refreshing(client) if request.param not in WORK else working(client, request.param)

    return request_of


@pytest.fixture
def in_turn(sign_in, monkeypatch):
    """Return a function that tries every order of two actions on a session.

    Both are given a client. It returns what had happened of the first when the second did, for the
    orders that the test finds to be wrong. `others` sessions of the same person are there besides.
    """

    def in_turn(first, second, is_right, others=0):
        wrong = []
        step, is_over = 0, False
        while not is_over:
            step += 1
            client = sign_in()
            kept = [copy_of(client), *(sign_in(sid=f"{number}") for number in range(others))]
            one, other = first(client), second(client)
            with stopped_before(step, other, monkeypatch) as steps:
                one()
            is_over = steps.other is None
            if not is_over and not is_right(client, *kept):
                wrong.append((step, steps.taken[step - 2 : step]))
            OIDCSession.objects.all().delete()
            cache.clear()  # each sign-in has the same sid, which a logout token may have ended
        assert step > 2
        return wrong

    return in_turn


def has_ended(*clients):
    try:
        assert_ended(*clients)
    except AssertionError:
        return False
    return True


def lives(client, *_):
    return is_signed_in(client) and OIDCSession.objects.filter(sub="ada").count() == 1


def test_session_ends_during_a_request(in_turn, request_of, end):
    assert in_turn(request_of, lambda client: end, has_ended) == []


def test_request_during_the_end_of_a_session(in_turn, request_of, end_here, aside):
    def requesting(client):
        request = request_of(client)
        return lambda: aside(request)

    assert in_turn(lambda client: end_here, requesting, has_ended) == []


def test_end_of_a_session_during_its_end(in_turn, end, end_here, signals):
    def has_ended_once(*clients):
        seen, signals["ended"][:] = len(signals["ended"]), []
        return has_ended(*clients) and seen == 1

    assert in_turn(lambda client: end_here, lambda client: end, has_ended_once) == []


# The same while a person's other sessions end with it, all at once.


@pytest.mark.parametrize("name", ["change", "cycle_key"])
def test_sessions_end_during_a_request_of_one(in_turn, working, end, name):
    assert in_turn(lambda client: working(client, name), lambda _: end, has_ended, others=2) == []


@pytest.mark.parametrize("name", ["change", "cycle_key"])
def test_request_of_one_during_the_end_of_sessions(in_turn, working, end_here, aside, name):
    def requesting(client):
        request = working(client, name)
        return lambda: aside(request)

    assert in_turn(lambda client: end_here, requesting, has_ended, others=2) == []


def test_end_of_sessions_during_their_end(in_turn, end, end_here, signals):
    def have_ended_once(*clients):
        seen, signals["ended"][:] = len(signals["ended"]), []
        return has_ended(*clients) and seen == 3

    ending = in_turn(lambda client: end_here, lambda client: end, have_ended_once, others=2)
    assert ending == []


@pytest.mark.parametrize("name", WORK)
def test_housekeeping_during_a_request(in_turn, working, aside, name):
    def clear(client):
        return lambda: aside(clear_gone)

    assert in_turn(lambda client: working(client, name), clear, lives) == []


# A logout token arrives while its session begins.


@pytest.fixture(params=[False, True], ids=["", "ATOMIC_REQUESTS"])
def _atomic_requests(request, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", request.param)


@pytest.mark.usefixtures("_atomic_requests")
@pytest.mark.parametrize("by", ["sid", "sub"])
def test_token_during_a_sign_in(sign_in, logout_token, aside, monkeypatch, by):
    """Before each step of the sign-in: until the row is committed, the token does not find it."""
    wrong, step, is_over = [], 0, False
    while not is_over:
        step += 1
        client, ids = Client(), {"sub": f"ada {step}", "sid": f"{step}"}
        named = ids | {"sid" if by == "sub" else "sub": MISSING, "iat": time.time() + 30}
        token = partial(answer_to, logout_token(**named))
        is_interrupted = suppress(AssertionError)  # 400, which is right as well
        with stopped_before(step, partial(aside, token), monkeypatch) as steps, is_interrupted:
            sign_in(client, **ids)
        is_over = steps.other is None
        if not is_over and (steps.other.result() != 200 or not has_ended(client)):
            wrong.append((step, steps.taken[step - 2 : step]))
        OIDCSession.objects.all().delete()
    assert step > (5 if engines.in_cookies() else 10)  # cookies keep no session, so fewer steps
    assert wrong == []


# Many at once.


@pytest.mark.parametrize("sessions", [1, THREADS // 2])
def test_tokens_at_once(sign_in, logout_token, signals, all_at_once, sessions):
    clients = [sign_in(sid=f"{number}") for number in range(sessions)]
    tokens = [logout_token(sid=f"{number % sessions}") for number in range(THREADS)]
    answers = all_at_once(*(lambda token=token: answer_to(token) for token in tokens))
    assert answers == [200] * THREADS
    assert sorted(sid for sid, _ in signals["ended"]) == sorted(map(str, range(sessions)))
    assert_ended(*clients)


def test_the_same_token_at_once(sign_in, logout_token, signals, all_at_once):
    client, token = sign_in(), logout_token()
    answers = all_at_once(*[lambda: answer_to(token)] * 20)
    assert sorted(answers) == [200, *[400] * 19]
    assert len(signals["ended"]) == 1
    assert_ended(client)


def test_end_sessions_at_once(sign_in, signals, all_at_once):
    clients = [sign_in(sid=f"{number}") for number in range(5)]
    assert sum(all_at_once(*[lambda: end_sessions(sub="ada")] * 10)) == 5
    assert len(signals["ended"]) == 5
    assert_ended(*clients)
