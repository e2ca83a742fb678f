"""People who sign in at once, on a database server."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model, login
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.test import RequestFactory

from django_oidc_logout.api import end_sessions, remember_login
from django_oidc_logout.models import OIDCSession

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("database_server")]
PEOPLE = 100  # at once, in two rounds


def test_sign_ins_at_once_are_all_recorded(idp, all_at_once):
    def sign_in(user, id_token):
        request = RequestFactory().get("/")
        request.session, request.user = SessionStore(), AnonymousUser()
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        row = remember_login(request, id_token)
        request.session.save()
        return row.session_key == request.session.session_key

    for start in (0, PEOPLE):
        numbers = range(start, start + PEOPLE)
        users = [get_user_model().objects.create(username=f"{number}") for number in numbers]
        tokens = [idp.id_token(sub=user.username, nonce=None) for user in users]
        pairs = zip(users, tokens, strict=True)
        assert all(all_at_once(*(lambda u=u, t=t: sign_in(u, t) for u, t in pairs)))
    assert OIDCSession.objects.count() == 2 * PEOPLE
    assert end_sessions(issuer=idp.issuer) == 2 * PEOPLE
