"""Handwritten SQL statements do what Django's would, in as few statements."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection, transaction
from django.db.models.signals import pre_delete
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_oidc_logout.models import OIDCSession
from django_oidc_logout.sessions import sql
from tests.factories import is_signed_in


@pytest.fixture
def told():
    """Return the sessions, with their contents, whose end a site's own receiver was notified of."""
    seen = []

    def note(instance, **kwargs):
        seen.append(instance.get_decoded())

    pre_delete.connect(note, sender=Session)
    yield seen
    pre_delete.disconnect(note, sender=Session)


@pytest.fixture
def ada(sign_in):
    """Sign Ada in, and return her."""
    sign_in()
    return get_user_model().objects.get()


@pytest.fixture
def broken(monkeypatch):
    """Let statements about sessions fail in the database."""
    monkeypatch.setattr(Session._meta, "db_table", "nowhere")


@pytest.mark.django_db(transaction=True)
def test_sign_out_waits_for_five_statements(sign_in):
    client = sign_in()
    with CaptureQueriesContext(connection) as queries:
        client.post("/oidc/logout/")
    verbs = [query["sql"].split()[0] for query in queries]
    assert verbs == ["SELECT", "SELECT", "SELECT", "DELETE", "DELETE"]
    assert not is_signed_in(client)
    assert not Session.objects.exists()
    assert not OIDCSession.objects.exists()


@pytest.mark.django_db
def test_who_listens_for_the_end_of_sessions_hears_of_it(sign_in, told):
    client = sign_in()
    person = client.session["_auth_user_id"]
    told.clear()
    client.post("/oidc/logout/")
    assert [session["_auth_user_id"] for session in told] == [person]


@pytest.mark.django_db
def test_what_depends_on_a_row_goes_with_it(ada):
    sql.delete(get_user_model(), id=[ada.pk])
    assert not OIDCSession.objects.exists()


@pytest.mark.django_db
def test_rows_are_those_that_fit_in_every_column(sign_in):
    sign_in(), sign_in()
    one, other = OIDCSession.objects.all()
    assert sql.delete(OIDCSession, id=[one.pk], session_key=[other.session_key]) == 0
    assert set(sql.select(OIDCSession, id=[one.pk, other.pk])) == {one, other}
    assert sql.delete(OIDCSession, id=[one.pk, other.pk], session_key=[one.session_key]) == 1
    assert list(sql.select(OIDCSession, id=[one.pk, other.pk])) == [other]


@pytest.mark.django_db
@pytest.mark.parametrize("value", ["x' OR '1'='1", "%s", "x') --", 'x"; DROP TABLE django_session'])
def test_values_are_no_sql(sign_in, value):
    sign_in()
    assert list(sql.select(OIDCSession, session_key=[value])) == []
    assert sql.delete(OIDCSession, session_key=[value, value]) == 0
    assert OIDCSession.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_statement_that_fails_in_a_transaction_undoes_it(broken):
    with transaction.atomic():
        with pytest.raises(DatabaseError):
            sql.delete(Session, session_key=["x"])
        assert connection.needs_rollback
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_statement_that_fails_leaves_a_transaction_unharmed(ada, broken):
    with transaction.atomic():
        with pytest.raises(DatabaseError), sql.savepoint("default"):
            sql.delete(Session, session_key=["x"])
        assert get_user_model().objects.get() == ada


@pytest.mark.django_db
def test_column_that_the_site_has_not_migrated_to_is_left_out(sign_in):
    """The new version may answer while the old tables are still there."""
    sign_in()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {OIDCSession._meta.db_table}")
        names = [description[0] for description in cursor.description]
        columns = dict(zip(names, cursor.fetchone(), strict=True))
    del columns["device"]
    row, whole = sql._instance(OIDCSession, connection, columns), OIDCSession.objects.get()
    assert row.get_deferred_fields() == {"device"}
    assert row.id_token == whole.id_token
    assert row.expires_at == whole.expires_at


@pytest.mark.django_db
def test_session_is_read_as_django_reads_it(sign_in, monkeypatch):
    client = sign_in()
    real, asked = SessionStore._get_session_from_db, []

    def patched(store):
        asked.append(store.session_key)
        return real(store)

    assert is_signed_in(client)
    monkeypatch.setattr(SessionStore, "_get_session_from_db", patched)
    assert is_signed_in(client)
    assert set(asked) == {client.cookies["sessionid"].value}
    monkeypatch.undo()
    Session.objects.update(expire_date=timezone.now())
    assert not is_signed_in(client)
