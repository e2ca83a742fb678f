"""How long a session lasts: `session_expiry`, `MAX_SESSION_AGE`, and what happens at the end."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model, login
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.http import HttpResponse, HttpResponseRedirect
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path

from django_oidc_logout.codes import EndedCode
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.sessions import engines, lifetime, record
from tests.factories import break_index, get_async, is_signed_in, query_of
from tests.urls_sessions import urlpatterns as other_urls

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.test_lifetime")]

HOUR = 3600
OURS = "django_oidc_logout.middleware.OIDCSessionMiddleware"


def needs_a_person(request):
    if request.user.is_anonymous:
        return HttpResponseRedirect("/accounts/login/")
    return HttpResponse("personal")


def act_as(request):
    grace, _ = get_user_model().objects.get_or_create(username="grace")
    login(request, grace, "django.contrib.auth.backends.ModelBackend")
    return HttpResponse("acting")


def sign_in_by_password(request):
    assert request.user.is_anonymous
    return act_as(request)


def forbidden(request):
    return HttpResponse(f"not for {request.user}", status=403)


def fails(request):
    return HttpResponse(f"down for {request.user}", status=500)


urlpatterns = [
    *other_urls,
    path("personal/", needs_a_person),
    path("act-as/", act_as),
    path("password/", sign_in_by_password),
    path("forbidden/", forbidden),
    path("fails/", fails),
]


@pytest.fixture
def clock(monkeypatch):
    """Return a function that moves the clock by some seconds, for the limits of sessions."""
    moved = SimpleNamespace(by=0)
    monkeypatch.setattr(lifetime, "time", SimpleNamespace(time=lambda: time.time() + moved.by))

    def move(seconds):
        moved.by += seconds

    return move


def in_seconds(seconds):
    return int(time.time()) + seconds


def come_back(client, idp, get=Client.get, **claims):
    """Come back from the provider; return the response."""
    query = query_of(get(client, "/oidc/authenticate/"))
    return arrive(client, idp, query, get, **claims)


def arrive(client, idp, query, get=Client.get, **claims):
    """Come back from the provider, which was sent a query; return the response."""
    idp.claims = {"nonce": query["nonce"], **claims}
    return get(client, f"/oidc/callback/?code=code&state={query['state']}")


SYNC_AND_ASYNC = pytest.mark.parametrize("get", [Client.get, get_async], ids=["sync", "async"])
SERVER_AND_COOKIE = pytest.mark.parametrize("engine", ["db", "signed_cookies"], indirect=True)
# By how many seconds the site's clock is ahead of the provider's; and whether that is tolerated.
CLOCKS = pytest.mark.parametrize("clocks", [(29, True), (31, False)], ids=["29 s", "31 s"])


@CLOCKS
@SERVER_AND_COOKIE
@SYNC_AND_ASYNC
@pytest.mark.usefixtures("engine")
def test_session_that_expires_while_clocks_differ(sign_in, stop_clock, get, clocks):
    ahead, is_tolerated = clocks
    expiry = in_seconds(HOUR)
    client = sign_in(session_expiry=expiry)
    stop_clock(expiry + ahead)
    path = "/private-async/" if get is get_async else "/private/"
    assert (b"AnonymousUser" not in get(client, path).content) is is_tolerated
    assert OIDCSession.objects.exists() is is_tolerated
    assert is_signed_in(client) is is_tolerated


@CLOCKS
@SERVER_AND_COOKIE
@SYNC_AND_ASYNC
@pytest.mark.usefixtures("engine")
def test_sign_in_while_clocks_differ(idp, stop_clock, get, clocks):
    ahead, is_tolerated = clocks
    expiry = in_seconds(0)
    stop_clock(expiry + ahead)
    client = Client()
    answer = come_back(client, idp, get, session_expiry=expiry, iat=expiry - 60)
    assert answer.status_code == (302 if is_tolerated else 403)
    assert is_signed_in(client) is is_tolerated
    assert OIDCSession.objects.exists() is is_tolerated


@CLOCKS
@SERVER_AND_COOKIE
@SYNC_AND_ASYNC
@pytest.mark.usefixtures("engine")
def test_renewal_cannot_lengthen_while_clocks_differ(idp, stop_clock, get, clocks):
    ahead, is_tolerated = clocks
    client, expiry = Client(), in_seconds(HOUR)
    assert come_back(client, idp, get, session_expiry=expiry).status_code == 302
    stop_clock(expiry - 1)
    answer = come_back(client, idp, get, session_expiry=expiry + HOUR)
    assert answer.status_code == 302
    assert OIDCSession.objects.count() == 1
    stop_clock(expiry + ahead)
    answer = get(client, "/personal/", headers=JSON)
    assert answer.status_code == (200 if is_tolerated else 401)
    assert is_signed_in(client) is is_tolerated


@pytest.mark.requirement("ASVS 7.3.2", "ASVS 7.6.1", "IPSIE SL1 session_expiry")
@SYNC_AND_ASYNC
def test_overdue_session_is_out_at_the_next_request(engine, sign_in, clock, signals, get):
    client = sign_in(session_expiry=in_seconds(HOUR))
    clock(HOUR + 25)
    assert is_signed_in(client)
    clock(10)
    path = "/private-async/" if get is get_async else "/private/"
    answer = get(client, path)
    assert answer.content == b"private to AnonymousUser"
    assert answer.cookies["sessionid"]["max-age"] == 0
    assert signals["ended"] == [("session-1", EndedCode.OVERDUE.sentence)]
    assert not OIDCSession.objects.exists()
    assert not is_signed_in(client)


def test_stolen_copy_of_an_overdue_session_is_out_as_well(engine, sign_in, clock):
    client = sign_in(session_expiry=in_seconds(HOUR))
    kept = client.cookies["sessionid"].value
    clock(HOUR + 40)
    client.get("/private/")
    client.cookies["sessionid"] = kept
    assert not is_signed_in(client)


@pytest.mark.parametrize("url", ["/private/", "/public/"])
def test_limit_costs_no_query(engine, settings, sign_in, django_assert_num_queries, url):
    client = sign_in()
    with CaptureQueriesContext(connection) as unlimited:
        client.get(url)
    count = len(unlimited)  # the next request forgets them
    client = sign_in(Client(), session_expiry=in_seconds(HOUR))
    with django_assert_num_queries(count):
        client.get(url)


@pytest.mark.requirement("ASVS 7.3.2", "NIST 4.9")
@pytest.mark.parametrize("every_request", [True, False])
def test_sliding_expiry_does_not_pass_the_limit(engine, settings, sign_in, clock, every_request):
    settings.SESSION_SAVE_EVERY_REQUEST = every_request
    client = sign_in(session_expiry=in_seconds(HOUR))
    limit = OIDCSession.objects.get().ends_at
    for _ in range(3):
        client.get("/put-aside/")
        row = OIDCSession.objects.get()
        assert row.expires_at == row.ends_at == limit
    clock(HOUR + 31)
    assert not is_signed_in(client)


IGNORED = {
    "milliseconds": lambda: int(time.time() * 1000),
    "float": lambda: time.time() + 1,
    "string": lambda: str(in_seconds(1)),
    "true": lambda: True,
    "list": lambda: [in_seconds(1)],
    "10,000,000,000": lambda: 10_000_000_000,
}


@pytest.mark.parametrize("name", IGNORED)
def test_unusable_limit_is_ignored_and_said_once(sign_in, caplog, name):
    client = sign_in(session_expiry=IGNORED[name]())
    sign_in(client, session_expiry=IGNORED[name]())
    assert is_signed_in(client)
    assert OIDCSession.objects.get().ends_at is None
    assert caplog.text.count("session_expiry of an ID Token is ignored") == 1


def test_exp_is_not_the_limit(sign_in, clock, caplog):
    client = sign_in(exp=in_seconds(60))
    clock(HOUR)
    assert is_signed_in(client)
    assert OIDCSession.objects.get().ends_at is None
    assert "session_expiry" not in caplog.text


# The claims of a sign-in and the option, as seconds from now; and whether the session begins.
BEGINS = [
    ({"session_expiry": -29, "iat": -60}, None, True),
    ({"session_expiry": -31, "iat": -60}, None, False),
    ({"session_expiry": -5, "iat": -5}, None, False),
    ({"session_expiry": -6, "iat": -5}, None, False),
    ({"session_expiry": -4, "iat": -5}, None, True),
    ({"auth_time": -50}, 60, True),
    ({"auth_time": -61}, 60, False),
    ({}, 60, True),
    ({"session_expiry": 100, "auth_time": -61}, 60, False),
]


@pytest.mark.parametrize("case", BEGINS)
def test_session_that_has_no_future_does_not_begin(idp, configure, stop_clock, case):
    claims, age, begins = case
    configure(MAX_SESSION_AGE=age)
    now = in_seconds(0)
    stop_clock(now)
    client = Client()
    answer = come_back(client, idp, **{name: now + value for name, value in claims.items()})
    assert is_signed_in(client) is begins
    assert answer.status_code == (302 if begins else 403)
    assert OIDCSession.objects.exists() is begins
    if not begins:
        assert "Your sign-in at 127.0.0.1 is too old for this site." in answer.content.decode()
        assert not get_user_model().objects.exists()


def test_negative_limit_is_before_any_sign_in(idp):
    assert come_back(Client(), idp, session_expiry=-(10**300)).status_code == 403
    assert come_back(Client(), idp, session_expiry=-(10**300), iat=None).status_code == 403


# MAX_SESSION_AGE counts from `auth_time`, unless that is in the future, or missing.
@pytest.mark.parametrize(("auth_time", "left"), [(-40, 60), (1000, 100), (None, 100)])
def test_session_age(configure, sign_in, clock, auth_time, left):
    configure(MAX_SESSION_AGE=100)
    client = sign_in(auth_time=auth_time and in_seconds(auth_time))
    clock(left - 10)
    assert is_signed_in(client)
    clock(20)
    assert not is_signed_in(client)


def test_absurd_session_age_is_no_limit(configure, sign_in):
    configure(MAX_SESSION_AGE=1e300)
    sign_in()
    assert OIDCSession.objects.get().ends_at.year == 2286


@pytest.mark.parametrize("limits", [(100, 50, 50), (50, 100, 50), (50, None, 50)])
def test_renewal_can_only_shorten(engine, sign_in, clock, limits):
    first, then, lasts = limits
    client = sign_in(session_expiry=in_seconds(first))
    sign_in(client, session_expiry=then and in_seconds(then))
    assert OIDCSession.objects.count() == 1
    clock(lasts + 20)
    assert is_signed_in(client)
    clock(20)
    assert not is_signed_in(client)


def test_end_that_a_slower_request_prolongs(sign_in, clock):
    client = sign_in(session_expiry=in_seconds(2 * HOUR))
    slower = client.session
    slower.get("cart")  # it reads the session now
    sign_in(client, session_expiry=in_seconds(HOUR))
    slower["cart"] = 1
    slower.save()
    clock(HOUR + 31)
    assert is_signed_in(client)
    call_command("oidc_logout_clear_sessions")
    assert not is_signed_in(client)


def test_renewal_without_a_future_ends_the_session(sign_in, idp, signals):
    client = sign_in()
    answer = come_back(client, idp, session_expiry=in_seconds(-100))
    assert answer.status_code == 403
    assert not is_signed_in(client)
    assert signals["ended"] == [("session-1", EndedCode.SIGN_IN_REFUSED.sentence)]


def test_refusal_while_the_store_is_down(sign_in, idp, monkeypatch):
    client = sign_in()

    monkeypatch.setattr(engines, "delete", down)
    answer = come_back(client, idp, session_expiry=in_seconds(-100))
    assert answer.status_code == 403
    assert not is_signed_in(client)


def test_new_sign_in_has_a_new_limit(sign_in, clock):
    client = sign_in(session_expiry=in_seconds(50))
    client.post("/oidc/logout/")
    sign_in(client)
    assert OIDCSession.objects.get().ends_at is None
    clock(HOUR)
    assert is_signed_in(client)


def test_acting_as_somebody_else_keeps_the_limit(engine, sign_in, clock):
    client = sign_in(session_expiry=in_seconds(HOUR))
    client.get("/act-as/")
    assert client.get("/private/").content == b"private to grace"
    clock(HOUR + 31)
    assert not is_signed_in(client)
    assert not OIDCSession.objects.exists()


def test_acting_as_somebody_else_without_a_limit(sign_in, clock):
    client = sign_in()
    client.get("/act-as/")
    clock(HOUR)
    assert is_signed_in(client)


def down(*args, **kwargs):
    raise DatabaseError


@pytest.mark.parametrize("acts_as_another", [True, False])
def test_overdue_session_whose_sign_in_was_not_recorded(
    sign_in, clock, monkeypatch, caplog, acts_as_another
):
    with monkeypatch.context() as patched:
        patched.setattr(record, "record", down)
        client = sign_in(session_expiry=in_seconds(HOUR))
    assert "Could not record a sign-in" in caplog.text
    if acts_as_another:
        client.get("/act-as/")
    assert is_signed_in(client)
    clock(HOUR + 31)
    assert not is_signed_in(client)


@pytest.mark.parametrize("engine", ["db", "signed_cookies"], indirect=True)
def test_overdue_session_while_the_index_is_down(engine, sign_in, clock, monkeypatch, caplog):
    client = sign_in(session_expiry=in_seconds(HOUR))
    clock(HOUR + 31)

    with monkeypatch.context() as patched:
        break_index(patched, "select", down)
        assert not is_signed_in(client)
    assert "Could not end an overdue session" in caplog.text
    assert call_command("oidc_logout_clear_sessions") is None
    assert not OIDCSession.objects.exists()


def reads_the_session(get_response):
    def middleware(request):
        request.was_read = str(request.user)
        return get_response(request)

    return middleware


def test_overdue_session_that_was_read_before(engine, settings, sign_in, clock, signals):
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE[:-1],
        "tests.test_lifetime.reads_the_session",
        settings.MIDDLEWARE[-1],
    ]
    client = sign_in(session_expiry=in_seconds(HOUR))
    assert is_signed_in(client)
    clock(HOUR + 31)
    answer = client.get("/private/", headers={"accept": "application/json"})
    assert answer.status_code == 401
    assert len(signals["ended"]) == 1


@pytest.mark.parametrize("position", [-1, len(django_settings.MIDDLEWARE)])
def test_sign_out_of_an_overdue_session_has_the_hint(engine, settings, sign_in, clock, position):
    middleware = [*settings.MIDDLEWARE]
    middleware.insert(position, "tests.test_lifetime.reads_the_session")
    settings.MIDDLEWARE = middleware
    client = sign_in(session_expiry=in_seconds(HOUR))
    token = OIDCSession.objects.get().id_token
    clock(HOUR + 40)
    assert query_of(client.post("/oidc/logout/"))["id_token_hint"] == token


@pytest.mark.parametrize("first", ["/personal/", "/oidc/logout/status/"])
def test_sign_out_after_another_request_has_found_the_end(engine, idp, sign_in, clock, first):
    """An open tab has not noticed, and the row is gone."""
    client = sign_in(session_expiry=in_seconds(HOUR))
    clock(HOUR + 40)
    client.get(first)
    answer = client.post("/oidc/logout/")
    assert answer["Location"].startswith(f"{idp.issuer}/end-session?")
    assert "id_token_hint" not in query_of(answer)


JSON = {"accept": "application/json"}
FETCH = {"accept": "*/*", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}
PAGE = {"accept": "text/html,*/*;q=0.8", "sec-fetch-mode": "navigate"}
TURBO = {**PAGE, "sec-fetch-mode": "cors", "x-turbo-request-id": "1"}
HTMX = {**FETCH, "hx-request": "true"}
# What an overdue session answers: to which request of which client, with which status.
ANSWERS = [
    ("get", "/personal/", PAGE, 302),
    ("get", "/personal/", TURBO, 302),
    ("get", "/personal/", JSON, 401),
    ("get", "/personal/", FETCH, 401),
    ("get", "/personal/", HTMX, 200),
    ("post", "/personal/", JSON, 401),
    ("get", "/forbidden/", PAGE, 403),
    ("get", "/forbidden/", FETCH, 401),
    ("get", "/private/", PAGE, 200),
    ("get", "/private/", JSON, 401),
    ("get", "/private/", FETCH, 200),
    ("post", "/private/", JSON, 200),
    ("get", "/fails/", JSON, 500),
    ("get", "/public/", JSON, 200),
    ("get", "/password/", JSON, 200),
]


@pytest.mark.parametrize("expected", ANSWERS)
def test_who_asks_hears_of_the_end(sign_in, clock, expected):
    method, url, headers, status = expected
    client = sign_in(session_expiry=in_seconds(HOUR))
    clock(HOUR + 31)
    answer = getattr(client, method)(url, headers=headers)
    assert answer.status_code == status
    if status == 401:
        assert answer.json() == {"error": "session_expired", "code": "overdue"}
        assert "no-store" in answer["Cache-Control"]
        assert answer["WWW-Authenticate"]
        assert "Accept" in answer["Vary"]
    assert ("HX-Refresh" in answer) is (headers is HTMX)


@pytest.fixture(params=[None, OURS], ids=["with our middleware", "without"])
def remove_middleware(request, settings):
    """Return a function that removes our middleware, or does nothing."""

    def remove():
        settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name != request.param]

    return remove


def test_open_tabs_hear_of_the_end(engine, sign_in, clock, signals, remove_middleware):
    client = sign_in(session_expiry=in_seconds(HOUR))
    remove_middleware()
    other = Client()
    other.cookies = client.cookies
    status = "/oidc/logout/status/"
    assert other.get(status).json() == {"signed_in": True}
    clock(HOUR + 31)
    assert other.get(status).json() == {"signed_in": False}
    assert len(signals["ended"]) == 1
    assert not OIDCSession.objects.exists()


def test_command_ends_sessions_whose_browser_never_comes_back(
    engine, sign_in, clock, signals, capsys
):
    client = sign_in(session_expiry=in_seconds(HOUR))
    sign_in(Client(), session_expiry=in_seconds(2 * HOUR), sid="session-2")
    sign_in(Client(), sid="session-3")
    clock(HOUR + 31)
    call_command("oidc_logout_clear_sessions")
    assert capsys.readouterr().out == "Rows removed: 1\n"
    assert signals["ended"] == [("session-1", EndedCode.OVERDUE.sentence)]
    assert sorted(OIDCSession.objects.values_list("sid", flat=True)) == ["session-2", "session-3"]
    clock(-HOUR)
    assert not is_signed_in(client)


def test_other_code_may_use_the_name_of_the_limit(sign_in):
    client = sign_in(session_expiry=in_seconds(HOUR))
    session = client.session
    session["_oidc_logout_ends_at"] = "never"
    session.save()
    assert is_signed_in(client)
