"""Whatever a request looks like, no view fails, and a rejected request changes nothing."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from django.test import Client
from hypothesis import example, given
from hypothesis import strategies as st

from tests.factories import is_signed_in
from tests.fuzz.anything import json_values, texts

pytestmark = pytest.mark.django_db

LOGOUT = "/oidc/logout/"
# The methods that a view knows.
VIEWS = {
    LOGOUT: {"GET", "HEAD", "POST"},
    "/oidc/logout/callback/": {"GET", "HEAD"},
    "/oidc/logout/backchannel/": {"POST"},
    "/oidc/logout/frontchannel/": {"GET"},
    "/oidc/logout/status/": {"GET"},
}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"]

# What a server lets through in a header: no control characters.
header_texts = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=30)


def of(*values):
    """Draw one of the values, something with one of them in it, or anything."""
    known = st.sampled_from(values)
    return known | st.builds(str.__add__, known, header_texts) | header_texts


headers = st.fixed_dictionaries(
    {},
    optional={
        "Accept": of(
            "application/json",
            "text/html",
            "text/vnd.turbo-stream.html",
            "*/*",
            "application/json;q=0.9,text/html;q=nan",
            "text/html;q=1e999, application/json;q=-1",
            "application/*;;;=;q",
            "/,;,/;q=",
        ),
        "Accept-Language": of("de", "de-DE,de;q=0.9", "x" * 600, "*;q=?"),
        "Content-Type": of("application/json", "multipart/form-data; boundary=x", "text/plain"),
        "HX-Request": of("true", "false"),
        "X-Turbo-Request-Id": of("1"),
        "Sec-Fetch-Site": of("same-origin", "cross-site", "none"),
        "Sec-Fetch-Mode": of("navigate", "cors", "no-cors"),
        "Sec-Fetch-Dest": of("document", "iframe", "empty"),
        "Sec-Purpose": of("prefetch", "prefetch;prerender"),
        "X-Sec-Purpose": of("prefetch"),
        "Purpose": of("prefetch", "Prefetch"),
        "Origin": of("null", "https://evil.example"),
        "Referer": of("https://evil.example/", "http://testserver/"),
        "Cookie": st.sampled_from(
            ["=;=;", "csrftoken=\xe4", "a; b=", "messages=x", 'django_language="x']
        ),
        "X-Requested-With": of("XMLHttpRequest"),
    },
)
fields = st.dictionaries(
    st.sampled_from(["next", "local", "state", "iss", "sid", "logout_token"]) | texts,
    texts | st.sampled_from(["/bye/", "1", "x" * 20_000]),
    max_size=4,
)
forms = st.builds(lambda given: urlencode(given, errors="surrogatepass").encode(), fields)
bodies = st.one_of(
    forms,
    st.builds(lambda value: json.dumps(value).encode(), json_values | fields),
    st.builds(lambda value: b'--x\r\nContent-Disposition: form-data; name="next"' + value, forms),
    st.sampled_from(
        [
            b"--x\r\n\r\n--x--",
            b'--x\r\nContent-Disposition: form-data; name="next"\r\n\r\n/bye/\r\n--x--\r\n',
            b'--x\r\nContent-Disposition: form-data; name="f"; filename="\0"\r\n\r\n\xff\r\n--x--',
            b"[" * 100_000,
            b'{"next": ' + b"9" * 5000 + b"}",
            b'{"local": NaN}',
            b"a=" + b"b" * 3_000_000,
        ]
    ),
    st.binary(),
)


@pytest.fixture(params=["confirm", "allow", "refuse"])
def client(request, settings, django_user_model):
    """Return a client that is signed in, and is so again before each request."""
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    settings.OIDC_LOGOUT_GET = request.param
    settings.OIDC_LOGOUT_CLEAR_SITE_DATA = ["*"]
    settings.OIDC_LOGOUT_PROVIDERS = {
        "default": {
            "ISSUER": "https://idp.example.com",
            "END_SESSION_ENDPOINT": "https://idp.example.com/end",
        }
    }
    client = Client(raise_request_exception=False)
    user = django_user_model.objects.create(username="ada")
    client.sign_in = lambda: client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


def ask(client, method, url, headers, body):
    """Ask as a server would hand it on, signed in."""
    client.sign_in()
    content_type = headers.get("Content-Type", "application/x-www-form-urlencoded")
    more = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    more.pop("HTTP_CONTENT_TYPE", None)
    if "Cookie" in headers:
        more["HTTP_COOKIE"] += f"; sessionid={client.cookies['sessionid'].value}"
    return client.generic(method, url, body, content_type, **more)


def test_requests(client):
    @given(st.sampled_from(sorted(VIEWS)), st.sampled_from(METHODS), forms, headers, bodies)
    @example(LOGOUT, "POST", b"", {"Accept": "application/json;q=nan,text/html;q=nan"}, b"")
    @example(LOGOUT, "POST", b"", {"Accept": "text/html/x;q="}, b"")
    def holds(path, method, query, headers, body):
        answer = ask(client, method, f"{path}?{query.decode()}", headers, body)
        assert answer.status_code < 500
        if method in VIEWS[path] and answer.status_code < 400:
            assert "no-store" in answer["Cache-Control"]
        still = is_signed_in(client)
        if not still:
            assert path == LOGOUT
            assert method in {"GET", "POST"}
            assert answer.status_code in {200, 204, 302}
        if path != LOGOUT or still:
            assert not answer.has_header("Clear-Site-Data")

    holds()


@given(body=bodies, headers=headers)
def test_clicks_sign_out(client, body, headers):
    """Whatever a form says: only one that cannot be read at all, by Django itself, does not."""
    answer = ask(client, "POST", LOGOUT, headers, body)
    assert answer.status_code in {200, 204, 302, 400}
    assert is_signed_in(client) is (answer.status_code == 400)


def is_prevented(headers):
    """Return whether headers say that a GET is not a person's click."""
    purposes = [headers.get(name, "") for name in ("Sec-Purpose", "X-Sec-Purpose", "Purpose")]
    return (
        "prefetch" in " ".join(purposes).lower()
        or headers.get("Sec-Fetch-Site") == "cross-site"
        or headers.get("Sec-Fetch-Mode") not in {None, "navigate"}
        or headers.get("Sec-Fetch-Dest") not in {None, "document"}
    )


@given(headers=headers)
def test_visits_sign_out_where_they_may(client, settings, headers):
    ask(client, "GET", LOGOUT, headers, b"")
    signs_out = settings.OIDC_LOGOUT_GET == "allow" and not is_prevented(headers)
    assert is_signed_in(client) is not signs_out
