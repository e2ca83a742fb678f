"""Calls to the provider, over real connections on loopback, to servers that misbehave."""

from __future__ import annotations

import base64
import gzip
import json
import re
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress

import pytest
import requests

from django_oidc_logout.conf import ProviderOptions
from django_oidc_logout.exceptions import ProviderUnavailable
from django_oidc_logout.providers import fetch
from tests.ports import free_port

SHORT = 0.4  # seconds, where nothing else ends the call
LONG = 20
MEGABYTE = 1024 * 1024


def options(**given):
    return ProviderOptions(alias="default", **{"timeout": LONG, **given})


def get(idp, path="/document", **given):
    return fetch.get_json(f"{idp.issuer}{path}", options(**given))


def post(idp, auth=None, **given):
    data = {"token": "a b&c"}
    return fetch.post_form(f"{idp.issuer}/form", options(**given), data, auth)


@contextmanager
def refused(message=None):
    """Expect the call to fail long before any of the servers here would end it."""
    started = time.monotonic()
    with pytest.raises(ProviderUnavailable, match=message):
        yield
    assert time.monotonic() - started < 10


# is_secure


@pytest.mark.parametrize(
    "url",
    [
        "https://idp.example.com",
        "https://idp.example.com:8443/realms/main?tenant=1",
        "HTTPS://IDP.EXAMPLE.COM/",
        "https://192.0.2.1/",
        "http://127.0.0.1:9000/o",
        "http://127.8.9.10/",
        "http://[::1]:9000/",
        "http://localhost:9000/",
        "http://LOCALHOST/",
        "http://idp.localhost/",
    ],
)
def test_is_secure(url):
    assert fetch.is_secure(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://idp.example.com/",
        "http://192.0.2.1/",
        "http://10.0.0.1/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://localhost.example.com/",
        "http://notlocalhost/",
        "http://127.0.0.1.example.com/",
        "http://127.0.0.1@idp.example.com/",
        # One host to urllib, and another one to requests and to browsers.
        "http://idp.example.com\\@127.0.0.1/",
        "ftp://localhost/",
        "javascript:alert(1)",
        "//idp.example.com/",
        "idp.example.com",
        "/path",
        "https",
        "https://",
        "https:///path",
        "https://:443/",
        "https://idp.example.com:port/",
        "https://idp.example.com:99999/",
        "https://[::1/",
        "",
        None,
        5,
        ["https://idp.example.com"],
        b"https://idp.example.com",
    ],
)
def test_is_not_secure(url):
    assert not fetch.is_secure(url)


# Threads


def test_thread_that_cannot_be_started(idp, monkeypatch):
    def start(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    with refused("document was not called: can't start new thread"):
        get(idp)


# get_json


def test_a_document_comes_with_its_cache_control(idp):
    idp.answers["/document"] = lambda handler: handler.json({"a": [1]}, Cache_Control="max-age=60")
    assert get(idp) == ({"a": [1]}, "max-age=60")
    assert idp.asked == [("GET", "/document")]
    assert idp.headers["Accept"] == "application/json"


def test_a_document_without_cache_control(idp):
    idp.answers["/document"] = {"a": 1}
    assert get(idp) == ({"a": 1}, "")


def test_the_largest_document(idp):
    idp.answers["/document"] = lambda handler: handler.body(b"{}".ljust(fetch.MAX_BYTES))
    assert get(idp) == ({}, "")


def raw(content):
    """Respond with these bytes and close the connection."""
    return lambda handler: handler.wfile.write(content)


def answer(content, status=200, **headers):
    return lambda handler: handler.body(content, status=status, **headers)


UNUSABLE = {
    "HTML": (answer(b"<!doctype html><title>Welcome</title>"), "not respond with JSON$"),
    "nothing": (answer(b""), "not respond with JSON$"),
    "no UTF-8": (answer(b'{"a": "\xff"}'), "not respond with JSON$"),
    "nested too deeply": (answer(b'{"a":' * 100_000 + b"1" + b"}" * 100_000), "with JSON$"),
    "an array": (answer(b"[]"), "JSON object"),
    "a string": (answer(b'"issuer"'), "JSON object"),
    "null": (answer(b"null"), "JSON object"),
    "204": (answer(b"", status=204), "responded with status 204"),
    "302 to nowhere": (answer(b"{}", status=302), "responded with status 302"),
    "404": (answer(b"{}", status=404), "responded with status 404"),
    "503": (answer(b"{}", status=503), "responded with status 503"),
    "too large": (answer(b"{}".ljust(fetch.MAX_BYTES + 1)), "too much"),
    "10 MB": (answer(b"{}".ljust(10 * MEGABYTE)), "too much"),
    "gzip bomb": (
        answer(gzip.compress(b"{}".ljust(50 * MEGABYTE)), Content_Encoding="gzip"),
        "too much",
    ),
    "gzip that is none": (answer(b"{}", Content_Encoding="gzip"), "closed the connection early"),
    "broken off": (
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}"),
        "closed the connection early",
    ),
    "broken off in a chunk": (
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{}"),
        "closed the connection early",
    ),
    "broken off in the header": (raw(b"HTTP/1.1 200 OK\r\nContent-"), "not respond with JSON$"),
    "no HTTP": (raw(b"SSH-2.0-OpenSSH_10.0\r\n"), "cannot be reached"),
    "silence": (raw(b""), "cannot be reached"),
}


@pytest.mark.parametrize(("unusable", "message"), UNUSABLE.values(), ids=UNUSABLE)
def test_an_unusable_answer(idp, unusable, message):
    idp.answers["/document"] = unusable
    with refused(message):
        get(idp)


def until_the_test_is_over(idp, content, start=b"", pause=0.02):
    """Send `content` again and again, for half a minute at most."""

    def send(handler):
        with suppress(OSError):  # whoever asked has gone
            handler.wfile.write(start)
            for _ in range(1500):
                handler.wfile.write(content)
                if idp.released.wait(pause):
                    return

    return send


OK = b"HTTP/1.1 200 OK\r\n"
UNENDING = {
    "endless": {"start": OK + b"\r\n{}", "content": b" " * MEGABYTE, "pause": 0},
    "dripping": {"start": OK + b"\r\n{}", "content": b" "},
    "dripping in chunks": {
        "start": OK + b"Transfer-Encoding: chunked\r\n\r\n",
        "content": b"1\r\n \r\n",
    },
    "dripping header": {"start": OK + b"X-Header: ", "content": b"x"},
    "dripping headers": {"start": OK, "content": b"X-Header: x\r\n", "pause": 0.1},
}


@pytest.mark.parametrize("unending", UNENDING.values(), ids=UNENDING)
def test_an_unending_answer(idp, unending):
    idp.answers["/document"] = until_the_test_is_over(idp, **unending)
    with refused():
        get(idp, timeout=SHORT)


def test_an_endless_answer_is_too_much_before_it_is_too_slow(idp):
    idp.answers["/document"] = until_the_test_is_over(idp, **UNENDING["endless"])
    with refused("too much"):
        get(idp)


def test_a_server_that_hangs(idp):
    idp.answers["/document"] = lambda handler: handler.hang()
    with refused():
        get(idp, timeout=SHORT)


def test_a_server_that_never_accepts():
    with socket.create_server(("127.0.0.1", 0)) as server, refused():
        fetch.get_json(f"http://127.0.0.1:{server.getsockname()[1]}/", options(timeout=SHORT))


def test_a_name_that_takes_for_ever_to_look_up(monkeypatch):
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(30) and [])
    with refused("did not respond within 0.4 seconds"):
        fetch.get_json("https://idp.example.com/", options(timeout=SHORT))
    over.set()


def test_a_connection_that_is_refused():
    with refused("cannot be reached: the connection was refused"):
        fetch.get_json(f"http://127.0.0.1:{free_port()}/", options())


def calls():
    return {thread for thread in threading.enumerate() if thread.name == "oidc-logout-call"}


def test_a_call_that_was_given_up_ends_by_itself(idp):
    idp.answers["/document"] = until_the_test_is_over(idp, **UNENDING["dripping in chunks"])
    before = calls()
    with refused():
        get(idp, timeout=SHORT)
    for thread in calls() - before:
        thread.join(10)
        assert not thread.is_alive()


def test_a_call_keeps_no_process_alive(idp):
    idp.answers["/document"] = until_the_test_is_over(idp, **UNENDING["dripping"])
    before = calls()
    with refused():
        get(idp, timeout=SHORT)
    assert [thread.daemon for thread in calls() - before] == [True]


@pytest.mark.parametrize(
    "url",
    [
        "http://idp.example.com/",
        "ftp://localhost/",
        "idp.example.com",
        "",
        # One host to urllib, and another one to requests.
        "http://idp.example.com\\@127.0.0.1/",
    ],
)
def test_an_address_that_is_not_secure_is_not_even_looked_up(monkeypatch, url):
    looked_up = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **_: looked_up.append(args) or [])
    with refused("is not an https URL"):
        fetch.get_json(url, options())
    with refused("is not an https URL"):
        fetch.post_form(url, options(), {}, None)
    assert looked_up == []


@pytest.mark.parametrize(
    "url",
    [
        f"https://{'a' * 64}.example.com/",  # a label of a name has 63 characters at most
        "https://*/",
        "https://..example.com/",
        "https://\ud800.example.com/",
    ],
)
def test_an_address_of_no_host(url):
    with refused():
        fetch.get_json(url, options())


# Redirects


def redirect(location, status=302):
    return answer(b"", status=status, Location=location)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/elsewhere", "elsewhere", "{issuer}/elsewhere?a=b"])
def test_a_redirect_on_the_same_host_is_followed(idp, status, location):
    idp.answers["/document"] = redirect(location.format(issuer=idp.issuer), status)
    idp.answers["/elsewhere"] = {"a": 1}
    assert get(idp) == ({"a": 1}, "")
    assert idp.asked == [("GET", "/document"), ("GET", "/elsewhere")]


@pytest.mark.parametrize(
    "location",
    [
        "http://localhost:{port}/elsewhere",
        "//localhost:{port}/elsewhere",
        "https://idp.example.com/",
        # One host to urllib, and another one to requests.
        "http://localhost:{port}\\@127.0.0.1:{port}/",
        "file:///document",
    ],
)
def test_a_redirect_to_another_host_is_not_followed(idp, location):
    idp.answers["/document"] = redirect(location.format(port=idp.server.server_port))
    idp.answers["/elsewhere"] = {}
    with refused("redirects to another host|is not an https URL"):
        get(idp)
    assert idp.asked == [("GET", "/document")]


@pytest.mark.parametrize("location", ["http://[", "//[", "ftp://127.0.0.1/", "//127.0.0.1:99999/"])
def test_a_redirect_to_no_usable_address(idp, location):
    idp.answers["/document"] = redirect(location)
    with refused():
        get(idp)
    assert idp.asked == [("GET", "/document")]


@pytest.mark.parametrize("hops", range(1, 4))
def test_some_redirects_are_followed(idp, hops):
    idp.answers |= {f"/{hop}": redirect(f"/{hop - 1}") for hop in range(1, hops + 1)} | {"/0": {}}
    assert get(idp, f"/{hops}") == ({}, "")


def test_too_many_redirects(idp):
    idp.answers["/document"] = redirect("/document")
    with refused("redirects more than 3 times"):
        get(idp)
    assert idp.asked == [("GET", "/document")] * 4


def test_redirects_share_one_time_out(idp):
    def slowly(handler):
        idp.released.wait(SHORT / 2)
        handler.body(b"", status=302, Location=f"/{int(handler.path[1:]) - 1}")

    idp.answers |= {"/3": slowly, "/2": slowly, "/1": slowly, "/0": {}}
    with refused():
        get(idp, "/3", timeout=SHORT)


@pytest.mark.parametrize("call", [get, post])
def test_the_body_of_a_redirect_is_not_read(idp, call):
    sent = []

    def verbosely(handler):
        handler.send_response(302)
        handler.send_header("Location", "http://localhost:1/")
        handler.end_headers()
        with suppress(OSError):  # whoever asked has gone
            for _ in range(64):
                handler.wfile.write(b" " * MEGABYTE)
                sent.append(MEGABYTE)

    idp.answers |= {"/document": verbosely, "/form": verbosely}
    with refused():
        call(idp)
    assert sum(sent) < 32 * MEGABYTE  # some of it is in buffers


# TLS and proxies


@pytest.mark.requirement("NIST 4.4")
def test_an_unknown_certificate_is_refused(tls_idp):
    with refused("cannot be reached: its certificate is not valid"):
        get(tls_idp)
    assert tls_idp.asked == []


def test_a_certificate_can_be_vouched_for(tls_idp, certificate):
    assert get(tls_idp, verify_ssl=certificate) == ({"a": 1}, "")


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_certificates_can_be_left_unchecked(tls_idp):
    assert get(tls_idp, verify_ssl=False) == ({"a": 1}, "")


def test_a_file_of_certificates_that_is_not_there(tls_idp, tmp_path):
    with refused():
        get(tls_idp, verify_ssl=str(tmp_path / "none.pem"))


def test_a_proxy(idp):
    idp.answers["/document"] = {"a": 1}
    document, _ = fetch.get_json(
        f"http://127.0.0.1:{free_port()}/document", options(proxies={"http": idp.issuer})
    )
    assert document == {"a": 1}


# post_form


def test_a_form_is_posted(idp):
    idp.answers["/form"] = {}
    assert post(idp) is None
    assert idp.asked == [("POST", "/form")]
    assert idp.form == {"token": "a b&c"}
    assert idp.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "Authorization" not in idp.headers


def test_a_form_is_posted_with_basic_authentication(idp):
    idp.answers["/form"] = {}
    post(idp, auth=("site", "secret"))
    assert idp.form == {"token": "a b&c"}
    credentials = base64.b64encode(b"site:secret").decode()
    assert idp.headers["Authorization"] == f"Basic {credentials}"


def test_the_answer_to_a_form_need_not_be_json(idp):
    idp.answers["/form"] = answer(b"")
    post(idp)
    assert idp.asked == [("POST", "/form")]


@pytest.mark.parametrize("status", [302, 307, 400, 401, 404, 500, 503])
def test_a_form_that_is_not_accepted(idp, status):
    idp.answers["/form"] = answer(json.dumps({}).encode(), status=status, Location="/elsewhere")
    idp.answers["/elsewhere"] = {}
    with refused(f"/form responded with status {status}"):
        post(idp)
    assert idp.asked == [("POST", "/form")]


@pytest.mark.parametrize("unending", ["dripping header", "dripping headers"])
def test_an_unending_answer_to_a_form(idp, unending):
    idp.answers["/form"] = until_the_test_is_over(idp, **UNENDING[unending])
    with refused():
        post(idp, timeout=SHORT)


def test_a_form_posted_to_a_server_that_hangs(idp):
    idp.answers["/form"] = lambda handler: handler.hang()
    with refused():
        post(idp, timeout=SHORT)


def test_a_form_posted_to_nobody():
    with refused("cannot be reached: the connection was refused"):
        fetch.post_form(f"http://127.0.0.1:{free_port()}/", options(), {}, None)


def test_nothing_secret_is_in_a_failure(idp):
    idp.answers["/form"] = answer(b"", status=400)
    with pytest.raises(ProviderUnavailable) as caught:
        post(idp, auth=("site", "secret"))
    assert "a b&c" not in str(caught.value)
    assert "secret" not in str(caught.value)


# Why a connection failed


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (socket.gaierror(-2, "Name or service not known"), "cannot be resolved (DNS)"),
        (ssl.SSLError("handshake"), "the TLS handshake failed"),
        (ConnectionRefusedError(), "was refused"),
        (ConnectionResetError(), "was closed"),
        (TimeoutError(), "timed out"),
        (requests.exceptions.ProxyError(), "the proxy does not respond"),
        (ValueError(), "ValueError"),
    ],
)
def test_the_reason_of_a_failure(monkeypatch, cause, expected):
    def fail(*_, **__):
        raise cause

    monkeypatch.setattr(requests.Session, "request", fail)
    with refused(f"^https://idp.example.com/ cannot be reached: .*{re.escape(expected)}$"):
        fetch.get_json("https://idp.example.com/", options())
