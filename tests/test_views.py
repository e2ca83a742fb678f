"""The views: what asks, what is answered, and what people read."""

from __future__ import annotations

import json
import re
from html import unescape
from itertools import product

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.sessions.backends.db import SessionStore
from django.db import OperationalError, connection, transaction
from django.http import HttpResponse
from django.template import Context, RequestContext, Template
from django.test import Client
from django.test.utils import override_script_prefix
from django.urls import include, path

from django_oidc_logout.conf import PROVIDER_KEYS
from django_oidc_logout.rp_initiated import return_to
from django_oidc_logout.rp_initiated.return_to import State
from tests.factories import ISSUER, force_sign_in, is_signed_in, query_of

pytestmark = pytest.mark.django_db

LOGOUT = "/oidc/logout/"
CALLBACK = "/oidc/logout/callback/"
END_SESSION = f"{ISSUER}/end"
OPTIONS = {"ISSUER": ISSUER, "END_SESSION_ENDPOINT": END_SESSION, "ALGORITHMS": ["HS256"]}
MOZILLA = "mozilla_django_oidc.auth.OIDCAuthenticationBackend"
MANIFEST_STORAGE = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"


@pytest.fixture(autouse=True)
def _provider(settings):
    settings.OIDC_LOGOUT_PROVIDERS = {"default": OPTIONS}


def words(response):
    """Return what a page says, and not how."""
    body = response.content.decode().partition("<body")[2].partition(">")[2]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


CLICKS = [
    {},
    {"sec-fetch-site": "same-origin", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
    {"sec-fetch-site": "same-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
    {"sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
    {"sec-fetch-site": "none"},
    {"sec-fetch-user": "?1"},
    {"sec-purpose": ""},
    {"purpose": "something-else"},
]
NO_CLICKS = [
    {"sec-purpose": "prefetch"},
    {"sec-purpose": "prefetch;prerender"},
    {"sec-purpose": "prefetch;anonymous-client-ip"},
    {"sec-purpose": "Prefetch"},
    {"x-sec-purpose": "prefetch"},
    {"purpose": "prefetch"},
    {"purpose": "something-else", "x-sec-purpose": "prefetch"},
    {"sec-purpose": "prefetch", "sec-fetch-site": "none", "sec-fetch-mode": "navigate"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
    {"sec-fetch-mode": "no-cors"},
    {"sec-fetch-mode": "cors"},
    {"sec-fetch-mode": "same-origin"},
    {"sec-fetch-mode": "nested-navigate"},
    {"sec-fetch-mode": "websocket"},
    {"sec-fetch-dest": "image"},
    {"sec-fetch-dest": "iframe"},
    {"sec-fetch-dest": "empty"},
    {"sec-fetch-dest": "script"},
    {"sec-fetch-site": "same-origin", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
]
STATUSES = {"confirm": 200, "allow": 200, "refuse": 405}


@pytest.mark.parametrize("headers", NO_CLICKS, ids=json.dumps)
@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("policy", STATUSES)
def test_what_is_no_click_signs_nobody_out(settings, policy, method, headers):
    settings.OIDC_LOGOUT_GET = policy
    client = force_sign_in()
    response = getattr(client, method)(LOGOUT, headers=headers)
    assert response.status_code == STATUSES[policy]
    assert is_signed_in(client)
    assert "Clear-Site-Data" not in response
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize("headers", CLICKS, ids=json.dumps)
@pytest.mark.parametrize(("policy", "method"), list(product(STATUSES, ["get", "head"])))
def test_click_signs_out_where_that_is_allowed(settings, policy, method, headers):
    settings.OIDC_LOGOUT_GET = policy
    client = force_sign_in()
    response = getattr(client, method)(LOGOUT, headers=headers)
    signs_out = (policy, method) == ("allow", "get")
    assert response.status_code == (302 if signs_out else STATUSES[policy])
    assert is_signed_in(client) != signs_out
    assert response.has_header("Clear-Site-Data") == signs_out
    if signs_out:
        assert response["Location"].startswith(END_SESSION)
    assert "no-store" in response["Cache-Control"]


def test_refusal_names_what_is_allowed(settings, client):
    settings.OIDC_LOGOUT_GET = "refuse"
    assert client.get(LOGOUT)["Allow"] == "POST"


def test_get_asks_unless_told_otherwise(client):
    assert words(client.get(LOGOUT)) == "Sign out? Sign out No, back to the site"


@pytest.mark.parametrize("method", ["put", "patch", "delete", "trace"])
def test_other_methods(method):
    client = force_sign_in()
    assert getattr(client, method)(LOGOUT).status_code == 405
    assert is_signed_in(client)


@pytest.mark.parametrize(
    ("query", "next_field", "local_field"),
    [
        ({}, None, False),
        ({"next": "/bye/?a=1&b=\"'<"}, "/bye/?a=1&b=\"'<", False),
        ({"next": "bye"}, "/bye/", False),
        ({"next": "//evil.example"}, None, False),
        ({"local": "1"}, None, True),
        ({"local": "", "next": "/bye/"}, "/bye/", True),
    ],
)
def test_confirm_page_remembers_what_was_asked_for(client, query, next_field, local_field):
    page = client.get(LOGOUT, query).content.decode()
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    assert fields.pop("csrfmiddlewaretoken")
    expected = {"next": next_field} if next_field else {}
    expected |= {"local": "1"} if local_field else {}
    assert {name: unescape(value) for name, value in fields.items()} == expected


@pytest.mark.requirement("ASVS 7.4.4")
def test_button_of_the_confirm_page_signs_out():
    client = force_sign_in(Client(enforce_csrf_checks=True))
    page = client.get(LOGOUT, {"next": "/bye/", "local": "1"}).content.decode()
    [action] = re.findall(r'<form action="([^"]*)" method="post"', page)
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    response = client.post(action, fields)
    assert (response.status_code, response["Location"]) == (302, "/bye/")
    assert not is_signed_in(client)


def stale(client, **headers):
    """Post the form of a page from before the sign-in, which has changed the token."""
    fields = {"csrfmiddlewaretoken": "x" * 64, "next": "/bye/", "local": "1"}
    return client.post(LOGOUT, fields, headers=headers)


@pytest.mark.parametrize("cookie", ["y" * 32, "", "garbage"])
@pytest.mark.parametrize("navigation", [{}, CLICKS[1]], ids=["old browser", "browser"])
@pytest.mark.parametrize("has_middleware", [True, False])
def test_stale_form_is_answered_with_a_fresh_one(settings, cookie, navigation, has_middleware):
    if not has_middleware:
        settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "csrf" not in name]
    client = force_sign_in(Client(enforce_csrf_checks=True))
    client.cookies["csrftoken"] = cookie
    response = stale(client, **navigation)
    assert response.status_code == 403
    assert "no-store" in response["Cache-Control"]
    assert "Clear-Site-Data" not in response
    assert words(response) == "Sign out? Sign out No, back to the site"
    assert is_signed_in(client)
    page = response.content.decode()
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    assert client.post(LOGOUT, fields)["Location"] == "/bye/"
    assert not is_signed_in(client)


def test_stale_form_is_no_way_to_a_hostile_place():
    client = force_sign_in(Client(enforce_csrf_checks=True))
    page = client.post(LOGOUT, {"next": "https://evil.example/"}).content.decode()
    assert "evil" not in page


@pytest.mark.parametrize(
    "headers",
    [
        {"hx-request": "true"},
        {"x-turbo-request-id": "1"},
        {"accept": "application/json"},
        {"sec-fetch-mode": "cors"},
    ],
    ids=str,
)
def test_script_with_a_stale_token_gets_djangos_answer(headers):
    client = force_sign_in(Client(enforce_csrf_checks=True))
    response = stale(client, **headers)
    assert response.status_code == 403
    assert b"CSRF verification failed" in response.content
    assert is_signed_in(client)


def test_stale_form_is_logged_once(caplog):
    stale(Client(enforce_csrf_checks=True))
    assert [message.partition("(")[0] for message in caplog.messages] == ["Forbidden "]


@pytest.mark.parametrize("address", [LOGOUT, CALLBACK])
@pytest.mark.parametrize("person", ["somebody", "nobody"])
def test_nobody_has_to_sign_in_to_sign_out(settings, client, address, person):
    required = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, required]
    if person == "somebody":
        force_sign_in(client)
    assert client.get(address).status_code == 200
    if address == LOGOUT:
        assert client.post(address)["Location"].startswith(END_SESSION)
    assert Client().get("/private/").status_code == 302


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"5",
        b"[]",
        b'"/bye/"',
        b"\xff\xfe",
        b'{"next": "\xff"}',
        b"[" * 100_000,
        b'{"next":' * 50_000,
        b"1" * 5000,
        b"NaN",
        b'{"next": null}',
        b'{"next": {"a": 1}}',
        b'{"next": ["/bye/"]}',
        b'{"next": 5}',
        b'{"next": true}',
        b'{"other": "/bye/"}',
        b"next=/bye/",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_json_that_makes_no_sense_signs_out_all_the_same(body):
    client = force_sign_in()
    response = client.post(
        LOGOUT, body, content_type="application/json", headers={"accept": "application/json"}
    )
    assert not is_signed_in(client)
    assert response.json()["provider"] == "redirect"
    assert state_of(response.json()["redirect_to"]).next == ""


MULTIPART = "multipart/form-data"
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("content_type", "body", "limits"),
    [
        (MULTIPART, b"next=/", {}),
        (f"{MULTIPART}; boundary=", b"--x", {}),
        (f"{FORM}; charset=latin-1", b"next=/", {}),
        (FORM, b"next=/&a=1", {"DATA_UPLOAD_MAX_NUMBER_FIELDS": 1}),
        (FORM, b"next=/", {"DATA_UPLOAD_MAX_MEMORY_SIZE": 1}),
        ("application/json", b'{"next": "/"}', {"DATA_UPLOAD_MAX_MEMORY_SIZE": 1}),
    ],
    ids=["no boundary", "empty boundary", "charset", "fields", "long form", "long JSON"],
)
def test_body_that_cannot_be_read_signs_out_all_the_same(settings, content_type, body, limits):
    client = force_sign_in()
    for name, value in limits.items():
        setattr(settings, name, value)
    response = client.generic("POST", f"{LOGOUT}?next=/bye/", body, content_type=content_type)
    assert response.status_code == 302
    assert not is_signed_in(client)
    assert state_of(response["Location"]).next == "/bye/"


MANY = "&".join(f"a{number}=1" for number in range(1001))  # more than Django reads


@pytest.mark.parametrize("path", [LOGOUT, CALLBACK])
def test_query_that_is_too_long_is_no_error(path):
    client = force_sign_in()
    response = client.get(f"{path}?{MANY}")
    assert response.status_code == 200
    assert is_signed_in(client)


def test_query_that_is_too_long_starts_a_sign_in_again(client):
    assert client.get(f"/oidc/logout/reauthenticate/?{MANY}")["Location"] == "/oidc/authenticate/"


@pytest.mark.parametrize(("method", "setting"), [("post", "confirm"), ("get", "allow")])
def test_query_that_is_too_long_signs_out_all_the_same(settings, method, setting):
    settings.OIDC_LOGOUT_GET = setting
    client = force_sign_in()
    response = getattr(client, method)(f"{LOGOUT}?next=/bye/&{MANY}")
    assert not is_signed_in(client)
    assert state_of(response["Location"]).next == ""


def test_query_that_is_too_long_does_not_hide_the_body():
    response = force_sign_in().post(f"{LOGOUT}?{MANY}", {"next": "/bye/"})
    assert state_of(response["Location"]).next == "/bye/"


def test_stale_form_with_a_query_that_is_too_long_gets_a_fresh_one():
    client = force_sign_in(Client(enforce_csrf_checks=True))
    response = client.post(f"{LOGOUT}?{MANY}", {"next": "/bye/"})
    assert response.status_code == 403
    assert 'name="next" value="/bye/"' in response.text


def state_of(url):
    return return_to.unsign(re.search(r"[?&]state=([^&]*)", unescape(url))[1].replace("%3A", ":"))


@pytest.mark.parametrize(
    ("content_type", "body", "query", "wanted"),
    [
        ("application/json", '{"next": "/bye/"}', "", "/bye/"),
        ("application/json; charset=utf-8", '{"next": "/bye/"}', "", "/bye/"),
        ("application/json", '{"next": "/bye/"}', "?next=/", "/bye/"),
        ("application/json", "{}", "?next=/bye/", "/bye/"),
        ("application/json", "{", "?next=/bye/", "/bye/"),
        ("application/json", '{"next": "bye"}', "", "/bye/"),
        ("application/x-www-form-urlencoded", "next=/bye/", "?next=/", "/bye/"),
        ("application/x-www-form-urlencoded", "next=", "?next=/bye/", ""),
        ("application/x-www-form-urlencoded", "", "?next=/bye/", "/bye/"),
        ("application/x-www-form-urlencoded", "next=/&next=/bye/", "", "/bye/"),
        ("text/plain", "next=/", "?next=/bye/", "/bye/"),
    ],
)
def test_place_to_land_is_taken_from_the_body_first(client, content_type, body, query, wanted):
    response = client.post(f"{LOGOUT}{query}", body, content_type=content_type)
    assert state_of(response["Location"]).next == wanted


@pytest.mark.parametrize(
    ("content_type", "body", "local"),
    [
        ("application/x-www-form-urlencoded", "", False),
        ("application/x-www-form-urlencoded", "local=1", True),
        ("application/x-www-form-urlencoded", "local=", True),
        ("application/x-www-form-urlencoded", "local=off", True),
        ("application/json", "{}", False),
        ("application/json", '{"local": true}', True),
        ("application/json", '{"local": false}', False),
        ("application/json", '{"local": null}', False),
        ("application/json", '{"local": "1"}', True),
        ("application/json", '{"local": ""}', True),
        ("application/json", '{"local": {}}', True),
    ],
)
def test_this_site_only(content_type, body, local):
    client = force_sign_in()
    response = client.post(LOGOUT, body, content_type=content_type)
    assert response["Location"].startswith(CALLBACK if local else END_SESSION)
    assert not is_signed_in(client)


@pytest.mark.parametrize("local", [False, True])
def test_this_site_only_by_link(settings, local):
    settings.OIDC_LOGOUT_GET = "allow"
    response = force_sign_in().get(LOGOUT, {"local": ""} if local else {})
    assert response["Location"].startswith(CALLBACK if local else END_SESSION)


@pytest.mark.parametrize(
    ("method", "status"),
    [("get", 302), ("head", 302), ("post", 405), ("put", 405), ("delete", 405)],
)
def test_callback_methods(client, method, status):
    state = return_to.sign(State(next="/bye/"))
    response = getattr(client, method)(f"{CALLBACK}?state={state}")
    assert (response.status_code, response.get("Location")) == (
        status,
        "/bye/" if status == 302 else None,
    )
    assert "no-store" in response["Cache-Control"]


def test_callback_ignores_what_else_a_provider_sends(client):
    state = return_to.sign(State(next="/bye/"))
    query = {"state": state, "error": "invalid_request", "iss": ISSUER, "sid": "\0"}
    assert client.get(CALLBACK, query)["Location"] == "/bye/"


def test_callback_takes_the_place_from_nowhere_else(client):
    response = client.get(CALLBACK, {"next": "/bye/", "return_to": "/bye/"})
    assert response.status_code == 200


def test_callback_checks_the_place_again(client, settings):
    settings.OIDC_LOGOUT_ALLOWED_HOSTS = ["app.example.com"]
    state = return_to.sign(State(next="https://app.example.com/"))
    assert client.get(CALLBACK, {"state": state})["Location"] == "https://app.example.com/"
    settings.OIDC_LOGOUT_ALLOWED_HOSTS = []
    assert client.get(CALLBACK, {"state": state}).status_code == 200


@pytest.mark.parametrize("state", [None, State(next="/bye/")])
def test_callback_signs_nobody_out(client, state):
    force_sign_in(client)
    client.get(CALLBACK, {"state": return_to.sign(state)} if state else None)
    assert is_signed_in(client)


def fail(*args, **kwargs):
    raise OperationalError("the database is down")


@pytest.mark.parametrize("state", [None, State(), State(next="/bye/")], ids=str)
@pytest.mark.parametrize(
    "down", [(SessionStore, "load"), (ModelBackend, "get_user")], ids=["load", "get_user"]
)
def test_callback_needs_no_database(settings, monkeypatch, down, state, caplog):
    settings.OIDC_LOGOUT_CLEAR_SITE_DATA = ["cookies"]
    client = force_sign_in()
    monkeypatch.setattr(*down, fail)
    response = client.get(CALLBACK, {"state": return_to.sign(state)} if state else None)
    if state and state.next:
        assert response["Location"] == "/bye/"
    else:
        assert words(response) == PLAIN
    assert response.has_header("Clear-Site-Data") == (state is not None)
    told = {record.getMessage() for record in caplog.records if record.levelname == "ERROR"}
    assert told == {"Could not load the signed-in user, signing out without a name"}


def test_callback_is_in_no_transaction(monkeypatch, client):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    monkeypatch.setattr(transaction, "atomic", fail)
    assert words(client.get(CALLBACK)) == PLAIN


ON = "Sign in again Back to the site"
TOLD = f"You are signed out Signed out of this site. Signed out at idp.example.com. {ON}"
NOT_TOLD = (
    "You are signed out Signed out of this site. You may still be signed in at idp.example.com. "
    f"On a shared computer, close the browser. {ON}"
)
SOMEBODY_NOT_TOLD = NOT_TOLD.replace("idp.example.com", "your identity provider")
PLAIN = f"You are signed out {ON}"
GOOGLE = (
    "You are signed out Signed out of this site. You may still be signed in at Google. "
    f"Sign out at Google {ON}"
)


WRONG_KINDS = [5, True, [5], [["x"]], {"x": []}, object()]


@pytest.mark.parametrize("value", WRONG_KINDS, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize(
    "name",
    [
        "ALLOWED_HOSTS",
        "CLEAR_SITE_DATA",
        "GET",
        "PROVIDERS",
        "REDIRECT_URL",
        "RESPONSE",
        "REVOKE_TOKENS",
    ],
)
def test_setting_of_the_wrong_kind_keeps_nobody_signed_in(settings, name, value):
    setattr(settings, f"OIDC_LOGOUT_{name}", value)
    client = force_sign_in()
    assert client.post(LOGOUT, {"next": "/bye/"}).status_code == 302
    assert not is_signed_in(client)
    assert (
        client.get(CALLBACK, {"state": return_to.sign(State(next="/bye/"))})["Location"] == "/bye/"
    )
    assert words(client.get(CALLBACK)) == PLAIN


@pytest.mark.parametrize("value", WRONG_KINDS, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("key", PROVIDER_KEYS)
def test_option_of_the_wrong_kind_keeps_nobody_signed_in(settings, key, value):
    settings.OIDC_LOGOUT_PROVIDERS = {"default": {**OPTIONS, key: value}}
    client = force_sign_in()
    assert client.post(LOGOUT).status_code == 302
    assert not is_signed_in(client)
    for outcome in ("redirect", "unavailable"):
        state = return_to.sign(State(alias="default", provider_outcome=outcome))
        assert words(client.get(CALLBACK, {"state": state})).startswith("You are signed out")


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (None, PLAIN),
        (State(), PLAIN),
        (State(alias="default", provider_outcome="redirect"), TOLD),
        (State(alias="default", provider_outcome="skipped"), NOT_TOLD),
        (State(alias="default", provider_outcome="unavailable"), NOT_TOLD),
        (State(provider_outcome="skipped"), PLAIN),
        (State(provider_outcome="unavailable"), SOMEBODY_NOT_TOLD),
        (State(alias="google", provider_outcome="skipped"), GOOGLE),
        (State(alias="gone", provider_outcome="redirect"), PLAIN),
        (State(alias="gone", provider_outcome="unavailable"), SOMEBODY_NOT_TOLD),
    ],
    ids=str,
)
def test_signed_out_page_says_what_is_true(client, settings, state, expected):
    google = {"ISSUER": "https://accounts.google.com", "BACKEND": PROVIDER.format("Google")}
    settings.OIDC_LOGOUT_PROVIDERS = {"default": OPTIONS, "google": google}
    response = client.get(CALLBACK, {"state": return_to.sign(state)} if state else None)
    assert words(response) == expected
    assert ("https://accounts.google.com/Logout" in response.content.decode()) == (
        expected == GOOGLE
    )


PROVIDER = "django_oidc_logout.providers.{}Provider"


@pytest.mark.parametrize("state", [None, State(alias="default", provider_outcome="redirect")])
def test_signed_out_page_of_somebody_who_is_signed_in_says_so(client, state):
    force_sign_in(client)
    response = client.get(CALLBACK, {"state": return_to.sign(state)} if state else None)
    assert words(response) == "You are signed in Sign out Back to the site"
    assert "<title>You are signed in</title>" in response.content.decode()


def test_password_in_words(client):
    get_user_model().objects.create_user("grace", password="hopper")
    client.login(username="grace", password="hopper")
    assert words(client.get(client.post(LOGOUT)["Location"])) == PLAIN


def test_this_site_only_in_words():
    client = force_sign_in()
    assert words(client.get(client.post(LOGOUT, {"local": "1"})["Location"])) == NOT_TOLD


@pytest.fixture
def unrecorded(settings, client):
    """Return the client of somebody whose sign-in through the provider nothing recorded."""
    settings.AUTHENTICATION_BACKENDS = [MOZILLA]
    user = get_user_model().objects.create_user("grace")
    client.force_login(user, backend=MOZILLA)
    return client


def test_sign_in_that_was_not_recorded_in_words(unrecorded, settings, outcomes):
    settings.OIDC_LOGOUT_PROVIDERS = {"default": {**OPTIONS, "CLIENT_ID": "site"}}
    query = query_of(unrecorded.post(LOGOUT))
    assert not {"id_token_hint", "logout_hint"} & query.keys()
    assert (query["client_id"], outcomes[0].recorded) == ("site", False)
    assert words(unrecorded.get(CALLBACK, {"state": query["state"]})) == TOLD


def test_sign_in_that_was_not_recorded_at_a_provider_that_was_not_told_in_words(
    unrecorded, settings, outcomes
):
    unreachable = {"ISSUER": ISSUER, "BACKEND": "nowhere.Provider", "NAME": "Company account"}
    settings.OIDC_LOGOUT_PROVIDERS = {"default": unreachable}
    landed = unrecorded.get(unrecorded.post(LOGOUT)["Location"])
    assert (outcomes[0].provider, outcomes[0].recorded) == ("unavailable", False)
    assert words(landed) == NOT_TOLD.replace("idp.example.com", "Company account")


def test_way_home_knows_where_the_site_is_mounted(client):
    with override_script_prefix("/mounted/"):
        page = client.get(CALLBACK).content.decode()
    assert '<a href="/mounted/">Back to the site</a>' in page


@pytest.mark.parametrize(
    ("urls", "login_url", "link"),
    [
        ("tests.urls", "/private/", "/oidc/authenticate/"),
        ("tests.urls_sign_in", "enter", "/enter/"),
        ("tests.urls_sign_in", "/enter/?with=password", "/enter/?with=password"),
        ("tests.urls_sign_in", "https://id.example.com/", "https://id.example.com/"),
        ("tests.urls_sign_in", "/accounts/login/", None),  # Django's default, which nobody serves
        ("tests.urls_sign_in", "nowhere", None),
    ],
)
def test_signed_out_page_leads_to_the_sign_in_if_there_is_one(
    client, settings, urls, login_url, link
):
    settings.ROOT_URLCONF, settings.LOGIN_URL = urls, login_url
    page = client.get(CALLBACK).text
    assert re.findall(r'href="([^"]*)">Sign in again', page) == ([link] if link else [])


PAGES = {
    "confirm": lambda client: client.get(LOGOUT, {"next": "/bye/", "local": "1"}),
    "signed out": lambda client: client.get(CALLBACK),
    "signed in": lambda client: force_sign_in(client).get(CALLBACK),
    "refresh": lambda client: client.post(LOGOUT),
    "Turbo": lambda client: client.post(LOGOUT, headers={"x-turbo-request-id": "1"}),
}


@pytest.mark.parametrize("name", PAGES)
def test_pages_satisfy_the_strictest_content_security_policy(client, settings, name):
    settings.OIDC_LOGOUT_RESPONSE = "refresh"
    page = PAGES[name](client).content.decode()
    assert page
    assert not re.search(r"<style|<script|\sstyle=|\son\w+=|javascript:|https?://(?!idp)", page)


@pytest.mark.parametrize("name", [name for name in PAGES if name != "Turbo"])
def test_pages_are_whole(client, settings, name):
    settings.OIDC_LOGOUT_RESPONSE = "refresh"
    page = PAGES[name](client).content.decode()
    assert page.startswith('<!doctype html>\n<html lang="en')
    assert len(re.findall(r"<h1>", page)) == len(re.findall(r"<title>[^<]+</title>", page)) == 1
    assert 'href="/static/oidc_logout/pages.css"' in page
    assert 'name="viewport"' in page


def test_pages_know_of_languages_written_from_right_to_left(client):
    page = client.get(CALLBACK, headers={"accept-language": "ar"}).content.decode()
    assert '<html lang="ar" dir="rtl">' in page


@pytest.mark.parametrize("missing", ["from the manifest", "altogether"])
def test_page_without_its_stylesheet_is_a_page(client, settings, missing):
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "django.contrib.staticfiles"]
    if missing == "altogether":
        settings.STATIC_URL = None
    else:
        settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": MANIFEST_STORAGE}}
    response = client.get(CALLBACK)
    assert words(response) == PLAIN
    assert ".css" not in response.content.decode()
    assert 'href=""' not in response.content.decode()


def rendered(source, request=None, **context):
    page = RequestContext(request, context) if request else Context(context)
    return Template("{% load oidc_logout %}" + source).render(page)


def test_url_tag():
    assert rendered("{% oidc_logout_url %}") == LOGOUT


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, '<button type="submit">Sign out</button>'),
        ({"label": "Leave <now>"}, '<button type="submit">Leave &lt;now&gt;</button>'),
        ({"css_class": 'a b"'}, '<button type="submit" class="a b&quot;">Sign out</button>'),
        ({"next": '/bye/?"'}, '<input type="hidden" name="next" value="/bye/?&quot;">'),
        ({"local": True}, '<input type="hidden" name="local" value="1">'),
    ],
)
def test_button_tag(rf, arguments, expected):
    named = " ".join(f"{name}={name}" for name in arguments)
    button = rendered(f"{{% oidc_logout_button {named} %}}", rf.get("/"), **arguments)
    assert expected in button
    assert 'name="csrfmiddlewaretoken"' in button
    assert button.startswith(f'<form action="{LOGOUT}" method="post"')
    assert ' data-turbo="false"' in button
    assert ' hx-boost="false"' in button
    marks = {"next": 'name="next"', "local": 'name="local"', "css_class": "class="}
    assert {name for name, mark in marks.items() if mark in button} == {*arguments} - {"label"}


def test_button_tag_takes_its_arguments_in_their_order(rf):
    arguments = 'label="Leave" next="/bye/" local=True css_class="big"'
    in_order = '"Leave" "/bye/" True "big"'
    by_name, by_order = (
        re.sub('value="[^"]{64}"', "", rendered(f"{{% oidc_logout_button {given} %}}", rf.get("/")))
        for given in (arguments, in_order)
    )
    assert by_name == by_order


def test_button_tag_where_there_is_no_request():
    assert "csrfmiddlewaretoken" not in rendered("{% oidc_logout_button %}")


urlpatterns = [
    path("", lambda request: HttpResponse("home")),
    path("mounted/elsewhere/", include("django_oidc_logout.urls")),
]


def test_urls_may_be_mounted_anywhere(client, settings):
    settings.ROOT_URLCONF = __name__
    location = client.post("/mounted/elsewhere/logout/")["Location"]
    assert "%2Fmounted%2Felsewhere%2Flogout%2Fcallback%2F" in location


@pytest.mark.parametrize("url", ["/oidc/logout/", "/oidc/logout/callback/"])
def test_pages_in_the_frame_of_the_site(settings, tmp_path, client, url):
    (tmp_path / "oidc_logout").mkdir()
    (tmp_path / "oidc_logout" / "base.html").write_text('{% extends "base.html" %}')
    (tmp_path / "base.html").write_text(
        "<title>{% block title %}{% endblock %} - Shop</title>{% block head %}{% endblock %}"
        "<nav>Shop</nav>{% block content %}{% endblock %}"
    )
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    page = client.get(url).content.decode()
    assert "- Shop</title>" in page
    assert "<nav>Shop</nav>" in page
    assert "<h1>" in page
    assert "pages.css" not in page
