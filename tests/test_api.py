"""The public functions, called from a site's own code: results, signals and logs."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from unittest import mock
from urllib.parse import parse_qs

import jwt
import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.test import RequestFactory

from django_oidc_logout.api import (
    asign_out,
    end_sessions,
    remember_login,
    renew_login,
    sign_out,
)
from django_oidc_logout.codes import OutcomeCode
from django_oidc_logout.exceptions import SessionsNotEnded
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.outcome import Outcome
from django_oidc_logout.rp_initiated import return_to
from django_oidc_logout.signals import session_ended, signed_out
from tests.idp import REFRESH_TOKEN

pytestmark = pytest.mark.django_db


def request_of(client):
    request = RequestFactory().post("/")
    request.session = client.session
    return request


@contextmanager
def heard(signal):
    """Collect the arguments that receivers of a signal get."""
    told = []

    def receive(**kwargs):
        told.append(kwargs)

    signal.connect(receive)
    try:
        yield told
    finally:
        signal.disconnect(receive)


@pytest.fixture
def _clear_all(settings):
    settings.OIDC_LOGOUT_CLEAR_SITE_DATA = ["cookies", "storage"]


def signing_out(request, **options):
    """Sign out; return the response and the one outcome that receivers get."""
    with heard(signed_out) as seen:
        answer = async_to_sync(asign_out)(request, **options)
    (told,) = seen
    assert told["sender"] is sign_out
    assert told["request"] is request
    return answer, told["user"], told["outcome"]


@pytest.mark.usefixtures("_clear_all")
def test_signing_out_goes_by_the_provider(sign_in, idp, django_user_model):
    request = request_of(sign_in())
    hint = OIDCSession.objects.get().id_token
    answer, user, outcome = signing_out(request, return_to="/bye/")
    address, _, query = answer["Location"].partition("?")
    parameters = parse_qs(query)
    assert address == f"{idp.issuer}/end-session"
    assert parameters["id_token_hint"] == [hint]
    assert return_to.unsign(parameters["state"][0]).next == "/bye/"
    assert user == django_user_model.objects.get()
    reason = "The browser was redirected to 127.0.0.1."
    assert outcome == Outcome(
        provider="redirect", code=OutcomeCode.REDIRECTED, reason=reason, alias="default"
    )
    assert not OIDCSession.objects.exists()
    # What the provider needs is cleared on the way back.
    assert "cookies" not in answer.headers["Clear-Site-Data"]


@pytest.mark.usefixtures("_clear_all")
def test_signing_out_of_the_site_only(sign_in):
    answer, _, outcome = signing_out(request_of(sign_in()), local_only=True)
    assert answer["Location"].startswith("/oidc/logout/callback/?state=")
    reason = "The request was to sign out of this site only."
    assert outcome == Outcome(
        provider="skipped", code=OutcomeCode.LOCAL_ONLY, reason=reason, alias="default"
    )
    assert "cookies" in answer.headers["Clear-Site-Data"]


def test_signing_out_with_a_store_that_fails(sign_in, monkeypatch):
    """The row stays, so that the session can be ended from elsewhere."""
    request = request_of(sign_in())
    monkeypatch.setattr(type(request.session), "flush", mock.Mock(side_effect=OSError))
    _, _, outcome = signing_out(request, local_only=True)
    reason = f"The request was to sign out of this site only. {OutcomeCode.STORE_FAILED.sentence}"
    assert (outcome.code, outcome.reason) == (OutcomeCode.STORE_FAILED, reason)
    assert OIDCSession.objects.exists()


@pytest.mark.parametrize(
    ("verb", "revoke", "given", "kept"),
    [
        (remember_login, True, "token", "token"),
        (remember_login, True, None, ""),
        (remember_login, False, "token", ""),
        (renew_login, True, "token", "token"),
        (renew_login, True, None, REFRESH_TOKEN),
        (renew_login, False, "token", ""),
    ],
)
def test_refresh_token_is_kept_if_it_is_to_be_revoked(  # noqa: PLR0913, PLR0917  # a row of the table
    sign_in, idp, settings, verb, revoke, given, kept
):
    settings.OIDC_LOGOUT_REVOKE_TOKENS = revoke
    row = verb(request_of(sign_in()), idp.id_token(nonce=None), refresh_token=given)
    assert OIDCSession.objects.get(pk=row.pk).refresh_token == kept


def test_receivers_are_told_what_has_ended_and_why(sign_in, idp):
    sign_in()
    with heard(session_ended) as seen:
        assert end_sessions(issuer=idp.issuer) == 1
    (told,) = seen
    assert told["sender"] is OIDCSession
    assert (told["session"].sid, told["session"].pk) == ("session-1", None)
    assert told["reason"] == "The site ended the session."


def test_index_that_cannot_be_read_is_one_failure(idp):
    with (
        mock.patch("django.db.models.query.QuerySet.__iter__", side_effect=DatabaseError),
        pytest.raises(SessionsNotEnded) as caught,
    ):
        end_sessions(issuer=idp.issuer)
    assert (caught.value.ended, caught.value.failed) == (0, 1)


@pytest.mark.parametrize("verb", [remember_login, renew_login])
def test_sid_may_be_in_the_access_token(sign_in, idp, verb):
    request = request_of(sign_in())
    access_token = jwt.encode({"sid": "session-2"}, "x" * 32)
    row = verb(request, idp.id_token(sid=None, nonce=None), access_token=access_token)
    assert row.sid == "session-2"


@pytest.mark.parametrize(("verb", "is_new"), [(remember_login, True), (renew_login, False)])
def test_signing_in_again_is_no_renewal(sign_in, idp, verb, is_new):
    request = request_of(sign_in())
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    OIDCSession.objects.update(signed_in_at=long_ago)
    row = verb(request, idp.id_token(nonce=None))
    assert (row.signed_in_at > long_ago) is is_new
    OIDCSession.objects.all().delete()  # as when the session is ended from elsewhere
    row = verb(request, idp.id_token(nonce=None))
    assert (row is not None) is is_new
    assert request.session.is_empty() is not is_new


def test_sign_in_by_a_provider_that_is_not_configured_is_logged(sign_in, idp, configure, caplog):
    configure(ISSUER="https://elsewhere.example.com")
    sign_in()
    assert (
        f"No provider in OIDC_LOGOUT_PROVIDERS matches an ID Token: issuer={idp.issuer}"
        in caplog.messages
    )
    assert "Could not renew a provider's metadata" not in caplog.text


def test_sign_in_by_a_provider_that_is_down_is_logged(sign_in, idp, caplog):
    idp.answers["/.well-known/openid-configuration"] = lambda handler: handler.send_error(503)
    sign_in()
    (logged,) = [
        told for told in caplog.messages if told.startswith("Could not renew a provider's metadata")
    ]
    start = f"Could not renew a provider's metadata: issuer={idp.issuer} reason={idp.issuer}/"
    assert logged.startswith(start)
    assert logged.endswith(" responded with status 503")


@pytest.mark.parametrize("verb", [remember_login, renew_login])
def test_sign_in_that_cannot_be_recorded_is_logged(sign_in, caplog, verb):
    assert verb(request_of(sign_in()), "garbage") is None
    (told,) = [text for text in caplog.messages if text.startswith("Could not record a sign-in")]
    assert "run oidc_logout_doctor: reason=" in told


@pytest.mark.parametrize("verb", [remember_login, renew_login])
def test_sign_in_without_a_session_is_a_mistake_with_a_remedy(rf, idp, verb):
    with pytest.raises(ImproperlyConfigured, match="put SessionMiddleware into MIDDLEWARE"):
        verb(rf.get("/"), idp.id_token())


@pytest.mark.parametrize(
    ("criteria", "message"),
    [
        ({}, "end_sessions() needs an issuer, sub, sid or user that is not empty"),
        (
            {"user": AnonymousUser()},
            "end_sessions() cannot end the sessions of an anonymous user",
        ),
    ],
    ids=["no criterion", "anonymous"],
)
def test_what_ending_needs(criteria, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the message is compared below
        end_sessions(**criteria)
    assert str(caught.value) == message
