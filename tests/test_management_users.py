"""The user that somebody names on the command line, for each command alike."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from django_oidc_logout.management import users

pytestmark = pytest.mark.django_db


@pytest.fixture
def people():
    create = get_user_model().objects.create
    ada = create(pk=7, username="ada", email="ada@example.com")
    return {
        "ada": ada,
        "bob": create(pk=8, username="bob", email="both@example.com"),
        "cid": create(pk=9, username="10", email="both@example.com"),
        "dan": create(pk=10, username="dan"),
    }


@pytest.mark.parametrize(
    ("text", "name"),
    [("ada", "ada"), ("ADA@example.com", "ada"), ("7", "ada"), ("8", "bob"), ("dan", "dan")],
)
def test_name_key_or_address(people, text, name):
    assert users.find(text) == people[name]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("eve", "No user matches 'eve'."),
        ("7.5", "No user matches '7.5'."),
        ("9" * 40, f"No user matches '{'9' * 40}'."),
        (
            "both@example.com",
            "Several users match 'both@example.com': bob (primary key 8), 10 (primary key 9).",
        ),
        ("10", "Several users match '10': 10 (primary key 9), dan (primary key 10)."),
    ],
)
@pytest.mark.usefixtures("people")
def test_nobody_or_several(text, message):
    with pytest.raises(CommandError) as failure:
        users.find(text)
    assert str(failure.value) == message


def test_many_are_not_all_listed():
    model = get_user_model()
    model.objects.bulk_create(model(username=f"u{n}", email="all@example.com") for n in range(9))
    with pytest.raises(CommandError, match=r"u4 \(primary key \d+\), and others\.$"):
        users.find("all@example.com")


def test_user_model_without_email(people, monkeypatch):
    monkeypatch.setattr(get_user_model(), "get_email_field_name", lambda: "mail")
    assert users.find("ada") == people["ada"]


@pytest.mark.parametrize(
    "command", [["oidc_logout_end_sessions", "--dry-run"], ["oidc_logout_history"]]
)
@pytest.mark.usefixtures("people")
def test_each_command_asks_it(command):
    with pytest.raises(CommandError, match=r"Several users match 'both@example\.com'"):
        call_command(*command, "--user", "both@example.com")
    call_command(*command, "--user", "7")
