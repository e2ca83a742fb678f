"""Codes, sources and actors in signals, log records and responses."""

from __future__ import annotations

import pytest

from django_oidc_logout.api import end_sessions
from django_oidc_logout.codes import EndedCode, OutcomeCode, RejectedCode, Source
from django_oidc_logout.exceptions import (
    LogoutTokenInvalid,
    OIDCLogoutError,
    ProviderSkipped,
    ProviderUnavailable,
    SessionsNotEnded,
    TokenUnreadable,
)
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.signals import logout_token_rejected, session_ended, signed_out
from tests.factories import post_logout_token

pytestmark = pytest.mark.django_db

URL = "/oidc/logout/backchannel/"


@pytest.fixture
def sent():
    """Return the arguments of each signal."""
    signals, seen = (session_ended, logout_token_rejected, signed_out), []

    def note(**arguments):
        seen.append(arguments)

    for signal in signals:
        signal.connect(note)
    yield seen
    for signal in signals:
        signal.disconnect(note)


def records(caplog):
    return [
        (record.code, record.provider)
        for record in caplog.records
        if record.name == "django_oidc_logout"
    ]


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (("get", "", FORM), RejectedCode.WRONG_METHOD),
        (("put", "", FORM), RejectedCode.WRONG_METHOD),
        (("post", "{}", "application/json"), RejectedCode.WRONG_CONTENT_TYPE),
        (("post", "logout_token=1&logout_token=2", FORM), RejectedCode.NOT_ONE_TOKEN),
        (("post", "logout_token=1", FORM), RejectedCode.NOT_A_JWT),
        (("post", "x" * 99, FORM), RejectedCode.UNREADABLE_BODY),
    ],
)
def test_what_is_rejected_before_a_token_is_read(client, settings, caplog, sent, request_, code):  # noqa: PLR0913, PLR0917  # fixtures
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 90
    method, body, content_type = request_
    response = client.generic(method.upper(), URL, body, content_type=content_type)
    assert response.status_code == (405 if code == RejectedCode.WRONG_METHOD else 400)
    if response.status_code == 400:
        assert response.json()["code"] == code
    (arguments,) = sent
    assert (arguments["code"], arguments["issuer"], arguments["provider"]) == (code, "", "")
    assert records(caplog) == [(code, "")]


def test_rejection_names_the_provider(idp, logout_token, caplog, sent):
    token = logout_token(iat=5)
    assert post_logout_token(token).status_code == 400
    (arguments,) = sent
    assert arguments["issuer"] == idp.issuer
    assert (arguments["code"], arguments["provider"]) == (RejectedCode.TOO_OLD, "default")
    assert records(caplog) == [("too_old", "default")]


def test_end_says_who(sign_in, caplog, sent):
    sign_in()
    caplog.clear()
    end_sessions(user=OIDCSession.objects.get().user)
    (arguments,) = sent
    assert arguments["code"] == EndedCode.BY_SITE == "by_site"
    assert arguments["source"] == Source.SITE == "site"
    assert arguments["actor"] is None
    assert records(caplog) == [("by_site", "default")]


def test_sign_out_has_a_code(sign_in, caplog):
    client = sign_in()
    caplog.clear()
    response = client.post("/oidc/logout/", {"local": "1"}, headers={"accept": "application/json"})
    assert response.json()["code"] == "local_only"
    assert records(caplog) == [("local_only", "default")]


@pytest.mark.parametrize("recorded", [True, False])
def test_other_logout_has_a_code(sign_in, sent, caplog, recorded):
    client = sign_in()
    if not recorded:
        OIDCSession.objects.all().delete()
    caplog.clear()
    client.logout()
    assert records(caplog) == [(OutcomeCode.OTHER_LOGOUT, "default")]
    assert [each["outcome"].recorded for each in sent] == [recorded]


@pytest.mark.parametrize(
    ("exception", "code", "rejected", "message"),
    [
        (OIDCLogoutError("It."), RejectedCode.UNREADABLE_BODY, None, "It."),
        (
            LogoutTokenInvalid(code=RejectedCode.USED),
            RejectedCode.USED,
            None,
            "the token has been used",
        ),
        (LogoutTokenInvalid("Odd.", code=RejectedCode.USED), RejectedCode.USED, None, "Odd."),
        (
            LogoutTokenInvalid(code=RejectedCode.TOO_OLD, seconds=3),
            RejectedCode.TOO_OLD,
            None,
            "the token is older than 3 seconds",
        ),
        (TokenUnreadable("x {y}"), RejectedCode.NOT_A_JWT, None, "x {y}"),
        (
            SessionsNotEnded(ended=1, failed=2),
            RejectedCode.SESSIONS_NOT_ENDED,
            None,
            "2 sessions could not be ended, 1 were",
        ),
        (
            ProviderUnavailable("down"),
            OutcomeCode.PROVIDER_UNAVAILABLE,
            RejectedCode.KEYS_UNAVAILABLE,
            "down",
        ),
        (
            ProviderSkipped("no"),
            OutcomeCode.PROVIDER_SKIPPED,
            RejectedCode.KEYS_UNAVAILABLE,
            "no",
        ),
    ],
)
def test_exceptions_have_codes(exception, code, rejected, message):
    assert (exception.code, str(exception)) == (code, message)
    assert exception.rejected_code == (rejected or code)
