"""Ways by which a session would survive its sign-out, and which are closed."""

from __future__ import annotations

import asyncio
import copy
import pickle
import threading
from contextlib import suppress

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth import get_user_model, login
from django.contrib.auth.signals import user_logged_out
from django.contrib.auth.views import LogoutView
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import (
    DatabaseError,
    InternalError,
    OperationalError,
    connection,
    transaction,
)
from django.test import RequestFactory
from django.urls import include, path
from django.utils import timezone
from mozilla_django_oidc.views import OIDCLogoutView

from django_oidc_logout.api import asign_out, end_sessions, sign_out
from django_oidc_logout.backends import OIDCLogoutBackend
from django_oidc_logout.exceptions import SessionsNotEnded
from django_oidc_logout.framework import safe_cache
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.providers import OIDCProvider, revocation
from django_oidc_logout.rp_initiated import destination
from django_oidc_logout.sessions import bound_store, end_own, engines, index, sql
from django_oidc_logout.signals import signed_out
from tests.factories import break_index, copy_of, force_sign_in, is_signed_in, query_of

LOGOUT = "/oidc/logout/"
PATIENCE = 20  # seconds, of which a test that passes needs none


def own_view(request):
    return sign_out(request)


async def own_async_view(request):
    return await asign_out(request)


urlpatterns = [
    path("", include("tests.urls_sessions")),
    path("own/", own_view),
    path("django/", LogoutView.as_view(next_page="/")),
    path("mozilla/", OIDCLogoutView.as_view()),
]

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


@pytest.fixture
def told():
    """Return what the signal `signed_out` said: a list of its arguments."""
    seen = []

    def note(**arguments):
        seen.append(arguments)

    signed_out.connect(note)
    yield seen
    signed_out.disconnect(note)


@pytest.fixture
def receive():
    """Return a function that connects a receiver to a signal, for this test."""
    connected = []

    def receive(signal, receiver):
        signal.connect(receiver)
        connected.append((signal, receiver))

    yield receive
    for signal, receiver in connected:
        signal.disconnect(receiver)


# A transaction that a failed statement breaks, as PostgreSQL's does.


class Fragile:
    """Lets statements fail, after which a transaction refuses all others, as in PostgreSQL."""

    def __init__(self, *, fails):
        self.fails = fails
        self.is_broken = False

    def __call__(self, execute, statement, params, many, context):
        if statement.startswith("ROLLBACK TO"):
            self.is_broken = False
        if self.is_broken:
            raise InternalError("current transaction is aborted")
        if self.fails(statement):
            self.is_broken = connection.in_atomic_block
            raise OperationalError("canceling statement due to lock timeout")
        return execute(statement, params, many, context)


INDEX, SESSIONS, USERS = "oidc_logout_oidcsession", '"django_session"', '"auth_user"'


def about(*words):
    return Fragile(fails=lambda statement: all(word in statement for word in words))


@pytest.fixture
def _in_transactions(monkeypatch, settings):
    settings.OIDC_OP_LOGOUT_URL_METHOD = "django_oidc_logout.backends.provider_logout_url"
    settings.LOGOUT_REDIRECT_URL = "/"
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)


in_transactions = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("_in_transactions"),
]


def marked(*marks):
    def mark(function):
        for each in marks:
            function = each(function)
        return function

    return mark


@pytest.mark.requirement("ASVS 7.4.1")
@marked(*in_transactions)
@pytest.mark.parametrize(
    ("url", "words"),
    [
        (LOGOUT, (INDEX, "SELECT")),
        (LOGOUT, (INDEX,)),
        (LOGOUT, (USERS,)),
        ("/own/", (INDEX, "SELECT")),
        ("/own/", (INDEX,)),
        ("/own/", (USERS,)),
        ("/mozilla/", (INDEX, "SELECT")),
        ("/mozilla/", (INDEX,)),
    ],
    ids=str,
)
def test_statement_that_fails_keeps_nobody_signed_in(sign_in, words, url):
    client = sign_in()
    kept = copy_of(client)
    with connection.execute_wrapper(about(*words)):
        response = client.post(url)
    assert response.status_code == 302
    assert not is_signed_in(kept)
    assert not Session.objects.exists()


@marked(*in_transactions)
@pytest.mark.parametrize(
    ("url", "signal"),
    [("/own/", user_logged_out), ("/own/", signed_out), ("/django/", signed_out)],
    ids=["Django's", "ours", "ours in Django's view"],
)
def test_receivers_query_that_fails_keeps_nobody_signed_in(sign_in, receive, signal, url):
    def hide(**arguments):
        with suppress(DatabaseError):
            Session.objects.filter(session_key="of a receiver").exists()

    client = sign_in()
    kept = copy_of(client)
    receive(signal, hide)
    with connection.execute_wrapper(Fragile(fails=lambda sql: " LIMIT 1" in sql)):
        assert client.post(url).status_code == 302
    assert not is_signed_in(kept)


@marked(*in_transactions)
def test_cache_in_a_database_that_fails_breaks_no_revocation(
    sign_in, settings, idp, monkeypatch, told
):
    def hide(*arguments):
        with suppress(DatabaseError):
            Session.objects.filter(session_key="of the cache").exists()

    monkeypatch.setattr(revocation, "_revoke", hide)
    settings.OIDC_LOGOUT_REVOKE_TOKENS = True
    idp.token_response = {"refresh_token": "of ada"}
    client = sign_in()
    kept = copy_of(client)
    with connection.execute_wrapper(Fragile(fails=lambda sql: " LIMIT 1" in sql)):
        assert client.post("/own/").status_code == 302
    assert told[0]["outcome"].tokens == "failed"
    assert not is_signed_in(kept)


@pytest.mark.django_db(transaction=True)
def test_index_that_fails_in_a_transaction_is_one_failure(sign_in, idp):
    client = sign_in()
    failing = connection.execute_wrapper(about(INDEX, "SELECT"))
    with transaction.atomic(), failing:
        with pytest.raises(SessionsNotEnded):
            end_sessions(issuer=idp.issuer)
        assert get_user_model().objects.exists()  # the transaction is whole
    assert is_signed_in(client)


@pytest.mark.django_db(transaction=True)
def test_session_that_cannot_end_harms_no_other(sign_in, idp):
    stuck, other = sign_in(), sign_in()
    key = stuck.session.session_key

    class OneIsLocked(Fragile):
        def __call__(self, execute, statement, params, many, context):
            self.fails = lambda statement: "DELETE" in statement and key in (params or ())
            return super().__call__(execute, statement, params, many, context)

    with transaction.atomic(), connection.execute_wrapper(OneIsLocked(fails=None)):
        with pytest.raises(SessionsNotEnded) as caught:
            end_sessions(issuer=idp.issuer)
        assert (caught.value.ended, caught.value.failed) == (1, 1)
    assert (is_signed_in(stuck), is_signed_in(other)) == (True, False)


@pytest.mark.django_db(transaction=True)
def test_savepoint_that_cannot_be_made_prevents_nothing():
    done = []
    with transaction.atomic():
        with connection.execute_wrapper(about("SAVEPOINT")), sql.savepoints():
            done.append("the block")
        transaction.set_rollback(True)
    assert done == ["the block"]


# What no `except Exception` catches: a worker that is stopped, a time-out, a cancelled task.


STOPS = [SystemExit, GeneratorExit, KeyboardInterrupt, asyncio.CancelledError]


class Stop:
    """Raises what a server raises in the middle of a request."""

    def __init__(self, error):
        self.error = error

    def __call__(self, *args, **kwargs):
        raise self.error


class StoppingProvider(OIDCProvider):
    error: type[BaseException]

    def end_session_url(self, request, **options):
        raise self.error


def stop_in_backend(error, monkeypatch, configure, receive):
    monkeypatch.setattr(StoppingProvider, "error", error, raising=False)
    configure(BACKEND=f"{__name__}.StoppingProvider")


def stop_in_get_user(error, monkeypatch, configure, receive):
    monkeypatch.setattr(OIDCLogoutBackend, "get_user", Stop(error))


def stop_in_index(error, monkeypatch, configure, receive):
    break_index(monkeypatch, "select", Stop(error))


def stop_in_djangos_receiver(error, monkeypatch, configure, receive):
    receive(user_logged_out, Stop(error))


def stop_in_our_receiver(error, monkeypatch, configure, receive):
    receive(signed_out, Stop(error))


PLACES = [
    stop_in_backend,
    stop_in_get_user,
    stop_in_index,
    stop_in_djangos_receiver,
    stop_in_our_receiver,
]


@pytest.fixture(params=PLACES)
def stop(request, monkeypatch, configure, receive):
    """Return a function that lets requests be stopped somewhere, and returns how to undo that."""

    def stop(error):
        request.param(error, monkeypatch, configure, receive)
        return monkeypatch.undo

    return stop


@pytest.mark.parametrize("error", STOPS)
def test_request_that_is_stopped_ends_its_session(engine, sign_in, stop, error):
    client = sign_in()
    kept = copy_of(client)
    go_on = stop(error)
    with pytest.raises(error):
        client.post(LOGOUT)
    go_on()
    assert not is_signed_in(kept)
    assert not OIDCSession.objects.exists()


@pytest.mark.parametrize("error", [SystemExit, OSError])
def test_receiver_that_stops_djangos_own_logout(engine, sign_in, receive, error):
    """The row went first, so that nothing could end the session that remained."""
    client = sign_in()
    kept = copy_of(client)
    receive(user_logged_out, Stop(error))
    with pytest.raises(error):
        client.post("/django/")
    assert not is_signed_in(kept)
    assert not OIDCSession.objects.exists()


def test_store_that_fails_keeps_the_row_through_djangos_own_logout(sign_in, monkeypatch, caplog):
    client = sign_in()
    kept = copy_of(client)
    with monkeypatch.context() as patch:
        patch.setattr(SessionStore, "delete", Stop(OSError))
        with pytest.raises(OSError):  # noqa: PT011  # it is the store's own
            client.post("/django/")
    assert (
        "Could not delete a session that other code signs out, its row remains" in caplog.messages
    )
    assert end_sessions(sub="ada") == 1
    assert not is_signed_in(kept)


def request_of(client):
    request = RequestFactory().post("/")
    request.session = client.session
    return request


@pytest.mark.parametrize("moment", ["before it starts", "under way"])
def test_task_that_is_cancelled_ends_its_session(sign_in, monkeypatch, receive, moment):
    client = sign_in()
    kept, request = copy_of(client), request_of(client)
    started, go_on, done = (threading.Event() for _ in range(3))

    def note(**arguments):
        done.set()

    receive(signed_out, note)
    choose = destination.choose

    def wait(*args, **kwargs):
        started.set()
        assert go_on.wait(PATIENCE)
        return choose(*args, **kwargs)

    def occupy():
        started.set()
        assert go_on.wait(PATIENCE)

    async def disconnect():
        if moment == "under way":
            monkeypatch.setattr(destination, "choose", wait)
        else:
            occupied = asyncio.ensure_future(sync_to_async(occupy)())
            await asyncio.to_thread(started.wait, PATIENCE)
        task = asyncio.ensure_future(asign_out(request))
        await asyncio.sleep(0)
        await asyncio.to_thread(started.wait, PATIENCE)
        await asyncio.sleep(0)
        task.cancel()
        for _ in range(10):  # what is to be cancelled with it
            await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        if moment == "before it starts":
            await occupied
        assert await asyncio.to_thread(done.wait, PATIENCE / 4)

    async_to_sync(disconnect)()
    assert not is_signed_in(kept)
    assert not OIDCSession.objects.exists()


# A user whose truth value is False.


def test_sessions_of_a_user_who_is_falsy(sign_in, monkeypatch):
    ada, grace = sign_in(), sign_in(sub="grace")
    user = get_user_model().objects.create_user("grace", "grace@example.com")
    OIDCSession.objects.filter(sub="grace").update(user=user)
    row, other = (OIDCSession.objects.get(sub=sub) for sub in ("ada", "grace"))
    monkeypatch.setattr(get_user_model(), "__bool__", lambda user: False, raising=False)
    assert list(index.matching(user=row.user)) == [row]
    assert end_sessions(user=row.user) == 1
    assert (other.email, OIDCSession().email) == ("grace@example.com", "")
    monkeypatch.undo()  # Django takes such a user for nobody
    assert not is_signed_in(ada)
    assert is_signed_in(grace)


# A session that a sign-in replaces while the cache hides it.


@pytest.mark.parametrize("engine", ["cache", "cached_db"], indirect=True)
@pytest.mark.parametrize("heals", [True, False], ids=["in time", "too late"])
def test_session_that_was_hidden_does_not_come_back_without_its_row(
    engine, sign_in, monkeypatch, heals
):
    client = sign_in()
    kept, key = copy_of(client), client.session.session_key
    request = RequestFactory().post("/", headers={"cookie": f"sessionid={key}"})
    request.session = engines.store()(key)
    bound_store.bind(request)
    request.session._session_cache, request.session._session_key = {}, None  # it was not found
    if not heals:
        monkeypatch.setattr(safe_cache, "is_up", lambda alias: False)
        monkeypatch.setattr(engines.store(), "delete", Stop(OSError))
    login(request, get_user_model().objects.get(), "django.contrib.auth.backends.ModelBackend")
    monkeypatch.undo()
    assert is_signed_in(kept) is not heals
    assert OIDCSession.objects.filter(session_key=key).exists() is not heals
    if not heals:
        assert end_sessions(sub="ada") == 2  # it, and the one that replaced it
        assert not is_signed_in(kept)


# Copies.


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda session: pickle.loads(pickle.dumps(session))],
    ids=["copy", "deepcopy", "pickle"],
)
@pytest.mark.parametrize("engine", ["db", "file", "signed_cookies"], indirect=True)
def test_session_can_be_copied(engine, sign_in, duplicate):
    session = sign_in().get("/private/").wsgi_request.session
    copied = duplicate(session)
    assert type(copied) is type(session)
    assert copied.session_key == session.session_key
    assert dict(copied.items()) == dict(session.items())


def test_copy_of_a_session_cannot_outlive_its_row(sign_in):
    session = sign_in().get("/private/").wsgi_request.session
    copied = pickle.loads(pickle.dumps(session))
    OIDCSession.objects.all().delete()
    with pytest.raises(UpdateError):
        copied.save()
    assert not Session.objects.exists()


# Sign-outs of other code.


def outcomes(told):
    return [(one["outcome"].provider, one["outcome"].reason) for one in told]


OWN_LOGOUT = "The site's own logout ended the session and did not notify the provider."


@pytest.mark.parametrize("how", ["view", "client"])
def test_djangos_own_logout_is_told(engine, sign_in, told, caplog, how):
    client = sign_in()
    with caplog.at_level("INFO", "django_oidc_logout"):
        client.post("/django/") if how == "view" else client.logout()
    assert outcomes(told) == [("skipped", OWN_LOGOUT)]
    if how == "view":
        assert told[0]["user"].username
    said = f"Signed out: site=done provider=skipped tokens=skipped reason={OWN_LOGOUT}"
    assert caplog.messages.count(said) == 1


def test_logout_of_a_session_with_mozillas_mark_alone_is_told(idp, told):
    force_sign_in().post("/django/")
    assert outcomes(told) == [("skipped", OWN_LOGOUT)]


def test_logout_of_a_password_is_not_told(client, told):
    ada = get_user_model().objects.create_user("ada")
    client.force_login(ada, "django.contrib.auth.backends.ModelBackend")
    client.post("/django/")
    client.post("/django/")
    assert told == []


def test_own_sign_out_is_told_once(sign_in, told):
    sign_in().post(LOGOUT)
    assert [one["outcome"].provider for one in told] == ["redirect"]


def test_mozillas_view_is_told_where_it_redirects(sign_in, settings, told):
    settings.OIDC_OP_LOGOUT_URL_METHOD = "django_oidc_logout.backends.provider_logout_url"
    settings.LOGOUT_REDIRECT_URL = "/"
    response = sign_in().post("/mozilla/")
    assert "id_token_hint" in query_of(response)
    assert outcomes(told) == [("redirect", "The browser was redirected to 127.0.0.1.")]


# A session that has expired, with its cookie and its row still there.


def expire(client):
    session = client.session
    session.set_expiry(timezone.now().replace(year=2020))
    session.save()


@pytest.mark.parametrize("engine", ["db", "cache", "cached_db", "file"], indirect=True)
def test_session_that_has_expired_still_has_its_hint(engine, sign_in, told):
    client = sign_in()
    hint = OIDCSession.objects.get().id_token
    expire(client)
    assert not is_signed_in(copy_of(client))
    assert query_of(client.post(LOGOUT))["id_token_hint"] == hint
    assert not OIDCSession.objects.exists()
    assert not Session.objects.exists()
    assert told[0]["user"] is None


def test_cookie_with_an_expired_session_has_no_hint(settings, sign_in):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    client = sign_in()
    client.cookies["sessionid"] = "expired"
    assert "id_token_hint" not in query_of(client.post(LOGOUT))


@pytest.mark.parametrize("cookie", ["\0", "x' OR '1'='1", "A" * 32, "-" * 5000])
def test_cookie_that_is_no_key_is_not_looked_up(idp, client, cookie):
    client.cookies["sessionid"] = cookie
    with connection.execute_wrapper(about(INDEX)):
        assert client.post(LOGOUT).status_code == 302


def test_end_of_an_anonymous_session(rf):
    request = rf.post("/")
    request.session = SessionStore()
    assert end_own.end_current(request, None)
