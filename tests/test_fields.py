"""Columns: tokens are unreadable in the database, and identifiers are found by their digests."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, models
from django.db.migrations.writer import MigrationWriter

from django_oidc_logout.fields import DigestField, EncryptedTextField, digest
from django_oidc_logout.models import OIDCSession
from tests.factories import create_row

pytestmark = pytest.mark.django_db

TABLE = OIDCSession._meta.db_table
# None is made of what the ciphertext could contain by chance.
TEXTS = ["the token", "a.b.c" * 10_000, "é\U0001f511\n", " "]


def stored(column):
    """Return what a column holds, as others who can read the database see it."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {TABLE} ORDER BY id")
        return [value for (value,) in cursor.fetchall()]


def store(column, value):
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {TABLE} SET {column} = %s", [value])


# EncryptedTextField


@pytest.mark.parametrize("name", ["id_token", "refresh_token"])
@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_a_token_is_encrypted_at_rest(name, text):
    row = create_row(**{name: text})
    (value,) = stored(name)
    assert value.isascii()
    assert len(value) > len(text)
    assert text not in value
    row.refresh_from_db()
    assert getattr(row, name) == text


def test_equal_tokens_do_not_look_equal():
    create_row(id_token="token", refresh_token="token")
    create_row(id_token="token")
    assert len({*stored("id_token"), *stored("refresh_token")} - {""}) == 3


def test_no_token_is_stored_as_none():
    create_row()
    assert stored("id_token") == [""]
    assert OIDCSession.objects.get().id_token == ""


def test_a_token_is_encrypted_by_an_update_as_well():
    create_row()
    OIDCSession.objects.update(id_token="token")
    assert stored("id_token") != ["token"]
    assert OIDCSession.objects.get().id_token == "token"


def test_no_row_has_no_token():
    get_user_model().objects.create_user("ada")
    tokens = get_user_model().objects.values_list("oidc_sessions__id_token", flat=True)
    assert list(tokens) == [None]


def test_the_key_is_rotated(settings):
    row = create_row(id_token="token")
    (before,) = stored("id_token")

    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", ["newer", settings.SECRET_KEY]
    row.refresh_from_db()
    assert row.id_token == "token"
    assert stored("id_token") == [before]
    row.save()
    assert stored("id_token") != [before]

    settings.SECRET_KEY_FALLBACKS = []
    row.refresh_from_db()
    assert row.id_token == "token"


def test_the_key_may_be_bytes(settings):
    settings.SECRET_KEY = b"\xff bytes"
    create_row(id_token="token")
    assert OIDCSession.objects.get().id_token == "token"


def test_a_token_of_a_lost_key_counts_as_absent(settings):
    create_row(id_token="token")
    settings.SECRET_KEY = "new"
    assert OIDCSession.objects.get().id_token == ""


@pytest.mark.parametrize("value", ["token", "gAAAAA", "gAAAAABé", "=", " ", "\U0001f511"])
def test_what_cannot_be_read_counts_as_absent(value):
    create_row(id_token="token")
    store("id_token", value)
    assert OIDCSession.objects.get().id_token == ""


def test_what_was_altered_counts_as_absent():
    create_row(id_token="token")
    (value,) = stored("id_token")
    store("id_token", value[:50] + ("A" if value[50] != "A" else "B") + value[51:])
    assert OIDCSession.objects.get().id_token == ""


# DigestField


@pytest.mark.parametrize(
    ("issuer", "identifier"),
    [
        ("https://idp.example.com", "ada"),
        ("https://idp.example.com", "ADA"),
        ("https://idp.example.com", "ada "),
        ("https://idp.example.com", "x" * 4096),
        ("https://idp.example.com", "é"),
        ("https://idp.example.com", "e\u0301"),
        ("https://idp.example.com/", "ada"),
        ("https://idp.example.co", "mAda"),
    ],
)
def test_a_digest_is_of_issuer_and_identifier_to_the_letter(issuer, identifier):
    value = digest(issuer, identifier)
    assert len(value) == 64
    assert value == digest(issuer, identifier)
    others = [("https://idp.example.com", "Ada"), ("https://other.example.com", identifier)]
    assert value not in {digest(*other) for other in others}
    create_row(sub="Ada")
    row = create_row(issuer=issuer, sub=identifier)
    assert OIDCSession.objects.get(sub_digest=value) == row


def test_nothing_has_no_digest():
    assert digest("https://idp.example.com", "") == ""
    assert create_row(sid="").sid_digest == ""
    assert stored("sid_digest") == [""]


def test_digests_are_computed_on_save():
    row = create_row(sub="ada", sid="session-1", sub_digest="forged", sid_digest="forged")
    for issuer, sub, sid in [
        ("https://idp.example.com", "ada", "session-1"),
        ("https://idp.example.com", "grace", "session-2"),
        ("https://other.example.com", "grace", ""),
    ]:
        row.issuer, row.sub, row.sid = issuer, sub, sid
        row.save()
        assert row.sub_digest == digest(issuer, sub)
        assert row.sid_digest == digest(issuer, sid)
        assert stored("sub_digest") == [row.sub_digest]
        assert stored("sid_digest") == [row.sid_digest]


def test_digests_are_computed_when_a_row_is_written_over():
    create_row(session_key="key", sid="session-1")
    OIDCSession.objects.update_or_create(
        session_key="key", defaults={"sub": "grace", "sid": "session-2"}
    )
    assert stored("sub_digest") == [digest("https://idp.example.com", "grace")]
    assert stored("sid_digest") == [digest("https://idp.example.com", "session-2")]


# In migrations


@pytest.mark.parametrize(
    "field",
    [
        DigestField(source="sub"),
        DigestField(source="sid", max_length=100),
        EncryptedTextField("token", blank=True),
    ],
    ids=["digest", "another digest", "encrypted text"],
)
def test_a_field_survives_deconstruction(field):
    _, path, args, kwargs = field.deconstruct()
    copy = field.clone()
    assert path == f"{type(field).__module__}.{type(field).__name__}"
    assert copy.deconstruct()[1:] == (path, args, kwargs)
    assert (copy.max_length, copy.editable) == (field.max_length, field.editable)
    assert getattr(copy, "source", "") == getattr(field, "source", "")
    assert type(field).__name__ in MigrationWriter.serialize(field)[0]


def test_digests_are_nobodys_to_edit():
    for name in ["sub_digest", "sid_digest"]:
        field = OIDCSession._meta.get_field(name)
        assert isinstance(field, models.CharField)
        assert not field.editable
