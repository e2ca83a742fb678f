"""Every session engine, on the database and the cache of this run.

Those are the settings' business: see `tests/settings_servers.py`. What needs threads needs a
database server; without one it is skipped, and with REQUIRE_ALL=1 it fails, unless POSTGRESQL_URL
says that there is one, which has a run of its own.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.sessions.backends.file import SessionStore as FileStore
from django.core.cache import caches
from django.db import connection, connections

from django_oidc_logout.models import OIDCSession
from tests.absence import need
from tests.factories import copy_of, get_async, is_signed_in

PATIENCE = 60  # seconds, of which a test that passes needs none


@pytest.fixture(autouse=True)
def _folder_of_its_own(monkeypatch):
    """Let the file engine look up its folder again, because it remembers that of another test."""
    monkeypatch.delattr(FileStore, "_storage_path", raising=False)


@pytest.fixture
def database_server():
    if connection.vendor == "sqlite":
        if "POSTGRESQL_URL" in os.environ:
            pytest.skip("has a run of its own, with DATABASE_URL")
        need(False, "a database server (DATABASE_URL)")


@pytest.fixture
def aside():
    """Return a function that starts a function in a thread, with connections of its own."""
    with ThreadPoolExecutor(100) as pool:
        yield lambda function, *args: pool.submit(apart, function, *args)


def apart(function, *args):
    try:
        return function(*args)
    finally:
        connections.close_all()
        caches.close_all()


@pytest.fixture
def all_at_once(aside):
    """Return a function that calls functions at the same moment, and returns their results."""

    def all_at_once(*functions):
        barrier = threading.Barrier(len(functions), timeout=PATIENCE)

        def when_all_are_there(function):
            barrier.wait()
            return function()

        started = [aside(when_all_are_there, function) for function in functions]
        return [future.result(PATIENCE) for future in started]

    return all_at_once


def assert_ended(*clients):
    """Assert that nobody is signed in any more, and that the index is empty."""
    for client in clients:
        assert get_async(copy_of(client), "/private/").content == b"private to AnonymousUser"
        assert not is_signed_in(client)
    assert not OIDCSession.objects.exists()
