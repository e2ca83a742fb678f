"""The guard over all tests finds tokens and secrets in logs, warnings and responses."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests
from asgiref.sync import async_to_sync
from django.core import signing
from django.http import HttpResponse
from django.test import AsyncClient, Client
from django.urls import path

from tests import secrecy
from tests.secrecy import GUARD
from tests.settings import OIDC_RP_CLIENT_SECRET

ROOT = Path(__file__).parent.parent
logger = logging.getLogger("tests.secrecy.unheard_of")


@pytest.fixture
def token(idp):
    return idp.id_token()


def log_exception(text):
    try:
        {}[text]
    except KeyError:
        logger.exception("Something failed")


def log_nowhere(text):
    quiet = logging.getLogger("tests.secrecy.quiet")
    quiet.propagate = False
    quiet.info(text)


def log_elsewhere(text):
    thread = threading.Thread(target=log_exception, args=(text,))
    thread.start()
    thread.join()


@pytest.mark.parametrize(
    "tell",
    [
        logger.warning,
        logger.debug,
        lambda text: logger.info("A token: %s", text),
        lambda text: logger.info("A form: %s", {"token": text}),
        lambda text: logger.info("The beginning of one: %s", text[: text.index(".") + 20]),
        log_exception,
        log_nowhere,
        log_elsewhere,
    ],
    ids=["message", "debug", "argument", "inside", "cut", "exception", "unhandled", "thread"],
)
def test_token_in_a_log_is_found(token, tell):
    tell(token)
    (where,) = GUARD.take()
    assert "test_secrecy.py" in where
    assert token not in where


@pytest.mark.parametrize("spelling", sorted(secrecy.spellings(OIDC_RP_CLIENT_SECRET)))
def test_client_secret_is_found_however_it_is_spelt(spelling):
    logger.info("Basic %s", spelling)
    assert len(GUARD.take()) == 1


@pytest.mark.parametrize(
    "text",
    [
        urlencode({"refresh_token": "0123456789"}),
        "https://idp.example.com/end?client_id=site&id_token_hint=0123456789",
        str({"refresh_token": "0123456789"}),
        '{"access_token": "0123456789"}',
    ],
)
def test_parameter_that_carries_a_secret_is_found_by_its_name(text):
    logger.info(text)
    assert len(GUARD.take()) == 1


@pytest.mark.parametrize(
    "text",
    [
        "Could not revoke a refresh token: issuer=https://idp.example.com reason=it is down",
        "the body must have exactly one logout_token",
        signing.dumps({"next": "/there/"}),
        "eyJ is how a token begins",
    ],
    ids=["revocation", "two tokens", "state", "prefix"],
)
def test_what_is_no_secret_is_left_alone(text):
    logger.warning(text)
    assert GUARD.take() == []


def repeat(request):
    return HttpResponse(request.GET["token"], status=int(request.GET["status"]))


urlpatterns = [path("repeat/", repeat)]


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("get", [lambda *a: Client().get(*a), async_to_sync(AsyncClient().get)])
def test_token_on_an_error_page_is_found(settings, token, get, status):
    settings.ROOT_URLCONF = __name__
    get("/repeat/", {"token": token, "status": status})
    assert GUARD.take() == ([f"the answer {status} to /repeat/"] if status != 200 else [])


@pytest.mark.parametrize(("name", "found"), [("a test's browser", 0), (secrecy.OUR_CALLS, 1)])
def test_addresses_that_the_package_asks_are_searched(idp, token, name, found):
    ask = {"target": requests.get, "args": (f"{idp.issuer}/?q={token}",), "name": name}
    thread = threading.Thread(**ask)
    thread.start()
    thread.join()
    assert len(GUARD.take()) == found
    assert idp.asked == [("GET", "/")]


A_TEST = """
import logging, warnings

def test_that_tells():
    logging.getLogger("anybody").debug("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl")

def test_that_does_not():
    logging.getLogger("anybody").debug("nothing")
"""


def test_that_tells_fails_by_its_name(tmp_path):
    (tmp_path / "test_two.py").write_text(A_TEST)
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "--ds=tests.settings", f"--rootdir={tmp_path}", "-rE", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    assert "test_two.py::test_that_tells\n" in done.stdout
    assert "2 passed, 1 error" in done.stdout
