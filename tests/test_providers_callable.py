"""Providers that a callable returns: asked once per request, never by a check, may fail."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from datetime import timedelta
from functools import partial
from types import SimpleNamespace

import pytest
from asgiref.sync import sync_to_async
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.http import HttpRequest
from django.test import AsyncClient, RequestFactory, override_settings
from django.urls import include, path
from django.utils import timezone

from django_oidc_logout.api import check_reauthentication
from django_oidc_logout.conf import conf
from django_oidc_logout.framework import request_scope
from django_oidc_logout.models import OIDCSession
from tests.factories import (
    ISSUER,
    UNDECIDED,
    assert_refused,
    copy_of,
    is_signed_in,
    post_logout_token,
    query_of,
)
from tests.idp import MISSING
from tests.urls import urlpatterns as site

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

urlpatterns = [path("oidc/", include("django_oidc_logout.urls_account")), *site]
HERE = __name__
LOGOUT = "/oidc/logout/"
MIDDLEWARE = "django_oidc_logout.middleware.OIDCSessionMiddleware"
asked: list[HttpRequest | None] = []
answers: dict[str, dict] = {}
depths: list[int] = []


def providers(request=None):
    """Return what the test wants, and note the request."""
    asked.append(request)
    return answers


def without_a_parameter():
    return providers()


def by_any_name(at_hand):
    return providers(at_hand)


def by_keyword(*, request):
    return providers(request)


def with_defaults(alias="default"):
    return {alias: {"ISSUER": ISSUER}} if isinstance(alias, str) else providers(alias)


def that_fails(request):
    asked.append(request)
    raise RuntimeError("the database is down")


def from_the_database(request):
    providers(request)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return answers


def with_a_failing_query():
    providers()
    depths.append(len(connection.savepoint_ids))
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM no_such_table")


async def coroutine():
    return {}


def nothing():
    return None


not_callable = {"default": {"ISSUER": ISSUER}}


@pytest.fixture(autouse=True)
def _forget():
    asked.clear()
    answers.clear()
    depths.clear()


@pytest.fixture
def ask(settings):
    """Return a function that configures one of this module's functions."""

    def ask(name="providers", **entries):
        written = settings.OIDC_LOGOUT_PROVIDERS
        answers.update(entries or ({} if isinstance(written, str) else written))
        settings.OIDC_LOGOUT_PROVIDERS = f"{HERE}.{name}"

    return ask


# What it is given, and what counts


@pytest.mark.parametrize(
    ("name", "is_given"),
    [
        ("providers", True),
        ("without_a_parameter", False),
        ("by_any_name", True),
        ("by_keyword", True),
        ("with_defaults", True),
    ],
)
def test_the_callable_may_take_the_request(ask, name, is_given):
    ask(name, default={"ISSUER": ISSUER})
    request = RequestFactory().get("/")
    with request_scope.begin(request):
        assert conf.OIDC_LOGOUT_PROVIDERS["default"].issuer == ISSUER
    assert asked == [request if is_given else None]


def test_mozillas_settings_are_defaults_of_the_default_provider(ask):
    ask(default={"ISSUER": ISSUER}, other={"ISSUER": ISSUER})
    found = conf.OIDC_LOGOUT_PROVIDERS
    assert (found["default"].client_id, found["other"].client_id) == ("site", "")


def test_what_is_malformed_is_left_out(ask):
    ask(default={"ISSUER": ISSUER}, other=None)
    assert list(conf.OIDC_LOGOUT_PROVIDERS) == ["default"]


@pytest.mark.parametrize("name", ["nothing", "coroutine", "not_callable", "missing"])
def test_what_cannot_be_used_counts_as_no_providers(ask, caplog, name):
    ask(name)
    found = conf.OIDC_LOGOUT_PROVIDERS
    assert (found, bool(found.failure)) == ({}, True)
    assert "Could not read the providers" in caplog.text


# How often


def test_outside_a_request_each_use_asks(ask):
    ask()
    for _ in range(2):
        assert list(conf.OIDC_LOGOUT_PROVIDERS) == ["default"]
    assert asked == [None, None]


def test_a_command_may_ask_once(ask):
    ask()
    with request_scope.begin(None):
        for _ in range(2):
            assert conf.OIDC_LOGOUT_PROVIDERS
    assert asked == [None]


def test_another_setting_asks_again_within_a_request(ask, settings):
    ask()
    with request_scope.begin(RequestFactory().get("/")):
        assert list(conf.OIDC_LOGOUT_PROVIDERS) == ["default"]
        with override_settings(OIDC_LOGOUT_PROVIDERS={"other": {}}):
            assert list(conf.OIDC_LOGOUT_PROVIDERS) == ["other"]
        with override_settings(OIDC_LOGOUT_PROVIDERS=f"{HERE}.with_defaults"):
            assert list(conf.OIDC_LOGOUT_PROVIDERS) == ["default"]
        assert list(conf.OIDC_LOGOUT_PROVIDERS) == ["default"]


def test_another_request_asks_again_even_within_one(ask):
    """A wrapped request, as REST framework's is, is the same one."""
    ask()
    request, other = RequestFactory().get("/"), RequestFactory().get("/")
    with request_scope.begin(request):
        assert conf.OIDC_LOGOUT_PROVIDERS
        for same in (request, SimpleNamespace(_request=request), None):
            with request_scope.begin(same):
                assert conf.OIDC_LOGOUT_PROVIDERS
        with request_scope.begin(other):
            assert conf.OIDC_LOGOUT_PROVIDERS
        assert conf.OIDC_LOGOUT_PROVIDERS
    assert asked == [request, other]


def test_what_goes_on_after_the_request_asks_again(ask):
    ask()
    request = RequestFactory().get("/")
    go = asyncio.Event()

    async def background():
        await go.wait()
        return await sync_to_async(lambda: list(conf.OIDC_LOGOUT_PROVIDERS))()

    async def handle():
        with request_scope.begin(request):
            assert await sync_to_async(lambda: list(conf.OIDC_LOGOUT_PROVIDERS))()
            task = asyncio.create_task(background())
        go.set()
        return await task

    assert asyncio.run(handle()) == ["default"]
    assert asked == [request, None]


def test_each_thread_has_its_own_request(ask):
    ask()
    first, second = RequestFactory().get("/1"), RequestFactory().get("/2")
    both = threading.Barrier(2)

    def handle(request):
        with request_scope.begin(request):
            both.wait(30)
            assert conf.OIDC_LOGOUT_PROVIDERS

    threads = [threading.Thread(target=handle, args=[request]) for request in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {id(request) for request in asked} == {id(first), id(second)}


@pytest.mark.parametrize("has_middleware", [True, False])
def test_each_request_asks_at_most_once(ask, settings, sign_in, logout_token, has_middleware):
    if not has_middleware:
        settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name != MIDDLEWARE]
    ask()
    counts = {}

    def count(name, act):
        asked.clear()
        found = act()
        counts[name] = len(asked)
        return found

    claims = {"iss": ISSUER, "sub": "ada", "aud": "site"}
    count("check", partial(check_reauthentication, RequestFactory().get("/"), claims))
    client = count("sign-in", sign_in)
    count("page", partial(client.get, "/private/"))
    count("account", partial(client.get, "/oidc/sessions/"))
    answer = count("sign-out", partial(client.post, LOGOUT))
    assert query_of(answer)["id_token_hint"]
    count("callback", partial(client.get, "/oidc/logout/callback/", query_of(answer)))
    sign_in(sid="s1")
    token = logout_token(sid="s1")
    assert count("back-channel", partial(post_logout_token, token)).status_code == 200
    query = {"iss": ISSUER, "sid": "s2"}
    count("front-channel", partial(client.get, "/oidc/logout/frontchannel/", query))
    count("second sign-out", partial(client.post, LOGOUT))
    assert counts == {
        "check": 1,
        "sign-in": 1,
        "page": 0,
        "account": 1,
        "sign-out": 1,
        "callback": 1,
        "back-channel": 1,
        "front-channel": 1,
        "second sign-out": 1,
    }
    assert all(isinstance(request, HttpRequest) for request in asked)


@pytest.mark.django_db(transaction=True)
def test_async_requests_ask_once_and_may_query(ask, sign_in):
    ask("from_the_database")
    client = sign_in()
    asynchronous = AsyncClient()
    asynchronous.cookies = copy_of(client).cookies
    asked.clear()
    answer = asyncio.run(asynchronous.post(LOGOUT))
    assert query_of(answer)["id_token_hint"]
    assert len(asked) == 1


# Its failure


def test_its_failure_keeps_nobody_signed_in(ask, sign_in, outcomes, caplog):
    client = sign_in()
    ask("that_fails")
    answer = client.post(LOGOUT)
    assert answer.status_code == 302
    assert not is_signed_in(client)
    assert not OIDCSession.objects.exists()
    assert outcomes[0].provider == "unavailable"
    assert "that_fails failed: RuntimeError" in outcomes[0].reason
    assert caplog.text.count("Could not read the providers") == 1
    assert "You may still be signed in" in client.get(answer["Location"]).content.decode()


def test_its_failure_at_an_anonymous_sign_out(ask, client, outcomes):
    ask("that_fails")
    assert client.post(LOGOUT).status_code == 302
    assert "that_fails failed" in outcomes[0].reason


def test_a_failing_query_breaks_no_transaction(ask):
    """PostgreSQL would refuse every later statement of the transaction, the sign-out's too."""
    ask("with_a_failing_query")
    with transaction.atomic():
        outside = len(connection.savepoint_ids)
        assert conf.OIDC_LOGOUT_PROVIDERS.failure.endswith("OperationalError")
        assert depths == [outside + 1]


def test_its_failure_does_not_break_a_sign_in(ask, sign_in, caplog):
    ask("that_fails")
    assert is_signed_in(sign_in())
    assert OIDCSession.objects.get().provider == ""


def test_sign_out_after_its_failure_at_the_sign_in(ask, sign_in, outcomes):
    ask("that_fails")
    client = sign_in()
    ask()
    hint = OIDCSession.objects.get().id_token
    assert query_of(client.post(LOGOUT))["id_token_hint"] == hint
    assert [(each.provider, each.alias) for each in outcomes] == [("redirect", "default")]


@pytest.mark.parametrize("has_token", [True, False])
@pytest.mark.parametrize("limits", [{}, {"MAX_SESSION_AGE": 3600}])
def test_housekeeping_after_its_failure_at_the_sign_in(ask, sign_in, limits, has_token):
    ask("that_fails")
    client = sign_in()
    hours_ago = timezone.now() - timedelta(hours=2)
    OIDCSession.objects.update(signed_in_at=hours_ago, **({} if has_token else {"id_token": ""}))
    call_command("oidc_logout_clear_sessions")
    assert OIDCSession.objects.get().provider == ""
    ask()
    answers["default"].update(limits)
    call_command("oidc_logout_clear_sessions")
    assert is_signed_in(client) is not bool(limits)
    assert all(row.provider == "default" for row in OIDCSession.objects.all())


def test_a_logout_token_is_refused_while_it_fails_and_accepted_after(
    ask, sign_in, settings, logout_token
):
    client = sign_in(sid="s1")
    token = logout_token(sid="s1")
    ask("that_fails")
    answer = post_logout_token(token)
    assert_refused(answer)
    assert answer.json()["error_description"].startswith("the site's providers cannot be read")
    assert is_signed_in(client)
    ask("providers")
    assert post_logout_token(token).status_code == 200
    assert not is_signed_in(client)


def test_a_logout_token_ends_no_session_of_a_tenant_that_the_request_does_not_see(
    ask, idp, sign_in, logout_token
):
    """Both tenants have a client of their own at one issuer."""
    mine, others, unknown = sign_in(), sign_in(), sign_in()
    rows = OIDCSession.objects.order_by("pk")
    for row, alias in zip(rows, ["mine", "other", ""], strict=True):
        row.provider = alias
        row.save()
    entry = {"ISSUER": idp.issuer, "CLIENT_ID": "site", "JWKS_URI": f"{idp.issuer}/jwks"}
    ask(mine=entry, second={**entry, "CLIENT_ID": "second"})
    assert post_logout_token(logout_token(sid=MISSING)).status_code == 200
    assert [is_signed_in(client) for client in (mine, others, unknown)] == [False, True, False]


# Who does not ask, and who does


def check_ids():
    messages = run_checks(include_deployment_checks=True)
    return {message.id for message in messages if message.id.startswith("oidc_logout.")} - UNDECIDED


def test_no_check_asks(ask):
    usual = check_ids()
    ask("with_a_failing_query")
    assert check_ids() == usual
    assert asked == []


@pytest.mark.parametrize(
    "name", ["missing", "not_callable", "coroutine", "asked", "no.such.module"]
)
def test_a_wrong_path_is_an_error_with_a_hint(settings, name):
    settings.OIDC_LOGOUT_PROVIDERS = f"{HERE}.{name}"
    found = [message for message in run_checks() if message.id == "oidc_logout.E028"]
    assert len(found) == 1
    assert name in found[0].msg
    assert "dotted path of a function" in found[0].hint


def test_commands_that_begin_with_the_checks_work_on_an_empty_database(ask):
    ask("with_a_failing_query")
    call_command("migrate", check_unapplied=True, skip_checks=False, stdout=io.StringIO())
    assert asked == []


def doctor(**options):
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("oidc_logout_doctor", stdout=out, no_color=True, **options)
    return " ".join(out.getvalue().split())


def test_the_doctor_asks_once(ask, settings, idp):
    ask(default={"ISSUER": idp.issuer}, club={"ISSUER": "https://club.example.com", "NAMES": ""})
    page = doctor()
    assert asked == [None]
    assert f"{HERE}.providers returned 'default', 'club'." in page
    assert "Provider club: https://club.example.com" in page
    assert "unknown key 'NAMES'" in page


GOOGLE = "django_oidc_logout.providers.GoogleProvider"


def standards():
    """Return the ids of the compliance checks that the doctor reports."""
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("oidc_logout_doctor", format="json", stdout=out)
    found = json.loads(out.getvalue())["site"]["findings"]
    return [each["id"] for each in found if each["id"].startswith("oidc_logout.W05")]


def test_the_doctor_reports_what_standards_require_of_these_providers(ask, settings, idp):
    """`check --deploy` cannot: it does not call the function."""
    good = {"ISSUER": idp.issuer, "CLIENT_ID": "site", "MAX_SESSION_AGE": 600, "REQUIRE_TYP": True}
    ask(default=good)
    assert standards() == []
    ask(club={"ISSUER": "https://club.example.com"}, google=good | {"BACKEND": GOOGLE})
    assert standards() == ["oidc_logout.W051", "oidc_logout.W054", "oidc_logout.W055"]
    assert "Sessions of 'club' do not have an absolute maximum lifetime" in doctor()
    settings.SILENCED_SYSTEM_CHECKS = ["oidc_logout.W054"]
    assert standards() == ["oidc_logout.W051", "oidc_logout.W055"]
    settings.DEBUG = True
    assert standards() == []


def test_the_doctor_leaves_those_of_a_dict_to_check_deploy(settings, idp):
    settings.OIDC_LOGOUT_PROVIDERS = {"default": {"ISSUER": idp.issuer}}
    assert standards() == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("that_fails", "that_fails failed: RuntimeError."),
        ("no_provider", "no_provider did not return a provider."),
    ],
)
def test_the_doctor_reports_a_failure(settings, name, words):
    settings.OIDC_LOGOUT_PROVIDERS = f"{HERE}.{name}"
    assert f"{HERE}.{words}" in doctor()
    if name == "that_fails":
        assert words in doctor(provider="default")


def no_provider():
    return {}


def test_the_doctor_says_which_aliases_there_are(ask):
    ask()
    with pytest.raises(CommandError, match="It contains 'default'"):
        call_command("oidc_logout_doctor", provider="other")
