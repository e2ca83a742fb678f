"""Signing out: whatever the client, the provider and the weather, the session is gone."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass, field
from html import unescape
from importlib import import_module
from itertools import product
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model, login
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_out
from django.contrib.auth.views import LogoutView
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.test import AsyncClient, Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import include, path
from django.utils.translation import override

from django_oidc_logout.api import asign_out, remember_login, sign_out
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.outcome import Outcome
from django_oidc_logout.providers import OIDCProvider
from django_oidc_logout.signals import signed_out
from tests.absence import need_package
from tests.factories import ISSUER, PASSWORD_BACKEND, break_index, is_signed_in, query_of
from tests.idp import IdP

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db

MOZILLA_BACKEND = "mozilla_django_oidc.auth.OIDCAuthenticationBackend"
END_SESSION = f"{ISSUER}/end"
CALLBACK = "http://testserver/oidc/logout/callback/"
ALL_DIRECTIVES = ", ".join(
    f'"{name}"'
    for name in (
        "cache",
        "clientHints",
        "cookies",
        "executionContexts",
        "prefetchCache",
        "prerenderCache",
        "storage",
    )
)
ALL_BUT_COOKIES = ALL_DIRECTIVES.replace('"cookies", ', "")


def id_token(**claims):
    """Return an ID Token; a claim of None is left out."""
    standard = {"iss": ISSUER, "sub": "ada", "sid": "session-1", "aud": "site"}
    present = {name: value for name, value in (standard | claims).items() if value is not None}
    return jwt.encode(present, "k" * 32, "HS256")


def options(**more):
    """Return the options of a provider that no network is needed for."""
    known = {"ISSUER": ISSUER, "END_SESSION_ENDPOINT": END_SESSION, "ALGORITHMS": ["HS256"]}
    return known | more


@pytest.fixture
def site(settings):
    settings.OIDC_LOGOUT_PROVIDERS = {"default": options()}


@pytest.fixture
def ada():
    return get_user_model().objects.create(username="ada")


@pytest.fixture
def signed_in(ada):
    """Return a function that returns a client, signed in with an ID Token in the quickest way."""

    def signed_in(token=None, client=None, **claims):
        client = client or Client()
        request = RequestFactory().get("/")
        request.session, request.user = SessionStore(), AnonymousUser()
        login(request, ada, backend=PASSWORD_BACKEND)
        remember_login(request, token or id_token(**claims))
        request.session.save()
        client.cookies["sessionid"] = request.session.session_key
        return client

    return signed_in


@pytest.fixture
def told():
    """Return what the signal `signed_out` said: a list of its arguments."""
    received = []

    def receive(**arguments):
        received.append(arguments)

    signed_out.connect(receive)
    yield received
    signed_out.disconnect(receive)


def meta_refresh(response):
    return unescape(re.search(r'content="0; url=([^"]*)"', response.content.decode())[1])


@dataclass(frozen=True)
class Kind:
    """A kind of client: what it sends, what it is answered with, and where that takes it."""

    status: int
    url: Callable
    headers: dict = field(default_factory=dict)
    settings: dict = field(default_factory=dict)


CLIENTS = {
    "browser": Kind(302, lambda response: response["Location"]),
    "JSON": Kind(
        200,
        lambda answer: json.loads(answer.content)["redirect_to"],
        {"accept": "application/json"},
    ),
    "htmx": Kind(204, lambda response: response["HX-Redirect"], {"hx-request": "true"}),
    "Turbo": Kind(
        200,
        meta_refresh,
        {"x-turbo-request-id": "1", "accept": "text/vnd.turbo-stream.html, text/html"},
    ),
    "browser that is refreshed": Kind(
        200, meta_refresh, settings={"OIDC_LOGOUT_RESPONSE": "refresh"}
    ),
}
# Its class, its endpoint, its parameter for the way back, and whether that brings our state along.
PROVIDERS = {
    "standard": ("OIDCProvider", "{issuer}/end-session", "post_logout_redirect_uri", True),
    "Auth0": ("Auth0Provider", "{issuer}/v2/logout", "returnTo", True),
    "Cognito": ("CognitoProvider", "{issuer}/end-session", "logout_uri", False),
    "WorkOS": (
        "WorkOSProvider",
        "https://api.workos.com/user_management/sessions/logout",
        "return_to",
        False,
    ),
    "Google": ("GoogleProvider", "", "", False),
}
ASK_DISCOVERY = ("standard", "Cognito")
HINTS = {
    "there": {},
    "absent": {},
    "too long": {"padding": "x" * 8000},
    "expired": {"exp": 1},
}
SENT = ("there", "expired")
WEATHER = ("up", "down, discovery cached", "down")
NEXT = {"good": {"next": "/bye/?a=1"}, "bad": {"next": "//evil.example"}, "absent": {}}


@pytest.fixture(scope="module")
def weathered_idp():
    """Return a running provider, whose discovery each test lets fail or not."""
    provider = IdP()
    provider.start()
    yield provider
    provider.stop()


def fetch_nothing(handler):
    handler.send_error(503)


def change_weather(idp, weather):
    """Let the provider be up or down, with what a sign-in has fetched cached or lost."""
    idp.answers["/.well-known/openid-configuration"] = (
        idp.metadata if weather == "up" else fetch_nothing
    )
    if weather != "down, discovery cached":
        cache.clear()


def parameters(url):
    """Return the query of a URL, in which no parameter stands twice."""
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def land(url, *, return_parameter=""):
    """Return where a browser lands in the end, once the provider has sent it back."""
    sent = parameters(url)
    if return_parameter:
        url, given = sent[return_parameter], {"state": sent["state"]} if "state" in sent else None
        response = Client().get(url, given)
    elif not url.startswith("/oidc/logout/callback/?"):
        return url
    else:
        response = Client().get(url)
    return response.get("Location", "the signed-out page")


def assert_session_cookie_deleted(response):
    cookie = response.cookies["sessionid"]
    assert (cookie.value, cookie["max-age"]) == ("", 0)


@dataclass(frozen=True)
class Cell:
    """A cell of the table of all sign-outs."""

    client_kind: str
    provider: str
    hint: str
    weather: str
    wanted: str

    def __str__(self):
        return f"{self.client_kind}-{self.provider}-{self.hint}-{self.weather}-{self.wanted}"

    def expected_outcome(self):
        if self.provider == "Google":
            return "skipped"
        asks = self.provider in ASK_DISCOVERY
        return "unavailable" if asks and self.weather == "down" else "redirect"

    def expected_landing(self):
        *_, state_returns = PROVIDERS[self.provider]
        # Without Django's messages, only the signed-out page can tell a person.
        is_told = self.client_kind == "JSON"
        if self.wanted == "good" and (
            state_returns if self.expected_outcome() == "redirect" else is_told
        ):
            return "/bye/?a=1"
        return "the signed-out page"


CELLS = [Cell(*axes) for axes in product(CLIENTS, PROVIDERS, HINTS, WEATHER, NEXT)]


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_every_way(cell, weathered_idp, settings, signed_in, told):
    kind, idp = CLIENTS[cell.client_kind], weathered_idp
    backend, endpoint, return_parameter, _ = PROVIDERS[cell.provider]
    settings.OIDC_LOGOUT_PROVIDERS = {
        "default": {
            "ISSUER": idp.issuer,
            "BACKEND": f"django_oidc_logout.providers.{backend}",
            "ALGORITHMS": ["HS256"],
        }
    }
    for name, value in kind.settings.items():
        setattr(settings, name, value)
    change_weather(idp, "up")
    token = id_token(iss=idp.issuer, **HINTS[cell.hint])
    client = signed_in(token)
    if cell.hint == "absent":
        OIDCSession.objects.update(id_token="")
    change_weather(idp, cell.weather)

    response = client.post("/oidc/logout/", NEXT[cell.wanted], headers=kind.headers)

    assert response.status_code == kind.status
    assert "no-store" in response["Cache-Control"]
    assert response["Clear-Site-Data"] == '"storage"'
    vary = {name.strip() for name in response["Vary"].split(",")}
    assert {"Accept", "HX-Request", "X-Turbo-Request-Id"} <= vary
    assert_session_cookie_deleted(response)

    assert not Session.objects.exists()
    assert not OIDCSession.objects.exists()
    assert not is_signed_in(client)

    outcome = cell.expected_outcome()
    [arguments] = told
    assert arguments["user"].username == "ada"
    reported = arguments["outcome"]
    assert (reported.site, reported.provider, reported.tokens) == ("done", outcome, "skipped")
    standard = cell.provider == "standard"
    dropped = standard and outcome == "redirect" and cell.hint == "too long"
    assert ("The ID Token was left out" in reported.reason) == dropped
    if cell.client_kind == "JSON":
        assert response.json()["provider"] == outcome

    url = kind.url(response)
    if outcome == "redirect":
        assert url.partition("?")[0] == endpoint.format(issuer=idp.issuer)
        hint_sent = standard and cell.hint in SENT
        assert parameters(url).get("id_token_hint") == (token if hint_sent else None)
        landed = land(url, return_parameter=return_parameter)
    else:
        landed = land(url)
    assert landed == cell.expected_landing()


def fail(**_):
    raise RuntimeError("a receiver's own failure")


@pytest.fixture
def failing(request):
    """Connect a receiver that fails."""
    request.param.connect(fail)
    yield
    request.param.disconnect(fail)


@pytest.mark.usefixtures("site", "failing")
@pytest.mark.parametrize(
    "failing", [user_logged_out, signed_out], ids=["user_logged_out", "signed_out"], indirect=True
)
def test_receiver_that_fails_keeps_nobody_signed_in(signed_in, told):
    client = signed_in()
    response = client.post("/oidc/logout/")
    assert response["Location"].startswith(END_SESSION)
    assert not Session.objects.exists()
    assert not OIDCSession.objects.exists()
    assert not is_signed_in(client)
    assert [arguments["outcome"].provider for arguments in told] == ["redirect"]


@pytest.mark.usefixtures("site", "failing")
@pytest.mark.parametrize("failing", [user_logged_out], ids=["user_logged_out"], indirect=True)
def test_request_is_anonymous_after_a_receiver_has_failed(rf, signed_in, ada):
    request = rf.post("/")
    request.session, request.user = signed_in().session, ada
    sign_out(request)
    assert request.user == AnonymousUser()
    assert request.session.is_empty()


class FailingAddress(OIDCProvider):
    def end_session_url(self, request, **options):
        raise ZeroDivisionError


class FailingParameters(OIDCProvider):
    def parameters(self, request):
        raise KeyError("of the site's own")


class FailingEndpoint(OIDCProvider):
    def end_session_endpoint(self):
        raise RecursionError


class FailingToStart(OIDCProvider):
    def __init__(self, options):
        raise ValueError("of the site's own")


class GivingNothing(OIDCProvider):
    def end_session_url(self, request, **options):
        return None


class FailingName(OIDCProvider):
    @property
    def name(self):
        raise ZeroDivisionError

    @name.setter
    def name(self, value):
        pass


class GivingNoAddress:
    def __init__(self, options):
        pass


@pytest.fixture
def module_failing_on_import(tmp_path, monkeypatch):
    (tmp_path / "failing_on_import.py").write_text("raise ValueError")
    monkeypatch.syspath_prepend(tmp_path)


BAD_BACKENDS = [
    f"{__name__}.FailingAddress",
    f"{__name__}.FailingParameters",
    f"{__name__}.FailingEndpoint",
    f"{__name__}.FailingToStart",
    f"{__name__}.FailingName",
    f"{__name__}.GivingNothing",
    f"{__name__}.GivingNoAddress",
    f"{__name__}.Missing",
    f"{__name__}.BAD_BACKENDS",
    "nowhere.Provider",
    "failing_on_import.Provider",
    "nodots",
    "",
]


@pytest.mark.usefixtures("site", "module_failing_on_import")
@pytest.mark.parametrize("backend", BAD_BACKENDS)
def test_provider_class_that_fails_keeps_nobody_signed_in(backend, configure, signed_in, told):
    client = signed_in()
    configure(BACKEND=backend)
    response = client.post("/oidc/logout/")
    assert not is_signed_in(client)
    assert not OIDCSession.objects.exists()
    assert told[0]["outcome"].provider == "unavailable"
    page = client.get(response["Location"])
    assert "You may still be signed in at " in page.text


@pytest.mark.usefixtures("site", "module_failing_on_import")
@pytest.mark.parametrize("backend", BAD_BACKENDS)
def test_provider_class_that_fails_keeps_nobody_from_landing(backend, configure, signed_in, told):
    client = signed_in()
    configure(BACKEND=backend)
    response = client.post("/oidc/logout/", {"next": "/bye/"})
    page = client.get(response["Location"]).text
    assert 'href="/bye/"' in page
    assert "You may still be signed in at " in page
    assert not is_signed_in(client)
    assert told[0]["outcome"].provider == "unavailable"


@pytest.mark.usefixtures("site", "module_failing_on_import")
@pytest.mark.parametrize("backend", BAD_BACKENDS)
def test_provider_class_that_fails_breaks_no_sign_in(backend, configure, signed_in):
    configure(BACKEND=backend)
    assert is_signed_in(signed_in())
    assert OIDCSession.objects.get().provider == "default"


class GivingAnAddressThatNoBrowserFollows(OIDCProvider):
    def end_session_endpoint(self):
        return "custom-scheme://end"


def test_address_that_django_does_not_redirect_to_breaks_nothing(configure, site, signed_in, told):
    configure(BACKEND=f"{__name__}.GivingAnAddressThatNoBrowserFollows")
    client = signed_in()
    response = client.post("/oidc/logout/")
    assert not is_signed_in(client)
    assert len(told) == 1
    assert response.status_code == 302


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("error", [DatabaseError, RuntimeError, KeyError])
def test_user_that_cannot_be_loaded_is_signed_out(signed_in, monkeypatch, error):
    client = signed_in()

    def get_user(self, user_id):
        raise error("of the backend's own")

    with monkeypatch.context() as patch:
        patch.setattr("django.contrib.auth.backends.ModelBackend.get_user", get_user)
        response = client.post("/oidc/logout/")
    assert_session_cookie_deleted(response)
    assert not Session.objects.exists()
    assert not is_signed_in(client)


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("broken", ["select", "delete"])
def test_index_that_is_down_keeps_nobody_signed_in(signed_in, told, monkeypatch, broken, caplog):
    client = signed_in()

    def down(*args, **kwargs):
        raise DatabaseError("down")

    with monkeypatch.context() as patch:
        break_index(patch, broken, down)
        response = client.post("/oidc/logout/")
    assert response.status_code == 302
    assert not Session.objects.exists()
    assert told[0]["outcome"].provider == "redirect"  # that there is one, the session says as well
    assert "Traceback" in caplog.text


@pytest.mark.usefixtures("site")
def test_anonymous_click_tells_the_provider_and_leaves_no_trace(client, told):
    response = client.post("/oidc/logout/", {"next": "/bye/"})
    sent = parameters(response["Location"])
    assert (sent["client_id"], sent["post_logout_redirect_uri"]) == ("site", CALLBACK)
    assert not {"id_token_hint", "logout_hint"} & set(sent)
    assert land(response["Location"], return_parameter="post_logout_redirect_uri") == "/bye/"
    assert "no-store" in response["Cache-Control"]
    assert_session_cookie_deleted(response)
    assert told[0]["user"] is None
    assert not Session.objects.exists()
    assert not OIDCSession.objects.exists()


@pytest.mark.usefixtures("site")
def test_second_click(signed_in):
    client = signed_in()
    answers = [client.post("/oidc/logout/") for _ in range(2)]
    hints = ["id_token_hint" in query_of(answer) for answer in answers]
    assert hints == [True, False]


@pytest.mark.usefixtures("site")
def test_session_that_holds_other_things_is_emptied(client, told):
    client.get("/")
    session = client.session
    session["basket"] = [1, 2]
    session.save()
    client.cookies["sessionid"] = session.session_key
    client.post("/oidc/logout/")
    assert not Session.objects.exists()


@pytest.mark.usefixtures("site", "ada")
def test_password_is_signed_out_here(client, told):
    get_user_model().objects.create_user("grace", password="hopper")
    assert client.login(username="grace", password="hopper")
    response = client.post("/oidc/logout/")
    assert land(response["Location"]) == "the signed-out page"
    assert not is_signed_in(client)
    outcome = told[0]["outcome"]
    assert (outcome.provider, told[0]["user"].username) == ("skipped", "grace")
    assert "not through an identity provider" in outcome.reason


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("fields", [{}, {"next": "/bye/"}])
def test_this_site_only(signed_in, told, fields):
    client = signed_in()
    response = client.post("/oidc/logout/", {"local": "1", **fields})
    assert land(response["Location"]) == fields.get("next", "the signed-out page")
    assert told[0]["outcome"].provider == "skipped"
    assert not is_signed_in(client)
    assert not OIDCSession.objects.exists()


SEVERAL = {
    "default": options(END_SESSION_ENDPOINT=f"{END_SESSION}?default"),
    "shop": options(CLIENT_ID="shop", END_SESSION_ENDPOINT=f"{END_SESSION}?shop"),
    "other": options(
        ISSUER="https://other.example.com",
        CLIENT_ID="site",
        END_SESSION_ENDPOINT=f"{END_SESSION}?other",
    ),
}


@pytest.mark.parametrize(
    ("claims", "alias"),
    [
        ({}, "default"),
        ({"aud": "shop"}, "shop"),
        ({"aud": ["shop"]}, "shop"),
        ({"aud": ["shop", "api"]}, "shop"),
        ({"aud": ["site", "shop"], "azp": "shop"}, "shop"),
        ({"aud": ["shop", "site"], "azp": "site"}, "default"),
        ({"iss": "https://other.example.com"}, "other"),
        ({"iss": "https://other.example.com", "aud": "shop"}, ""),
        ({"aud": "strangers"}, ""),
        ({"aud": None}, ""),
        ({"iss": f"{ISSUER}/"}, ""),
        ({"iss": "https://unknown.example.com"}, ""),
    ],
)
def test_several_providers_each_for_its_own(settings, signed_in, told, claims, alias):
    settings.OIDC_LOGOUT_PROVIDERS = SEVERAL
    client = signed_in(**claims)
    response = client.post("/oidc/logout/")
    assert not is_signed_in(client)
    if alias:
        sent = response["Location"].removeprefix(f"{END_SESSION}?{alias}&")
        assert f"id_token_hint={id_token(**claims)}" in sent.split("&")
        assert f"client_id={SEVERAL[alias].get('CLIENT_ID', 'site')}" in sent.split("&")
        assert told[0]["outcome"].provider == "redirect"
    else:
        assert land(response["Location"]) == "the signed-out page"
        assert told[0]["outcome"].provider == "unavailable"
        assert claims.get("iss", ISSUER) in told[0]["outcome"].reason


@pytest.mark.parametrize(
    ("providers", "outcome"),
    [
        (SEVERAL, "redirect"),
        ({"only": SEVERAL["shop"]}, "redirect"),
        ({"shop": SEVERAL["shop"], "other": SEVERAL["other"]}, "unavailable"),
        ({}, "unavailable"),
        (None, "unavailable"),
    ],
    ids=["several, one the default", "one", "several", "none", "not set"],
)
def test_anonymous_click_where_no_session_says_which(settings, client, told, providers, outcome):
    settings.OIDC_LOGOUT_PROVIDERS = providers
    client.post("/oidc/logout/")
    assert told[0]["outcome"].provider == outcome


@pytest.mark.requirement("ASVS 10.1.1")
@pytest.mark.parametrize(
    "providers",
    [
        {"default": options(ISSUER="https://new.example.com")},
        {"new": options(CLIENT_ID="site")},
    ],
    ids=["another issuer", "another alias"],
)
def test_hint_goes_to_nobody_but_who_issued_it(settings, site, signed_in, told, providers):
    client = signed_in()
    settings.OIDC_LOGOUT_PROVIDERS = providers
    response = client.post("/oidc/logout/")
    assert land(response["Location"]) == "the signed-out page"
    assert told[0]["outcome"].provider == "unavailable"
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    ("claims", "logout_hint"),
    [
        ({"login_hint": "l", "preferred_username": "p", "email": "e"}, "l"),
        ({"preferred_username": "p", "email": "e"}, "p"),
        ({"login_hint": "", "preferred_username": 5, "email": "e"}, "e"),
        ({}, "ada"),
    ],
)
def test_logout_hint_in_the_hints_place(configure, site, signed_in, claims, logout_hint):
    configure(SEND_ID_TOKEN_HINT=False)
    sent = parameters(signed_in(**claims).post("/oidc/logout/")["Location"])
    assert "id_token_hint" not in sent
    assert (sent["logout_hint"], sent["client_id"]) == (logout_hint, "site")
    assert {"post_logout_redirect_uri", "state", "ui_locales"} <= set(sent)


@pytest.mark.usefixtures("site")
def test_hint_alone_is_sent_without_a_logout_hint(signed_in):
    sent = parameters(signed_in(email="e").post("/oidc/logout/")["Location"])
    assert "logout_hint" not in sent
    assert sent["id_token_hint"] == id_token(email="e")


@pytest.mark.usefixtures("site")
def test_subject_is_the_hint_where_the_token_cannot_be_read_any_more(signed_in, settings):
    client = signed_in(email="e")
    OIDCSession.objects.update(id_token="")
    assert parameters(client.post("/oidc/logout/")["Location"])["logout_hint"] == "ada"


AWKWARD = "a b&c=d+e%25%2F#é/?\"'"


@pytest.mark.parametrize(
    ("changes", "sent"),
    [
        ({"EXTRA_PARAMS": {"awkward": AWKWARD}}, {"awkward": AWKWARD}),
        ({"EXTRA_PARAMS": {"client_id": "mine"}}, {"client_id": "mine"}),
        ({"EXTRA_PARAMS": {"ui_locales": "nb nn"}}, {"ui_locales": "nb nn"}),
        ({"EXTRA_PARAMS": {"bare": ""}}, {"bare": ""}),
        ({"EXTRA_PARAMS": {"bare": None}}, {"bare": ""}),
        ({"EXTRA_PARAMS": {"max_age": 0, "flag": False}}, {"max_age": "0", "flag": "False"}),
        ({"CLIENT_ID": AWKWARD}, {"client_id": AWKWARD}),
        (
            {"POST_LOGOUT_REDIRECT_URI": "https://www.example.com/bye?a=%20&b=c#d"},
            {"post_logout_redirect_uri": "https://www.example.com/bye?a=%20&b=c#d"},
        ),
    ],
)
def test_parameters_are_encoded_once(configure, site, client, changes, sent):
    configure(**changes)
    everything = parameters(client.post("/oidc/logout/")["Location"])
    assert {name: everything[name] for name in sent} == sent


@pytest.mark.parametrize(
    ("endpoint", "begins"),
    [
        (f"{END_SESSION}?p=b2c_1&q=%2F", f"{END_SESSION}?p=b2c_1&q=%2F&client_id=site&"),
        (f"{END_SESSION}?", f"{END_SESSION}?client_id=site&"),
        (f"{ISSUER}/café", f"{ISSUER}/caf%C3%A9?client_id=site&"),
    ],
)
def test_endpoint_is_kept_as_it_is(configure, site, client, endpoint, begins):
    configure(END_SESSION_ENDPOINT=endpoint)
    assert client.post("/oidc/logout/")["Location"].startswith(begins)


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("padding", "status"), [(2000, 200), (1000, 302)], ids=["over 3,000", "under"]
)
def test_long_address_goes_out_on_a_page(signed_in, told, padding, status):
    token = id_token(padding="x" * padding)
    response = signed_in(token).post("/oidc/logout/")
    assert response.status_code == status
    url = response["Location"] if status == 302 else meta_refresh(response)
    assert parameters(url)["id_token_hint"] == token
    assert response.get("Referrer-Policy") == ("no-referrer" if status == 200 else None)
    assert told[0]["outcome"].provider == "redirect"


@pytest.mark.usefixtures("site")
def test_page_that_sends_on_has_a_link_for_those_whose_browser_does_not(signed_in, settings):
    settings.OIDC_LOGOUT_RESPONSE = "refresh"
    response = signed_in().post("/oidc/logout/")
    [link] = re.findall(r'<a href="([^"]*)"', response.content.decode())
    assert unescape(link) == meta_refresh(response)
    assert unescape(link).startswith(END_SESSION)


@pytest.mark.usefixtures("site")
def test_long_address_breaks_no_header_of_htmx(signed_in, told):
    token = id_token(padding="x" * 4000)
    response = signed_in(token).post("/oidc/logout/", headers={"hx-request": "true"})
    assert len(response["HX-Redirect"]) <= 3000
    assert "The ID Token was left out" in told[0]["outcome"].reason


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("max_length", "dropped"), [(400, True), (5000, False)], ids=["over", "under"]
)
def test_address_that_the_provider_would_refuse(configure, signed_in, told, max_length, dropped):
    configure(MAX_URL_LENGTH=max_length)
    token = id_token(email="ada@example.com")
    sent = parameters(signed_in(token).post("/oidc/logout/")["Location"])
    assert sent.get("id_token_hint") == (None if dropped else token)
    assert sent.get("logout_hint") == ("ada@example.com" if dropped else None)
    assert sent["client_id"] == "site"
    assert ("The ID Token was left out" in told[0]["outcome"].reason) == dropped


def test_address_is_as_long_as_is_allowed(configure, site, signed_in, monkeypatch):
    monkeypatch.setattr("django_oidc_logout.rp_initiated.return_to.sign", lambda state: "state")
    length = len(signed_in().post("/oidc/logout/")["Location"])
    for limit, sent in ((length, True), (length - 1, False)):
        configure(MAX_URL_LENGTH=limit)
        location = signed_in().post("/oidc/logout/")["Location"]
        assert ("id_token_hint" in location) == sent


def test_nothing_is_said_of_a_hint_that_the_provider_never_takes(configure, site, signed_in, told):
    configure(MAX_URL_LENGTH=10, BACKEND="django_oidc_logout.providers.Auth0Provider")
    signed_in().post("/oidc/logout/")
    assert "ID Token" not in told[0]["outcome"].reason


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("stored", [True, False], ids=["with a token", "without a token"])
def test_mozillas_session_of_before_the_installation(settings, client, ada, told, stored):
    client.force_login(ada, PASSWORD_BACKEND)
    session = client.session
    session["oidc_id_token_expiration"] = 0
    if stored:
        session["oidc_id_token"] = id_token()
    session.save()
    sent = query_of(client.post("/oidc/logout/"))
    assert sent.get("id_token_hint") == (id_token() if stored else None)
    assert sent["client_id"] == "site"
    assert told[0]["outcome"].provider == "redirect"
    assert not is_signed_in(client)


@pytest.mark.parametrize("stored", [True, False], ids=["with a token", "without a token"])
def test_mozillas_own_backend(settings, sign_in, told, stored):
    settings.AUTHENTICATION_BACKENDS = [MOZILLA_BACKEND]
    settings.OIDC_STORE_ID_TOKEN = stored
    client = sign_in()
    sent = query_of(client.post("/oidc/logout/"))
    assert ("id_token_hint" in sent, sent["client_id"]) == (stored, "site")
    assert told[0]["outcome"].provider == "redirect"
    assert not is_signed_in(client)


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("token", ["garbage", 5, ""])
def test_token_that_cannot_be_read_is_as_good_as_none(client, ada, told, token):
    client.force_login(ada, PASSWORD_BACKEND)
    session = client.session
    session.update({"oidc_id_token_expiration": 0, "oidc_id_token": token})
    session.save()
    assert "id_token_hint" not in query_of(client.post("/oidc/logout/"))
    assert not is_signed_in(client)


@pytest.mark.django_db(transaction=True)
def test_warm_click_costs_no_call_and_at_most_two_queries(idp, sign_in, settings, ada):
    settings.ROOT_URLCONF = __name__
    settings.LOGOUT_REDIRECT_URL = "/"
    by_django, by_us = Client(), sign_in()
    by_django.force_login(ada, PASSWORD_BACKEND)
    idp.asked.clear()
    with CaptureQueriesContext(connection) as djangos:
        assert by_django.post("/django/logout/").status_code == 302
    with CaptureQueriesContext(connection) as ours:
        location = by_us.post("/oidc/logout/")["Location"]
    assert location.startswith(idp.metadata["end_session_endpoint"])
    assert "id_token_hint" in location
    assert idp.asked == []
    assert len(djangos) > 0
    assert len(ours) <= len(djangos) + 2


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("accepted", "ui_locales"),
    [("de", "de"), ("pt-br", "pt-BR"), ("zh-hans", "zh-Hans"), ("en-gb,en;q=0.8", "en-GB")],
)
def test_ui_locales(client, accepted, ui_locales):
    response = client.post("/oidc/logout/", headers={"accept-language": accepted})
    assert query_of(response)["ui_locales"] == ui_locales


@pytest.mark.usefixtures("site")
def test_no_ui_locales_where_no_language_is_active(client, settings):
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "locale" not in name]
    with override(None):
        assert "ui_locales" not in query_of(client.post("/oidc/logout/"))


async def sign_out_async(request):
    return await asign_out(request, return_to="bye", local_only="local" in request.GET)


def sign_out_sync(request):
    return sign_out(request, return_to="bye", local_only="local" in request.GET)


urlpatterns = [
    path("", include("tests.urls")),
    path("django/logout/", LogoutView.as_view()),
    path("sync/", sign_out_sync),
    path("async/", sign_out_async),
]


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("path", ["/sync/", "/async/"])
@pytest.mark.parametrize("asgi", [False, True], ids=["WSGI", "ASGI"])
def test_sign_out_in_a_view_of_ones_own(settings, signed_in, told, path, asgi):
    settings.ROOT_URLCONF = __name__
    client = signed_in(client=AsyncClient() if asgi else Client())
    post = async_to_sync(client.post) if asgi else client.post
    response = post(path)
    sent = parameters(response["Location"])
    assert sent["id_token_hint"] == id_token()
    assert land(response["Location"], return_parameter="post_logout_redirect_uri") == "/bye/"
    assert not Session.objects.exists()
    assert not OIDCSession.objects.exists()
    assert told[0]["user"].username == "ada"
    assert_session_cookie_deleted(response)
    assert "no-store" in response["Cache-Control"]


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("path", ["/sync/?local", "/async/?local"])
def test_this_site_only_in_a_view_of_ones_own(settings, signed_in, told, path):
    settings.ROOT_URLCONF = __name__
    client = signed_in()
    assert client.post(path)["Location"] == "/bye/"
    assert not is_signed_in(client)
    assert told[0]["outcome"].provider == "skipped"


@pytest.mark.usefixtures("site")
def test_logout_view_under_asgi(signed_in, told):
    client = signed_in(client=AsyncClient())
    response = async_to_sync(client.post)("/oidc/logout/", {"next": "/bye/"})
    assert parameters(response["Location"])["id_token_hint"] == id_token()
    assert not Session.objects.exists()
    assert not OIDCSession.objects.exists()


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("client_kind", ["browser", "JSON"])
def test_view_of_django_rest_framework(settings, signed_in, told, rf, client_kind):
    need_package("rest_framework", "djangorestframework")
    views = import_module("rest_framework.views")

    class SignOut(views.APIView):
        def post(self, request):
            return sign_out(request, return_to="bye")

    client = signed_in()
    kind = CLIENTS[client_kind]
    request = rf.post("/", headers=kind.headers)
    request.session, request._dont_enforce_csrf_checks = client.session, True
    response = SignOut.as_view()(request)
    assert response.status_code == kind.status
    assert parameters(kind.url(response))["id_token_hint"] == id_token()
    assert request.user == AnonymousUser()
    assert not Session.objects.exists()
    assert not OIDCSession.objects.exists()


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    "expected",
    [
        {
            "issuer": ISSUER,
            "level": "INFO",
            "provider": "redirect",
            "reason": "The browser was redirected to idp.example.com.",
        },
        {
            "issuer": "https://new.example.com",
            "level": "WARNING",
            "provider": "unavailable",
            "reason": "The provider could not be notified: "
            "'default' has a different issuer than at the sign-in.",
        },
    ],
)
def test_outcome_is_logged(settings, signed_in, caplog, expected):
    client = signed_in()
    settings.OIDC_LOGOUT_PROVIDERS = {"default": options(ISSUER=expected["issuer"])}
    caplog.clear()
    with caplog.at_level(logging.INFO, "django_oidc_logout"):
        client.post("/oidc/logout/")
    done = f"site=done provider={expected['provider']} tokens=skipped reason={expected['reason']}"
    assert [(entry.levelname, entry.message) for entry in caplog.records] == [
        (expected["level"], f"Signed out: {done}")
    ]


@pytest.mark.parametrize("tokens", ["skipped", "revoked", "failed"])
@pytest.mark.parametrize("provider", ["redirect", "skipped", "unavailable"])
def test_what_went_wrong_is_a_warning(rf, caplog, provider, tokens):
    outcome = Outcome(provider=provider, tokens=tokens)
    with caplog.at_level(logging.INFO, "django_oidc_logout"):
        signed_out.send_robust(
            sender=sign_out, request=rf.post("/"), user=None, session=None, outcome=outcome
        )
    wrong = provider == "unavailable" or tokens == "failed"
    assert caplog.records[0].levelname == ("WARNING" if wrong else "INFO")


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("directives", "expected"),
    [
        (["storage"], ('"storage"', None, '"storage"')),
        (["cookies", "storage"], ('"storage"', '"cookies"', '"cookies", "storage"')),
        (["cookies"], (None, '"cookies"', '"cookies"')),
        (("cache",), ('"cache"', None, '"cache"')),
        (["*"], (ALL_BUT_COOKIES, '"cookies"', ALL_DIRECTIVES)),
        (["storage", "nonsense"], ('"storage"', None, '"storage"')),
        ([], (None, None, None)),
        (None, ('"storage"', None, '"storage"')),
    ],
)
def test_clear_site_data(settings, signed_in, directives, expected):
    settings.OIDC_LOGOUT_CLEAR_SITE_DATA = directives
    client = signed_in()
    to_provider = client.post("/oidc/logout/")
    way_back = client.get(CALLBACK, {"state": query_of(to_provider)["state"]})
    this_site_only = signed_in().post("/oidc/logout/", {"local": "1"})
    answers = (to_provider, way_back, this_site_only)
    assert tuple(answer.get("Clear-Site-Data") for answer in answers) == expected


@pytest.mark.usefixtures("site")
def test_cookies_are_cleared_on_the_way_back_only(settings, signed_in):
    settings.OIDC_LOGOUT_CLEAR_SITE_DATA = ["cookies"]
    state = query_of(signed_in().post("/oidc/logout/"))["state"]
    answers = {
        "without a state": Client().get(CALLBACK),
        "with a foreign state": Client().get(CALLBACK, {"state": f"{state}x"}),
        "signed in again": signed_in().get(CALLBACK, {"state": state}),
    }
    assert {
        name: answer.get("Clear-Site-Data") for name, answer in answers.items()
    } == dict.fromkeys(answers)


LOGOUT = "/oidc/logout/"
REFUSED = {
    "CSRF": ("confirm", lambda client: client.post(LOGOUT), 403),
    "PUT": ("confirm", lambda client: client.put(LOGOUT), 403),
    "GET refused": ("refuse", lambda client: client.get(LOGOUT), 405),
    "confirm page": ("confirm", lambda client: client.get(LOGOUT), 200),
    "prefetch": (
        "allow",
        lambda client: client.get(LOGOUT, headers={"sec-purpose": "prefetch"}),
        200,
    ),
    "POST of the callback": ("confirm", lambda client: client.post(CALLBACK), 403),
}


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("refused", REFUSED)
def test_refused_request_clears_and_ends_nothing(settings, signed_in, told, refused):
    policy, send, status = REFUSED[refused]
    settings.OIDC_LOGOUT_GET = policy
    settings.OIDC_LOGOUT_CLEAR_SITE_DATA = ["*"]
    client = signed_in(client=Client(enforce_csrf_checks=True))
    response = send(client)
    assert response.status_code == status
    assert "Clear-Site-Data" not in response
    assert "sessionid" not in response.cookies
    assert is_signed_in(client)
    assert OIDCSession.objects.exists()
    assert told == []


def test_session_cookie_is_deleted_by_its_own_name_and_scope(settings, site, signed_in):
    client = signed_in()
    settings.SESSION_COOKIE_NAME = "other"
    settings.SESSION_COOKIE_PATH = "/app/"
    settings.SESSION_COOKIE_DOMAIN = "example.com"
    settings.SESSION_COOKIE_SAMESITE = "Strict"
    cookie = client.post("/oidc/logout/").cookies["other"]
    assert (cookie["max-age"], cookie["path"], cookie["domain"], cookie["samesite"]) == (
        0,
        "/app/",
        "example.com",
        "Strict",
    )


CHROME = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
    "image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"
)


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("accept", "is_json"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ("application/json;charset=UTF-8, */*;q=0.1", True),
        ("application/json, text/plain, */*", True),
        ("text/html, application/json", False),
        ("application/*", True),
        ("APPLICATION/JSON", True),
        ("application/json; version=1.0", True),
        ("application/json; indent=4, */*;q=0.1", True),
        ("application/json;charset=UTF8", True),
        ("application/json;version=1;q=0.8, text/html;level=1;q=0.9", False),
        ("application/json;q=0", False),
        ("application/json;q=0, */*", False),
        ("application/json;q=0.5, application/*, text/html;q=0.8", False),
        # Chrome, Firefox and Safari, an older WebKit, Java, Internet Explorer.
        (CHROME, False),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        ("application/xml,application/xhtml+xml,text/html;q=0.9,image/png,*/*;q=0.5", False),
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", False),
        ("image/gif, image/jpeg, application/x-ms-application, */*", False),
        ("application/json;q=0.8, text/html;q=0.9", False),
        ("application/json;q=0.9, text/html;q=0.8", True),
        ("*/*", False),
        ("", False),
        ("image/png", False),
        ("garbage", False),
    ],
)
def test_json_is_for_those_who_prefer_it(client, accept, is_json):
    response = client.post("/oidc/logout/", headers={"accept": accept})
    assert response["Content-Type"].startswith("application/json") == is_json
    if is_json:
        assert set(response.json()) == {"redirect_to", "provider", "code"}
        assert response.json()["code"] == "redirected"


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("headers", "is_json"),
    [
        ({"accept": "*/*", "sec-fetch-dest": "empty"}, True),
        ({"accept": "*/*", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}, True),
        ({"sec-fetch-mode": "same-origin"}, True),
        ({"sec-fetch-mode": "no-cors", "sec-fetch-dest": "empty"}, True),
        ({"accept": "text/html", "sec-fetch-mode": "cors"}, True),
        ({"accept": "*/*", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}, False),
        ({"sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}, False),
        ({"sec-fetch-site": "same-origin"}, False),
        ({"hx-request": "true", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}, False),
        ({"x-turbo-request-id": "1", "sec-fetch-mode": "cors"}, False),
    ],
    ids=str,
)
def test_script_is_answered_what_it_can_follow(client, headers, is_json):
    response = client.post("/oidc/logout/", headers=headers)
    assert response["Content-Type"].startswith("application/json") == is_json
    if is_json:
        assert response.json()["redirect_to"].startswith(END_SESSION)
        assert response.json()["provider"] == "redirect"
    assert {"Sec-Fetch-Mode", "Sec-Fetch-Dest"} <= set(response["Vary"].split(", "))


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("value", ["false", "", "1"])
def test_htmx_is_known_by_its_header(client, value):
    assert client.post("/oidc/logout/", headers={"hx-request": value}).status_code == 302


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    "headers",
    [
        {"x-turbo-request-id": "1"},
        {"accept": "text/vnd.turbo-stream.html, text/html, application/xhtml+xml"},
    ],
    ids=["8", "7"],
)
def test_turbo_is_sent_on_by_a_stream(client, headers):
    response = client.post("/oidc/logout/", headers=headers)
    assert response["Content-Type"].startswith("text/vnd.turbo-stream.html")
    assert meta_refresh(response).startswith(END_SESSION)
