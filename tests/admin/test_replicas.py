"""A router that reads from a replica which is behind: the admin looks at the rows as they are."""

from __future__ import annotations

from django.contrib.auth import get_user_model

from django_oidc_logout.models import OIDCSession
from tests.admin.conftest import LIST
from tests.admin.test_actions import EVERYWHERE, USERS, choose
from tests.databases import USES_OTHER, Replica, _other, replicate  # noqa: F401  # a fixture
from tests.factories import is_signed_in

pytestmark = USES_OTHER


def test_session_that_has_just_begun_ends_with_the_others(settings, sign_in, desk):
    client = sign_in()
    replicate(OIDCSession)
    settings.DATABASE_ROUTERS = [Replica()]
    ada = get_user_model().objects.get(email="ada@example.com")
    desk.post(USERS, choose(EVERYWHERE, ada, confirmed="1"))
    settings.DATABASE_ROUTERS = []
    assert not is_signed_in(client)


def test_list_ends_no_session_because_of_an_older_password(settings, sign_in, desk):
    client = sign_in()
    replicate()
    ada = get_user_model().objects.get(email="ada@example.com")
    ada.set_password("another one")
    get_user_model().objects.bulk_update([ada], ["password"])
    session = client.session
    session["_auth_user_hash"] = ada.get_session_auth_hash()
    session.save()
    settings.DATABASE_ROUTERS = [Replica()]
    assert "ada@example.com" in desk.get(LIST).content.decode()
    settings.DATABASE_ROUTERS = []
    assert is_signed_in(client)
