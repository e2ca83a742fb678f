"""Signing out inside a transaction that the index breaks, on a real database server.

PostgreSQL refuses every statement of a transaction in which one has failed.
"""

from __future__ import annotations

import threading

import pytest
from django.contrib.sessions.models import Session
from django.db import connection, transaction

from django_oidc_logout.api import end_sessions
from django_oidc_logout.exceptions import SessionsNotEnded
from django_oidc_logout.models import OIDCSession
from e2e.servers.conftest import PATIENCE
from tests.factories import copy_of, is_signed_in

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("database_server"),
    pytest.mark.urls("tests.test_survival"),
]
TABLE = OIDCSession._meta.db_table

each_view = pytest.mark.parametrize("url", ["/own/", "/mozilla/", "/django/", "/oidc/logout/"])


@pytest.fixture(autouse=True)
def _in_transactions(monkeypatch, settings):
    settings.OIDC_OP_LOGOUT_URL_METHOD = "django_oidc_logout.backends.provider_logout_url"
    settings.LOGOUT_REDIRECT_URL = "/"
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)


@pytest.fixture
def locked(aside):
    """Let another connection hold a lock on the index, for which ours waits only briefly."""
    if connection.vendor != "postgresql":
        pytest.skip("locks a table as PostgreSQL does")
    is_locked, release = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")
            is_locked.set()
            assert release.wait(PATIENCE)

    def lock():
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '100ms'")
        holding.append(aside(hold))
        assert is_locked.wait(PATIENCE)

    def unlock():
        release.set()
        holding[0].result(PATIENCE)

    holding = []
    lock.unlock = unlock
    yield lock
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 0")


@each_view
def test_index_that_was_never_migrated(sign_in, monkeypatch, url):
    client = sign_in()
    kept = copy_of(client)
    with monkeypatch.context() as patch:
        patch.setattr(OIDCSession._meta, "db_table", "nowhere")
        assert client.post(url).status_code == 302
    assert not is_signed_in(kept)
    assert not Session.objects.exists()


@each_view
def test_index_that_is_locked(sign_in, locked, url):
    client = sign_in()
    kept = copy_of(client)
    locked()
    assert client.post(url).status_code == 302
    locked.unlock()
    assert not is_signed_in(kept)
    assert not Session.objects.exists()


def test_sessions_that_cannot_end_leave_a_transaction_whole(sign_in, idp, monkeypatch):
    client = sign_in()
    with transaction.atomic(), monkeypatch.context() as patch:
        patch.setattr(OIDCSession._meta, "db_table", "nowhere")
        with pytest.raises(SessionsNotEnded):
            end_sessions(issuer=idp.issuer)
        assert Session.objects.exists()
    assert is_signed_in(client)
    assert end_sessions(issuer=idp.issuer) == 1
    assert not is_signed_in(client)
