"""A transaction around each request must not bring back a session that has ended."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, connections

from django_oidc_logout import urls_account
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.sessions import index
from tests.factories import is_signed_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _atomic_requests(monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)


@pytest.fixture
def broken_index(monkeypatch):
    """Let the row's deletion fail as it would in the middle of a transaction."""

    def remove(rows):
        assert not connection.in_atomic_block
        raise DatabaseError("deadlock")

    monkeypatch.setattr(index, "remove", remove)


def test_row_that_cannot_be_removed(sign_in, broken_index, caplog):
    client = sign_in()
    assert client.post("/oidc/logout/").status_code == 302
    assert not is_signed_in(client)
    assert "Could not remove the row of an ended session" in caplog.text
    assert OIDCSession.objects.exists()


def test_provider_that_signs_out(idp, sign_in):
    client = sign_in()
    client.get("/oidc/logout/frontchannel/", {"iss": idp.issuer, "sid": "session-1"})
    assert not is_signed_in(client)


@pytest.mark.parametrize("name", ["logout", "callback", "backchannel", "frontchannel", "sessions"])
def test_views_stay_outside_of_the_transactions_of_every_database(name):
    (view,) = [url.callback for url in urls_account.urlpatterns if url.name == name]
    assert view._non_atomic_requests == set(connections)
