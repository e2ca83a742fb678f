"""Select all over 100,000 sessions: each request does a bounded part, and the next goes on."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_oidc_logout.models import OIDCSession
from tests.admin.conftest import LIST
from tests.factories import create_row

MANY = 100_000
PART = 300
QUERIES = 40
# What reads sessions, and what keeps such a reading from being that of all.
FETCHES = re.compile(r'^SELECT (?!COUNT|MAX).* FROM "django_oidc_logout_oidcsession"')
LIMITS = re.compile(r" LIMIT \d+| IN \(|\"id\" = ")
FIELDS = {
    "provider": "'default'",
    "issuer": "'https://idp.example.com'",
    "sub": "'sub-' || n",
    "sid": "'sid-' || n",
    "session_key": "'key-' || n",
}


def fill(count):
    """Insert rows in one statement: Django would build 100,000 objects."""
    columns = [each for each in OIDCSession._meta.concrete_fields if not each.primary_key]
    values = [FIELDS.get(each.name) or default_of(each) for each in columns]
    names = ", ".join(connection.ops.quote_name(each.column) for each in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers "
            f"WHERE n < {count}) INSERT INTO {OIDCSession._meta.db_table} ({names}) "
            f"SELECT {', '.join(values)} FROM numbers"
        )


def default_of(field):
    if field.name.endswith("_digest"):
        return f"'{field.name}-' || n"
    if field.null:
        return "NULL"
    if field.get_internal_type() == "DateTimeField":
        return "'2100-01-01 00:00:00'"
    return "''"


def chosen():
    """Return what the list sends after "Select all"."""
    pks = OIDCSession.objects.order_by("-signed_in_at").values_list("pk", flat=True)[:100]
    return {
        "action": "sign_out_selected",
        "_selected_action": [*pks],
        "select_across": "1",
        "index": "0",
    }


def submit(desk, page=None):
    """Choose all sessions, or confirm; return the response and its queries."""
    if page is None:
        data = chosen()
    else:
        text = unescape(page.content.decode())
        data = {}
        for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text):
            data.setdefault(name, []).append(value)
    with CaptureQueriesContext(connection) as queries:
        response = desk.post(LIST, data)
    # Around each receiver, because this test is in a transaction.
    return response, [each["sql"] for each in queries if "SAVEPOINT" not in each["sql"]]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the statement is SQLite's")
def test_each_request_is_bounded_and_the_next_goes_on(desk, sessions_ended, monkeypatch):
    monkeypatch.setattr("django_oidc_logout.admin.actions.MAX_ENDED", PART)
    log = apps.get_model("admin", "LogEntry").objects
    fill(MANY)
    page, queries = submit(desk)
    assert "100000 sessions will end." in page.content.decode()
    assert len(queries) < QUERIES
    for part in (1, 2):
        page, queries = submit(desk, page)
        left = MANY - part * PART
        assert OIDCSession.objects.count() == left
        assert len(sessions_ended) == log.count() == part * PART
        assert f"{left} sessions will end." in page.content.decode()
        assert len(queries) < QUERIES
        assert len(page.content) < 50_000
        fetched = [each for each in queries if FETCHES.search(each)]
        assert fetched
        assert [each for each in fetched if not LIMITS.search(each)] == []


def test_sessions_that_begin_in_the_meantime_stay(desk, monkeypatch):
    monkeypatch.setattr("django_oidc_logout.admin.actions.MAX_ENDED", 2)
    for number in range(4):
        create_row(session_key=f"old-{number}")
    page, _ = submit(desk)
    page, _ = submit(desk, page)
    assert "2 sessions have ended." in page.content.decode()
    create_row(session_key="new")
    page, _ = submit(desk, page)
    assert page.status_code == 302
    assert "4 sessions have ended." in desk.get(LIST).content.decode()
    assert OIDCSession.objects.values_list("session_key", flat=True).get() == "new"


def test_sessions_that_begin_after_an_empty_confirmation_stay(desk):
    create_row(session_key="new")
    desk.post(LIST, chosen() | {"confirmed": "yes", "newest": "0"})
    assert OIDCSession.objects.exists()


@pytest.mark.parametrize("newest", ["", "-1", "x", "1.5", "9" * 40, "9" * 5000])
def test_newest_that_is_not_ours_changes_nothing(desk, newest):
    create_row(session_key="one")
    desk.post(LIST, chosen() | {"confirmed": "yes", "newest": newest})
    assert not OIDCSession.objects.exists()


def test_only_what_is_confirmed_goes_on_by_itself(desk, monkeypatch):
    monkeypatch.setattr("django_oidc_logout.admin.actions.MAX_ENDED", 1)
    for number in range(2):
        create_row(session_key=str(number))
    page, _ = submit(desk)
    assert "continue" not in page.content.decode()
    page, _ = submit(desk, page)
    assert '<form method="post" data-continue>' in page.content.decode()
    assert 'oidc_logout/continue.js" defer' in page.content.decode()
