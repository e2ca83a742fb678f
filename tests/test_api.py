"""The verbs, called from a site's own code: what they tell, and whom."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from unittest import mock

import jwt
import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError
from django.test import RequestFactory

from django_oidc_logout.api import (
    asign_out,
    end_sessions,
    remember_login,
    renew_login,
    sign_out,
)
from django_oidc_logout.exceptions import SessionsNotEnded
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.signals import session_ended, signed_out

pytestmark = pytest.mark.django_db


def request_of(client):
    request = RequestFactory().post("/")
    request.session = client.session
    return request


def test_signing_out_goes_by_the_provider_unless_told_otherwise(sign_in, idp):
    for local_only, start in [(None, f"{idp.issuer}/end-session?"), (True, "/oidc/logout/")]:
        options = {} if local_only is None else {"local_only": local_only}
        answer = async_to_sync(asign_out)(request_of(sign_in()), **options)
        assert answer["Location"].startswith(start)


@contextmanager
def heard(signal):
    """Collect what receivers of a signal are told."""
    told = []

    def receive(**kwargs):
        told.append(kwargs)

    signal.connect(receive)
    try:
        yield told
    finally:
        signal.disconnect(receive)


def test_receivers_are_told_whose_request_signed_out(sign_in, idp, django_user_model):
    request = request_of(sign_in())
    with heard(signed_out) as seen:
        sign_out(request)
    (told,) = seen
    assert told["sender"] is sign_out
    assert told["request"] is request
    assert told["user"] == django_user_model.objects.get()


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


def test_sid_of_a_renewal_may_be_in_the_access_token(sign_in, idp):
    request = request_of(sign_in())
    access_token = jwt.encode({"sid": "session-2"}, "x" * 32)
    row = renew_login(request, idp.id_token(sid=None, nonce=None), access_token=access_token)
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
    assert f"No configured provider issued an ID Token: issuer={idp.issuer}" in caplog.messages


def test_sign_in_by_a_provider_that_is_down_is_logged(sign_in, idp, caplog):
    idp.answers["/.well-known/openid-configuration"] = lambda handler: handler.send_error(503)
    sign_in()
    (logged,) = [told for told in caplog.messages if told.startswith("A provider's metadata")]
    start = f"A provider's metadata is not renewed: issuer={idp.issuer} reason={idp.issuer}/"
    assert logged.startswith(start)
    assert logged.endswith(" answered 503")


def test_sign_in_that_cannot_be_recorded_is_logged(rf, caplog):
    assert renew_login(rf.get("/"), "garbage") is None
    told = "A sign-in could not be recorded; its sign-out will go without a hint"
    assert caplog.messages == [told]


@pytest.mark.parametrize(
    ("criteria", "message"),
    [
        ({}, "end_sessions() needs an issuer, sub, sid or user, and none may be empty"),
        (
            {"user": AnonymousUser()},
            "end_sessions() needs a user who has an account: this one is anonymous",
        ),
    ],
    ids=["no criterion", "anonymous"],
)
def test_what_ending_needs(criteria, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the message is compared below
        end_sessions(**criteria)
    assert str(caught.value) == message
