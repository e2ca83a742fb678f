"""Ended stays ended: sign-ins that need a new authentication at the provider."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import Mock
from urllib.parse import parse_qs, urlsplit

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth import alogin, get_user_model, login, logout
from django.contrib.sessions.backends.db import SessionStore
from django.core import signing
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.test import Client
from django.urls import path
from django.utils import timezone

from django_oidc_logout import api
from django_oidc_logout.api import check_reauthentication, end_sessions, remember_login, renew_login
from django_oidc_logout.codes import OutcomeCode
from django_oidc_logout.exceptions import SessionsNotEnded, TokenUnreadable
from django_oidc_logout.models import OIDCSession, ReauthenticationMark, SignalStream
from django_oidc_logout.sessions import admission, reauthentication, record
from tests.factories import (
    PASSWORD_BACKEND,
    api_request,
    create_row,
    is_signed_in,
    other_provider,
    query_of,
)
from tests.test_lifetime import arrive, come_back, in_seconds
from tests.urls import urlpatterns as other_urls

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.test_reauthentication")]

COOKIE = reauthentication.COOKIE
NO_URLS = "tests.urls_none"


def ada():
    return get_user_model().objects.get_or_create(username="ada")[0]


def waits(request):
    """Sign in as far as the second factor."""
    remember_login(request, request.id_token)
    return HttpResponse("waits")


def renews(request):
    renew_login(request, request.id_token)
    return HttpResponse("renewed")


def second_factor(request):
    login(request, ada(), PASSWORD_BACKEND)
    return HttpResponse("signed in")


def hand_written(request):
    """Sign in as a site does that checks, and records, the sign-in itself."""
    if refused := check_reauthentication(request, request.claims):
        return refused
    login(request, ada(), PASSWORD_BACKEND)
    remember_login(request, request.id_token)
    return HttpResponse("signed in")


def careless(request):
    """Sign in as a site does that records the sign-in first, and checks nothing."""
    remember_login(request, request.id_token)
    login(request, ada(), PASSWORD_BACKEND)
    return HttpResponse("signed in")


def signs_in_by_api(request):
    login(api_request(request), ada(), PASSWORD_BACKEND)
    remember_login(api_request(request), request.id_token)
    return HttpResponse("signed in")


def signs_out_by_api(request):
    return api.sign_out(api_request(request), local_only=True)


def starts(request):
    """Start a sign-in as any library does, with a parameter of the same name."""
    url = "https://idp.example.com/authorize?response_type=code&client_id=site&max_age=60&ui=a%20b"
    return HttpResponseRedirect(f"{url}&redirect_uri=https%3A%2F%2Fsite")


def elsewhere(request):
    return HttpResponseRedirect(f"https://idp.example.com/?client_id={request.GET['client']}")


def switch(request):
    logout(request)
    login(request, ada(), PASSWORD_BACKEND)
    return HttpResponse("signed in")


def other_client(request):
    query = "response_type=code&client_id=another&redirect_uri=https%3A%2F%2Fsite"
    return HttpResponseRedirect(f"https://idp.example.com/?{query}")


urlpatterns = [
    *other_urls,
    path("waits/", waits),
    path("renews/", renews),
    path("second-factor/", second_factor),
    path("switch/", switch),
    path("hand-written/", hand_written),
    path("careless/", careless),
    path("by-api/", signs_in_by_api),
    path("leave-by-api/", signs_out_by_api),
    path("starts/", starts),
    path("elsewhere/", elsewhere),
    path("other-client/", other_client),
]


@pytest.fixture
def ended(sign_in, idp):
    """Sign Ada in and end her session, so that she must authenticate again; return the client."""
    client = sign_in(auth_time=in_seconds(-60))
    assert end_sessions(issuer=idp.issuer, sub="ada", reauthenticate=True) == 1
    return client


def wait(seconds=1):
    """Let some seconds pass since the marks were set."""
    earlier = timezone.now() - timedelta(seconds=seconds)
    ReauthenticationMark.objects.update(not_before=earlier)


# When the person authenticated, in seconds after the mark; and whether that is enough.
AUTHENTICATIONS = [
    (None, False),
    (-60, False),
    (0, False),
    (1, True),
    (10, True),
    (39, True),  # the provider's clock is 29 s ahead
    (41, False),  # 31 s ahead
    (10**6, False),
]


@pytest.mark.requirement("ASVS 7.6.1", "NIST 4.7")
@pytest.mark.parametrize(("after", "is_enough"), AUTHENTICATIONS)
def test_sign_in_needs_a_later_authentication(ended, idp, stop_clock, after, is_enough):
    now = timezone.now().replace(microsecond=0)
    stop_clock(now.timestamp())
    mark = now - timedelta(seconds=10)
    ReauthenticationMark.objects.update(not_before=mark)
    auth_time = None if after is None else int(mark.timestamp()) + after
    answer = come_back(ended, idp, auth_time=auth_time)
    assert is_signed_in(ended) is is_enough
    assert answer.status_code == (302 if is_enough else 403)
    assert OIDCSession.objects.exists() is is_enough


@pytest.mark.parametrize("claim", ["100", True, [100], -5])
def test_authentication_at_no_time_is_none(ended, idp, claim):
    assert come_back(ended, idp, auth_time=claim).status_code == 403


def test_page_says_why_and_has_a_way_on(ended, idp, caplog):
    answer = ended.get("/oidc/authenticate/?next=/private/")
    answer = arrive(ended, idp, query_of(answer), auth_time=in_seconds(-60))
    page = answer.content.decode()
    assert "sign in at 127.0.0.1 again, with your password" in page
    assert 'href="/oidc/logout/reauthenticate/?next=%2Fprivate%2F"' in page
    assert "no-store" in answer["Cache-Control"]
    assert "Refused a sign-in" in caplog.text
    answer = ended.get("/oidc/logout/reauthenticate/?next=%2Fprivate%2F")
    assert answer["Location"] == "/oidc/authenticate/?next=%2Fprivate%2F"
    answer = ended.get(answer["Location"])
    assert query_of(answer)["max_age"] == "0"
    assert query_of(answer)["client_id"] == "site"
    wait()
    answer = arrive(ended, idp, query_of(answer), auth_time=in_seconds(0))
    assert answer["Location"] == "/private/"
    assert answer.cookies[COOKIE]["max-age"] == 0
    assert is_signed_in(ended)


@pytest.mark.parametrize("seconds", [-60, 1])
def test_sign_in_over_a_password_session_is_not_a_renewal(ended, idp, seconds):
    client = Client()
    client.force_login(get_user_model().objects.get(), PASSWORD_BACKEND)
    wait()
    answer = come_back(client, idp, auth_time=in_seconds(seconds))
    assert (answer.status_code == 403) is (seconds < 0)
    assert OIDCSession.objects.exists() is (seconds > 0)


def test_provider_that_ignores_the_request_is_logged(ended, idp, caplog):
    message = "set REAUTHENTICATE_WITH"
    come_back(ended, idp, auth_time=in_seconds(-60))
    assert message not in caplog.text
    ended.get("/oidc/logout/reauthenticate/")
    assert come_back(ended, idp, auth_time=in_seconds(-60)).status_code == 403
    assert caplog.text.count(message) == 1


def test_no_user_is_created_for_a_refused_sign_in(ended, idp):
    get_user_model().objects.all().delete()
    come_back(ended, idp, auth_time=in_seconds(-60))
    assert not get_user_model().objects.exists()


def test_script_gets_no_page(ended, idp):
    ended.defaults["HTTP_ACCEPT"] = "application/json"
    answer = come_back(ended, idp)
    assert answer.status_code == 401
    assert answer.json() == {
        "error": "reauthentication_required",
        "code": "reauthentication_required",
        "redirect_to": "/oidc/logout/reauthenticate/",
    }
    assert answer["WWW-Authenticate"]


def test_without_the_middleware_the_sign_in_is_refused_without_a_page(ended, idp, settings):
    settings.MIDDLEWARE = settings.MIDDLEWARE[:-1]
    client = Client()
    assert come_back(client, idp)["Location"] == "/"
    assert not is_signed_in(client)


def test_other_people_sign_in_as_ever(ended, sign_in):
    assert is_signed_in(sign_in(Client(), sub="grace", auth_time=None))


def test_renewal_of_another_session_goes_on(sign_in, idp):
    kept = sign_in(sid="session-2")
    client = sign_in(Client())
    assert end_sessions(issuer=idp.issuer, sid="session-1", reauthenticate=True) == 1
    assert come_back(kept, idp, sid="session-2").status_code == 302
    assert is_signed_in(kept)
    assert come_back(client, idp).status_code == 403


def test_signed_in_as_somebody_else(ended, sign_in, idp):
    """The session may be a renewal's, so the sign-in is recorded first."""
    idp.userinfo = {"email": "grace@example.com"}
    client = sign_in(Client(), sub="grace", sid="session-2")
    idp.userinfo = {"email": "ada@example.com"}
    assert come_back(client, idp).status_code == 403
    assert not is_signed_in(client)
    assert not OIDCSession.objects.exists()


def test_renewal_by_another_subject_is_a_sign_in(ended, sign_in, idp):
    """Both are the same user of the site."""
    client = sign_in(Client(), sub="another", sid="session-2")
    OIDCSession.objects.update(signed_in_at=timezone.now() - timedelta(hours=1))
    sign_in(client, sub="another again", sid="session-2")
    assert timezone.now() - OIDCSession.objects.get().signed_in_at < timedelta(minutes=1)
    assert come_back(client, idp).status_code == 403
    assert not is_signed_in(client)


def test_renewal_of_a_sign_in_that_was_not_recorded(visit, sign_in, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(record, "record", Mock(side_effect=DatabaseError))
        client, _ = visit("/hand-written/")
    end_sessions(sub="ada", reauthenticate=True)
    assert client.get("/renews/").status_code == 403
    assert not is_signed_in(client)


# What is ended, and whether Ada must authenticate again, who has the session `session-1`.
CRITERIA = [
    ({"sub": "ada"}, True),
    ({"sid": "session-1"}, True),
    ({"sid": "session-9"}, False),
    ({"sub": "grace"}, False),
    ({}, True),
]


@pytest.mark.parametrize(("criteria", "is_marked"), CRITERIA)
def test_whom_it_concerns(sign_in, idp, criteria, is_marked):
    client = sign_in()
    end_sessions(issuer=idp.issuer, reauthenticate=True, **criteria)
    answer = come_back(client if is_marked else Client(), idp)
    assert answer.status_code == (403 if is_marked else 302)


def test_user_and_async(sign_in, idp):
    client = sign_in()
    user = get_user_model().objects.get()
    ended = async_to_sync(api.aend_sessions)(user=user, reauthenticate=True)
    assert ended == 1
    assert come_back(client, idp).status_code == 403


def test_somebody_who_is_not_signed_in(idp):
    assert end_sessions(sub="ada", reauthenticate=True) == 0
    assert come_back(Client(), idp).status_code == 403


def test_without_reauthentication(sign_in, idp):
    client = sign_in()
    end_sessions(sub="ada")
    assert come_back(client, idp).status_code == 302


def test_user_without_a_session_is_logged(idp, caplog):
    """Only a session says who a user is at the provider."""
    assert end_sessions(user=ada(), reauthenticate=True) == 0
    assert [record.code for record in caplog.records] == ["no_mark_set"]
    caplog.clear()
    assert end_sessions(user=ada(), issuer=idp.issuer, sub="ada", reauthenticate=True) == 0
    assert end_sessions(user=ada()) == 0
    assert caplog.records == []
    assert ReauthenticationMark.objects.count() == 1


def test_mark_of_another_issuer(idp, configure, sign_in):
    other_provider(configure, idp)
    end_sessions(issuer="https://other.example.com", sub="ada", reauthenticate=True)
    assert is_signed_in(sign_in())


def test_mark_moves_on(idp):
    end_sessions(sub="ada", reauthenticate=True)
    wait(60)
    end_sessions(sub="ada", reauthenticate=True)
    assert come_back(Client(), idp, auth_time=in_seconds(-30)).status_code == 403
    assert ReauthenticationMark.objects.count() == 1


def test_marks_that_cannot_be_written(sign_in, monkeypatch):
    sign_in()

    def down(_digests, _using):
        raise DatabaseError

    monkeypatch.setattr(reauthentication, "_write", down)
    with pytest.raises(SessionsNotEnded):
        end_sessions(sub="ada", reauthenticate=True)


def test_nobody_is_signed_out_if_the_rows_cannot_be_read(sign_in):
    client = sign_in()

    def locked(execute, sql, *rest):
        if "oidcsession" in sql:
            raise DatabaseError
        return execute(sql, *rest)

    with connection.execute_wrapper(locked), pytest.raises(SessionsNotEnded):
        end_sessions(sub="ada", reauthenticate=True)
    assert not ReauthenticationMark.objects.exists()
    assert is_signed_in(client)


def test_marks_that_cannot_be_read_refuse_nobody(ended, idp, monkeypatch, caplog):
    def down(request, token):
        raise DatabaseError

    monkeypatch.setattr(reauthentication, "is_required", down)
    assert come_back(ended, idp).status_code == 302
    assert "needs a new authentication, run migrate" in caplog.text


def test_marks_that_can_be_read_a_moment_later(ended, idp, monkeypatch, caplog):
    """A sign-in reads them before it creates a user, and again when it is recorded."""
    real, failures = reauthentication.is_required, [DatabaseError]

    def fails_once(request, token):
        if failures:
            raise failures.pop()
        return real(request, token)

    monkeypatch.setattr(reauthentication, "is_required", fails_once)
    assert come_back(ended, idp, auth_time=in_seconds(-60)).status_code == 403
    assert not is_signed_in(ended)
    assert "needs a new authentication, run migrate" in caplog.text


def test_marks_are_removed_when_they_are_old(idp):
    end_sessions(sub="ada", reauthenticate=True)
    wait(399 * 24 * 3600)
    end_sessions(sub="grace", reauthenticate=True)
    call_command("oidc_logout_clear_sessions")
    assert ReauthenticationMark.objects.count() == 2
    wait(401 * 24 * 3600)
    call_command("oidc_logout_clear_sessions")
    assert not ReauthenticationMark.objects.exists()


def test_mark_says_when():
    assert str(ReauthenticationMark(not_before=None)) == "not before None"
    assert str(SignalStream(provider="default")) == "default"


# Other libraries


@pytest.fixture
def visit(idp, settings):
    """Return a function that visits a page of a site which signs in by hand."""
    settings.MIDDLEWARE = ["tests.test_reauthentication.has_tokens", *settings.MIDDLEWARE]

    def visit(url, **claims):
        has_tokens.claims = {
            "iss": idp.issuer,
            "sub": "ada",
            "aud": "site",
            "iat": in_seconds(0),
            **claims,
        }
        has_tokens.id_token = idp.id_token(**claims)
        client = Client()
        return client, client.get(url)

    return visit


def has_tokens(get_response):
    def middleware(request):
        request.claims, request.id_token = has_tokens.claims, has_tokens.id_token
        return get_response(request)

    return middleware


@pytest.mark.parametrize("url", ["/hand-written/", "/careless/"])
def test_button_of_a_provider_that_mozillas_views_do_not_serve(
    settings, configure, idp, visit, url
):
    settings.LOGIN_URL = "/choose/"
    other_provider(configure, idp)
    claims = {"iss": "https://other.example.com", "auth_time": in_seconds(-60)}
    end_sessions(issuer=claims["iss"], sub="ada", reauthenticate=True)
    client, answer = visit(url, **claims)
    button = "/oidc/logout/reauthenticate/?provider=other"
    assert f'href="{button}"' in answer.content.decode()
    answer = client.get(button)
    assert answer["Location"] == "/choose/"
    assert COOKIE in answer.cookies


@pytest.mark.parametrize("url", ["/hand-written/", "/careless/"])
def test_other_libraries(idp, visit, url):
    client, answer = visit(url)
    assert answer.content == b"signed in"
    assert is_signed_in(client)
    end_sessions(sub="ada", reauthenticate=True)
    client, answer = visit(url, auth_time=in_seconds(-60))
    assert answer.status_code == 403
    assert "with your password" in answer.content.decode()
    assert not is_signed_in(client)
    wait()
    client, answer = visit(url, auth_time=in_seconds(0))
    assert answer.content == b"signed in"
    assert is_signed_in(client)


def test_refused_sign_in_of_an_async_view(idp, rf):
    end_sessions(issuer=idp.issuer, sub="ada", reauthenticate=True)
    request = rf.get("/")
    request.session = SessionStore()

    async def signs_in():
        await alogin(request, await sync_to_async(ada)(), PASSWORD_BACKEND)
        await sync_to_async(remember_login)(request, idp.id_token())
        return request.user, await request.auser()

    request.user, request.auser = ada(), None
    assert all(user.is_anonymous for user in async_to_sync(signs_in)())


@pytest.mark.parametrize("auth_time", [-60, None])
@pytest.mark.parametrize("sub", ["ada", "grace"])
def test_mark_that_is_set_before_the_second_factor(visit, auth_time, sub):
    """The row of the sign-in does not have a user yet, so it does not end by its user."""
    visit("/hand-written/")
    claims = {} if auth_time is None else {"auth_time": in_seconds(auth_time)}
    client, _ = visit("/waits/", sub=sub, sid="session-2", **claims)
    assert end_sessions(user=ada(), reauthenticate=True) == 1
    assert client.get("/second-factor/").status_code == (403 if sub == "ada" else 200)
    assert is_signed_in(client) is (sub == "grace")


def test_check(idp, visit, rf):
    request = rf.get("/")
    request.session = Client().session
    claims = {"iss": idp.issuer, "sub": "ada"}
    assert async_to_sync(api.acheck_reauthentication)(request, claims) is None
    with pytest.raises(TokenUnreadable):
        check_reauthentication(request, {})
    end_sessions(sub="ada", reauthenticate=True)
    assert async_to_sync(api.acheck_reauthentication)(request, claims).status_code == 403


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("meanwhile", [True, False])
def test_mark_that_is_set_before_the_transaction_of_the_sign_in_ends(visit, monkeypatch, meanwhile):
    """The one who sets it does not see the row yet."""

    def is_required(request, token):
        return meanwhile and not transaction.get_connection().in_atomic_block

    monkeypatch.setattr(reauthentication, "is_required", is_required)
    monkeypatch.setitem(transaction.get_connection().settings_dict, "ATOMIC_REQUESTS", True)
    client, answer = visit("/careless/")
    assert answer.status_code == (403 if meanwhile else 200)
    assert is_signed_in(client) is not meanwhile


# The browser's own mark


def test_parameters_are_added_to_whatever_starts_a_sign_in(client, idp, configure):
    location = client.get("/starts/")["Location"]
    client.get("/oidc/logout/reauthenticate/")
    assert client.cookies[COOKIE]["samesite"] == "Lax"
    assert client.cookies[COOKIE]["httponly"]
    answer = client.get("/starts/")
    assert parse_qs(urlsplit(answer["Location"]).query) == {
        **parse_qs(urlsplit(location).query),
        "max_age": ["0"],
    }
    configure(REAUTHENTICATE_WITH={"prompt": "login"})
    assert query_of(client.get("/starts/")) == query_of({"Location": location}) | {
        "prompt": "login"
    }
    for other in ("/elsewhere/?client=site", "/other-client/", "/private/"):
        assert "prompt" not in str(client.get(other).headers)


@pytest.mark.parametrize("issuer", ["https://idp.example.com", "https://auth.example.com"])
def test_parameters_of_the_provider_that_is_asked(client, settings, issuer):
    first = {"ISSUER": "https://first.example.com", "REAUTHENTICATE_WITH": {"prompt": "create"}}
    asked = {"ISSUER": issuer, "REAUTHENTICATE_WITH": {"prompt": "login"}}
    settings.OIDC_LOGOUT_PROVIDERS = {
        "first": {**first, "CLIENT_ID": "site"},
        "asked": {**asked, "CLIENT_ID": "site"},
    }
    client.get("/oidc/logout/reauthenticate/")
    chosen = asked if issuer == "https://idp.example.com" else first
    prompt = query_of(client.get("/starts/"))["prompt"]
    assert prompt == chosen["REAUTHENTICATE_WITH"]["prompt"]


@pytest.mark.parametrize("same_site", ["Lax", "Strict", "None", False])
def test_mark_of_the_browser_travels_like_its_session(settings, sign_in, same_site):
    settings.SESSION_COOKIE_SAMESITE = same_site
    settings.OIDC_LOGOUT_REAUTHENTICATE_AFTER_LOCAL = True
    client = sign_in()
    assert client.post("/oidc/logout/", {"local": "1"}).cookies[COOKIE]["samesite"] == (
        same_site or ""
    )
    sign_in(client)
    assert client.cookies[COOKIE]["max-age"] == 0
    assert client.cookies[COOKIE]["samesite"] == (same_site or "")


@pytest.mark.parametrize("forged", ["", "x", "1:2:3"])
def test_forged_cookie_changes_nothing(client, idp, forged):
    client.cookies[COOKIE] = forged
    assert query_of(client.get("/starts/"))["max_age"] == "60"


def test_cookie_of_another_version_changes_nothing(client, idp):
    client.cookies[COOKIE] = signing.dumps("soon", salt=COOKIE)
    assert query_of(client.get("/starts/"))["max_age"] == "60"


def wait_for_browser(client, seconds=40):
    """Let some seconds pass since the browser's mark was set, beyond what clocks may differ."""
    if COOKIE in client.cookies:
        client.cookies[COOKIE] = signing.dumps(in_seconds(-seconds), salt=COOKIE)


# How the person signs out; and whether the next sign-in in the same browser asks for a password.
SIGN_OUTS = [
    ({"local": "1"}, {}, True, True),
    ({}, {"BACKEND": "django_oidc_logout.providers.GoogleProvider"}, True, True),
    ({}, {"END_SESSION_ENDPOINT": "ftp://idp"}, True, True),
    ({}, {}, True, False),
    ({"local": "1"}, {}, False, False),
]


@pytest.mark.parametrize("case", SIGN_OUTS)
def test_sign_out_that_does_not_reach_the_provider(settings, configure, sign_in, idp, case):
    data, options, settings.OIDC_LOGOUT_REAUTHENTICATE_AFTER_LOCAL, asks = case
    settings.OIDC_LOGOUT_CLEAR_SITE_DATA = ["storage", "cookies"]
    configure(**options)
    client = sign_in()
    answer = client.post("/oidc/logout/", data)
    wait_for_browser(client)
    assert (COOKIE in answer.cookies) is asks
    assert "cookies" not in answer["Clear-Site-Data"] or not asks
    assert "storage" in answer["Clear-Site-Data"]
    assert ("max_age" in query_of(client.get("/oidc/authenticate/"))) is asks
    assert come_back(Client(), idp, auth_time=in_seconds(-60)).status_code == 302
    answer = come_back(client, idp, auth_time=in_seconds(-80))
    assert answer.status_code == (403 if asks else 302)


def test_sign_out_that_reaches_the_provider_without_a_way_back(
    settings, configure, sign_in, outcomes
):
    settings.OIDC_LOGOUT_REAUTHENTICATE_AFTER_LOCAL = True
    hydra = "django_oidc_logout.providers.OryHydraProvider"
    configure(BACKEND=hydra, SEND_ID_TOKEN_HINT=False)
    assert COOKIE not in sign_in().post("/oidc/logout/").cookies
    assert [outcome.code for outcome in outcomes] == [OutcomeCode.NO_WAY_BACK]


def test_sign_out_that_reaches_the_provider_while_the_store_fails(
    settings, sign_in, monkeypatch, outcomes
):
    settings.OIDC_LOGOUT_REAUTHENTICATE_AFTER_LOCAL = True
    client = sign_in()
    monkeypatch.setattr(SessionStore, "delete", fail_to_delete)
    assert COOKIE not in client.post("/oidc/logout/").cookies
    assert [outcome.code for outcome in outcomes] == [OutcomeCode.STORE_FAILED]


def test_sign_out_to_sign_in_as_somebody_else(settings, sign_in):
    settings.OIDC_LOGOUT_REAUTHENTICATE_AFTER_LOCAL = True
    client = sign_in()
    assert COOKIE not in client.get("/switch/").cookies
    assert is_signed_in(client)


def test_signed_out_page_keeps_the_mark_of_the_browser(settings, sign_in):
    settings.OIDC_LOGOUT_REAUTHENTICATE_AFTER_LOCAL = True
    settings.OIDC_LOGOUT_CLEAR_SITE_DATA = ["cookies"]
    client = sign_in()
    page = client.get(client.post("/oidc/logout/", {"local": "1"})["Location"])
    assert "You are signed out" in page.text
    assert "Clear-Site-Data" not in page.headers


def fail_to_delete(session, key=None):
    if key or session.session_key:
        raise OSError("the store is down")


@pytest.mark.parametrize("delete", [SessionStore.delete, fail_to_delete])
def test_refusal_by_a_view_of_django_rest_framework(visit, monkeypatch, delete):
    end_sessions(sub="ada", reauthenticate=True)
    with monkeypatch.context() as patch:
        patch.setattr(SessionStore, "delete", delete)
        client, answer = visit("/by-api/")
    assert answer.status_code == 403
    assert not is_signed_in(client)


def test_sign_in_by_such_a_view_satisfies_the_browsers_mark(visit):
    client, _ = visit("/by-api/")
    client.cookies[COOKIE] = reauthentication.cookie_value()
    answer = client.get("/by-api/")
    assert answer.content == b"signed in"
    assert answer.cookies[COOKIE]["max-age"] == 0


def test_sign_out_by_such_a_view_marks_the_browser(settings, sign_in):
    settings.OIDC_LOGOUT_REAUTHENTICATE_AFTER_LOCAL = True
    assert COOKIE in sign_in().post("/leave-by-api/").cookies


@pytest.mark.parametrize("auth_time", [None, 0])
def test_sign_in_after_it(settings, sign_in, idp, auth_time):
    """Some providers do not say when somebody authenticated."""
    settings.OIDC_LOGOUT_REAUTHENTICATE_AFTER_LOCAL = True
    settings.OIDC_LOGOUT_CLEAR_SITE_DATA = ["cookies"]
    client = sign_in()
    answer = client.post("/oidc/logout/", {"local": "1"})
    assert "Clear-Site-Data" not in answer
    auth_time = None if auth_time is None else in_seconds(auth_time)
    answer = come_back(client, idp, auth_time=auth_time)
    assert answer.status_code == 302
    assert answer.cookies[COOKIE]["max-age"] == 0
    assert is_signed_in(client)
    assert "max_age" not in query_of(client.get("/oidc/authenticate/"))


def test_anonymous_sign_out_asks_for_nothing(settings, client, idp):
    settings.OIDC_LOGOUT_REAUTHENTICATE_AFTER_LOCAL = True
    assert COOKIE not in client.post("/oidc/logout/", {"local": "1"}).cookies


@pytest.mark.urls(NO_URLS)
def test_without_urls(settings, rf, idp):
    settings.LOGIN_URL = "/in/?a=b"
    request = rf.get("/")
    request.session = Client().session
    end_sessions(sub="ada", reauthenticate=True)
    refused = check_reauthentication(request, {"iss": idp.issuer, "sub": "ada"})
    assert 'href="/in/?a=b"' in refused.content.decode()


def test_rows_of_many_people_get_a_mark_each(idp):
    for number in range(3):
        create_row(issuer=idp.issuer, sub=f"person-{number}")
    create_row(issuer=idp.issuer, sub="person-1")
    assert end_sessions(issuer=idp.issuer, reauthenticate=True) == 4
    assert ReauthenticationMark.objects.count() == 3


def test_refusal_is_of_its_request(rf):
    assert admission.of(rf.get("/")) is None
