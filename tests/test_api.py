"""The verbs, called from a site's own code: what they tell, and whom."""

from __future__ import annotations

from unittest import mock

import jwt
import pytest
from asgiref.sync import async_to_sync
from django.db import DatabaseError
from django.test import RequestFactory

from django_oidc_logout.api import asign_out, end_sessions, renew_login
from django_oidc_logout.exceptions import SessionsNotEnded
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.signals import session_ended

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


def test_receivers_are_told_what_has_ended_and_why(sign_in, idp):
    sign_in()
    seen = []

    def receive(**kwargs):
        seen.append(kwargs)

    session_ended.connect(receive)
    try:
        assert end_sessions(issuer=idp.issuer) == 1
    finally:
        session_ended.disconnect(receive)
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


def test_ending_needs_a_criterion():
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the message is compared below
        end_sessions()
    needed = "end_sessions() needs an issuer, sub, sid or user, and none may be empty"
    assert str(caught.value) == needed
