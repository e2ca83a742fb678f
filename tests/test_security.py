"""What the threat model promises and no other test covers."""

from __future__ import annotations

import logging
import re
import sys
from contextlib import nullcontext

import pytest
from django.core.signals import got_request_exception
from django.test import Client
from django.views.debug import ExceptionReporter

from django_oidc_logout.conf import ProviderOptions
from django_oidc_logout.exceptions import ProviderUnavailable
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.providers import metadata
from django_oidc_logout.rp_initiated import return_to
from tests.factories import is_signed_in, post_logout_token, query_of

pytestmark = pytest.mark.django_db

LOGOUT = "/oidc/logout/"
CALLBACK = "/oidc/logout/callback/"
FRONT_CHANNEL = "/oidc/logout/frontchannel/"

# What a browser says of a request that a page elsewhere makes it send. No Lax cookie goes along.
FROM_ELSEWHERE = {
    "picture": {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
    "script": {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "script"},
    "frame": {"sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
    "fetch": {"sec-fetch-mode": "cors", "sec-fetch-dest": "empty"},
    "prefetch": {"sec-purpose": "prefetch", "sec-fetch-mode": "navigate"},
}


@pytest.mark.parametrize("headers", FROM_ELSEWHERE.values(), ids=FROM_ELSEWHERE)
@pytest.mark.parametrize("method", ["get", "head"])
def test_nothing_is_cleared_for_a_page_elsewhere(settings, sign_in, method, headers):
    """An attacker who signs out has a valid state, which can be sent to other browsers."""
    settings.OIDC_LOGOUT_CLEAR_SITE_DATA = ["*"]
    state = query_of(sign_in().post(LOGOUT))["state"]
    headers = {"sec-fetch-site": "cross-site"} | headers
    answer = getattr(Client(), method)(CALLBACK, {"state": state}, headers=headers)
    assert "Clear-Site-Data" not in answer
    coming_back = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    answer = Client().get(CALLBACK, {"state": state}, headers=coming_back)
    assert answer["Clear-Site-Data"] == '"cookies"'


@pytest.mark.requirement("ASVS 7.6.2")
def test_callback_signs_nobody_in(idp, sign_in):
    """Neither somebody else's state nor a code of the provider creates a session."""
    state = query_of(sign_in().post(LOGOUT))["state"]
    browser = Client()
    answer = browser.get(CALLBACK, {"state": state, "code": "code", "id_token": idp.id_token()})
    assert answer.status_code == 200
    assert not answer.cookies
    assert not is_signed_in(browser)
    assert not OIDCSession.objects.exists()


@pytest.mark.requirement("ASVS 7.2.4")
def test_session_that_was_planted_is_not_the_one_that_is_signed_in(sign_in):
    attacker = Client()
    attacker.get("/oidc/authenticate/")
    planted = attacker.cookies["sessionid"].value
    victim = Client()
    victim.cookies["sessionid"] = planted
    sign_in(victim)
    assert victim.cookies["sessionid"].value != planted
    assert is_signed_in(victim)
    assert not is_signed_in(attacker)
    assert OIDCSession.objects.get().session_key == victim.cookies["sessionid"].value


def test_host_that_is_not_the_sites_is_not_led_to(idp, sign_in, configure):
    assert sign_in().post(LOGOUT, headers={"host": "evil.example"}).status_code == 400
    configure(POST_LOGOUT_REDIRECT_URI="https://www.example.com/oidc/logout/callback/")
    answer = sign_in().post(LOGOUT, headers={"host": "localhost"})
    led_back = query_of(answer)["post_logout_redirect_uri"]
    assert led_back == "https://www.example.com/oidc/logout/callback/"


@pytest.mark.parametrize("path", [LOGOUT, CALLBACK])
def test_no_page_with_a_button_is_framed(settings, path):
    """By the middleware that Django puts into every project."""
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ]
    assert Client().get(path)["X-Frame-Options"] == "DENY"


FORGED_LINE = "ada\nERROR django.security: everything is lost"


@pytest.mark.parametrize("claim", ["sub", "sid", "jti"])
def test_claims_forge_no_line_of_the_log(sign_in, logout_token, caplog, claim):
    with caplog.at_level(logging.DEBUG, "django_oidc_logout"):
        client = sign_in(sid=FORGED_LINE)
        post_logout_token(logout_token(**{claim: FORGED_LINE}, nonce="n"))
        post_logout_token(logout_token(**{claim: FORGED_LINE}))
        client.post(LOGOUT, {"next": f"/{FORGED_LINE}"}, headers={"user-agent": FORGED_LINE})
        Client().get(FRONT_CHANNEL, {"iss": FORGED_LINE, "sid": FORGED_LINE})
    ours = [r.getMessage() for r in caplog.records if r.name.startswith("django_oidc_logout")]
    assert ours
    assert "everything is lost" not in "".join(ours)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"accept": "application/json"},
        {"hx-request": "true"},
        {"x-turbo-request-id": "1"},
    ],
    ids=str,
)
@pytest.mark.parametrize("response", ["redirect", "refresh"])
def test_hint_stays_in_no_cache(settings, sign_in, headers, response):
    settings.OIDC_LOGOUT_RESPONSE = response
    answer = sign_in().post(LOGOUT, headers=headers)
    told = answer.content.decode() + str(answer.headers)
    assert "id_token_hint=ey" in told
    assert {"no-store", "private"} <= set(re.split(r",\s*", answer["Cache-Control"]))
    if "<meta" in told and "x-turbo-request-id" not in headers:
        assert answer["Referrer-Policy"] == "no-referrer"


def test_guesses_at_the_front_channel_end_nothing_and_look_alike(idp, sign_in):
    client = sign_in(sid="b7c2f9a04d")
    known = Client().get(FRONT_CHANNEL, {"iss": idp.issuer, "sid": "unknown"})
    assert is_signed_in(client)
    ended = Client().get(FRONT_CHANNEL, {"iss": idp.issuer, "sid": "b7c2f9a04d"})
    assert (known.status_code, known.content) == (ended.status_code, ended.content)
    del known.headers["Expires"], ended.headers["Expires"]  # now, in whole seconds
    assert dict(known.headers) == dict(ended.headers)


def test_state_of_another_site_or_another_purpose_is_none(settings):
    token = return_to.sign(return_to.State(next="/bye/"))
    settings.SECRET_KEY = "another site's"
    assert return_to.unsign(token) is None


def test_tokens_of_a_stolen_copy_are_of_no_use_without_the_key(sign_in, settings):
    settings.OIDC_LOGOUT_REVOKE_TOKENS = True
    sign_in()
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "the thief's", []
    row = OIDCSession.objects.get()
    assert (row.id_token, row.refresh_token) == ("", "")


LOOPBACK = "http://127.0.0.1:8500/"


@pytest.mark.requirement("NIST 4.4")
@pytest.mark.parametrize(
    ("issuer", "published", "is_taken"),
    [
        ("https://idp.example.com", "https://idp.example.com/there", True),
        ("https://idp.example.com", "HTTPS://idp.example.com/there", True),
        ("https://idp.example.com", LOOPBACK, False),
        ("http://127.0.0.1:9000", LOOPBACK, True),
        ("http://127.0.0.1:9000", "https://idp.example.com/there", True),
        ("http://127.0.0.1:9000", "http://idp.example.com/there", False),
    ],
)
@pytest.mark.parametrize("name", ["end_session_endpoint", "jwks_uri", "revocation_endpoint"])
def test_a_provider_elsewhere_names_no_address_on_this_machine(
    monkeypatch, name, issuer, published, is_taken
):
    document = {"issuer": issuer, name: published}
    monkeypatch.setattr(metadata.fetch, "get_json", lambda *_: (document, ""))
    expected = (
        nullcontext() if is_taken else pytest.raises(ProviderUnavailable, match="not an https")
    )
    with expected:
        assert metadata.endpoint(ProviderOptions(alias="x", issuer=issuer), name) == published


def test_report_of_an_unforeseen_error_tells_no_token(logout_token, monkeypatch):
    """Django writes it for the site's administrators, with all that was posted."""
    told = []

    def report(sender, request, **kwargs):
        reporter = ExceptionReporter(request, *sys.exc_info())
        told.extend(reporter.get_traceback_data()["filtered_POST_items"])

    monkeypatch.setattr("django_oidc_logout.idp_initiated.back_channel", lambda encoded: 1 / 0)
    got_request_exception.connect(report)
    try:
        with pytest.raises(ZeroDivisionError):
            post_logout_token(logout_token())
    finally:
        got_request_exception.disconnect(report)
    ((name, value),) = told
    assert name == "logout_token"
    assert set(value) == {"*"}
