"""The list of sessions and the page of one: read-only, and without secrets."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import Permission
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection, models
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import django_oidc_logout
from django_oidc_logout.models import OIDCSession, SessionEvent
from tests.admin.conftest import LIST, SECRET, pages, permitted, session, user
from tests.factories import ISSUER

TABLE = OIDCSession._meta.db_table


@pytest.fixture(autouse=True)
def _providers(settings):
    settings.OIDC_LOGOUT_PROVIDERS = {
        "default": {"ISSUER": ISSUER},
        "google": {
            "ISSUER": "https://accounts.google.com",
            "BACKEND": "django_oidc_logout.providers.GoogleProvider",
        },
    }


def rows(response):
    """Return the rows of a list, each as the texts of its cells by their field."""
    assert response.status_code == 200
    page = response.content.decode()
    found = []
    for row in re.findall(r"<tr[^>]*>.*?</tr>", page, re.DOTALL):
        cells = re.findall(r'class="field-([^" ]*)[^>]*>(.*?)</t[dh]>', row, re.DOTALL)
        if cells:
            lines = [(name, text.replace("<br>", "\n")) for name, text in cells]
            found.append({name: unescape(re.sub(r"<[^>]*>", "", text)) for name, text in lines})
            person, _, email = found[-1]["person"].partition("\n")
            state = found[-1]["since_until"].rpartition("\n")[2]
            found[-1] |= {"person": person, "email": email, "state": state}
    return found


def people(client, **query):
    return sorted(row["person"] for row in rows(client.get(LIST, query)))


def test_columns(desk):
    session(user("ada", first_name="Ada", last_name="Lovelace"))
    [row] = rows(desk.get(LIST))
    assert (row["person"], row["email"]) == ("Ada Lovelace", "ada@example.com")
    assert (row["provider_name"], row["state"]) == ("idp.example.com", "Active")
    assert row["since_until"].count(":") == 2
    assert row["last_seen"].count(":") == 1


def test_devices_are_shown_if_they_are_kept(desk, settings):
    settings.OIDC_LOGOUT_KEEP_DEVICE = True
    session(user("ada"), "1", device="Firefox, Linux", address="203.0.113.0")
    session(user("bob"), "2", device="Firefox, Linux")
    found = sorted(row["last_seen"].split("\n")[1:] for row in rows(desk.get(LIST)))
    assert found == [["Firefox, Linux"], ["Firefox, Linux", "203.0.113.0"]]
    shown = desk.get(f"{LIST}{OIDCSession.objects.get(address='').pk}/change/").content.decode()
    assert "Firefox, Linux" in shown
    settings.OIDC_LOGOUT_KEEP_DEVICE = False
    assert (
        "Device:" not in desk.get(f"{LIST}{session(user('cid'), '3').pk}/change/").content.decode()
    )


@pytest.mark.parametrize("days", [0, 30])
def test_history_is_listed_while_it_is_kept(desk, settings, days):
    settings.OIDC_LOGOUT_HISTORY_DAYS = days
    ada = user("ada", first_name="Ada", last_name="Lovelace")
    permitted(get_user_model().objects.get(username="grace"), "view_sessionevent")
    SessionEvent.objects.create(kind="ended", code="by_staff", source="staff", user=ada, actor=ada)
    event = SessionEvent.objects.create(kind="rejected", code="too_old", provider="default")
    url = "/admin/django_oidc_logout/sessionevent/"
    answer = desk.get(url, {"q": "ada"})
    assert answer.status_code == (200 if days else 403)
    if days:
        assert answer.content.decode().count("Ada Lovelace") == 2
        assert "too_old" in desk.get(f"{url}{event.pk}/change/").content.decode()
        for page in ("add/", f"{event.pk}/delete/"):
            assert desk.get(url + page).status_code == 403


@pytest.mark.parametrize("use_tz", [True, False])
def test_times_are_local_with_and_without_time_zones(desk, settings, use_tz):
    settings.USE_TZ, settings.TIME_ZONE = use_tz, "Asia/Kathmandu"
    settings.OIDC_LOGOUT_HISTORY_DAYS = 30
    permitted(get_user_model().objects.get(username="grace"), "view_sessionevent")
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC) if use_tz else datetime(2026, 1, 2, 8, 49, 5)
    row = session(user("ada"), signed_in_at=at, last_seen_at=at)
    SessionEvent.objects.create(kind="ended", code="by_staff", source="staff", at=at)
    [shown] = rows(desk.get(LIST))
    assert (shown["since_until"].split("\n")[0], shown["state"]) == ("2026-01-02 08:49", "Active")
    assert shown["last_seen"] == "2026-01-02 08:49"
    assert "2026-01-02 08:49:05" in desk.get(HISTORY).content.decode()
    for page in pages(row).values():
        assert desk.get(page).status_code == 200


def test_people_without_a_name(desk):
    session(user("bob"), "1")
    session(None, "2", sub="nobody's")
    assert people(desk) == ["bob", "nobody's"]
    assert sorted(row["email"] for row in rows(desk.get(LIST))) == ["", "bob@example.com"]


def test_provider_that_is_not_configured(desk):
    session(user("bob"), "1", provider="", issuer="https://old.example.com/realm")
    session(user("bob"), "2", provider="old", issuer="opaque")
    found = sorted(row["provider_name"] for row in rows(desk.get(LIST)))
    assert found == ["old.example.com", "opaque"]


def test_own_session_is_marked(sign_in, desk):
    session(user("bob"))
    client = sign_in()
    permitted(get_user_model().objects.get(email="ada@example.com"), "view_oidcsession")
    states = {row["email"]: row["state"] for row in rows(client.get(LIST))}
    assert states == {"ada@example.com": "This session", "bob@example.com": "Active"}
    assert {row["state"] for row in rows(desk.get(LIST))} == {"Active"}


@pytest.mark.parametrize(
    ("term", "found"),
    [
        ("ada", ["Ada Lovelace"]),
        ("lovelace", ["Ada Lovelace"]),
        ("ada love", ["Ada Lovelace"]),
        ("bob@example", ["bob"]),
        ("example.com", ["Ada Lovelace", "bob"]),
        ("sid-2", ["bob"]),
        ("sub-1", ["Ada Lovelace"]),
        ("sid-", []),
        (" spaced out ", ["bob"]),
        ("spaced out", []),
        ("secret-1", []),
        (SECRET, []),
        ("", ["Ada Lovelace", "bob"]),
    ],
)
def test_search(desk, term, found):
    session(user("ada", first_name="Ada", last_name="Lovelace"), "1")
    session(user("bob"), "2", sub=" spaced out ")
    assert people(desk, q=term) == found


def test_search_does_not_confuse_issuers(desk):
    session(user("ada"), "1", provider="", issuer="https://x.example", sid="same")
    session(user("bob"), "2", provider="google", issuer="https://accounts.google.com", sid="same")
    assert people(desk, q="same") == ["bob"]


class Account(AbstractBaseUser):
    """A user model with only one field to search."""

    number = models.IntegerField(unique=True)
    contact = models.EmailField()
    USERNAME_FIELD = "number"
    EMAIL_FIELD = "contact"

    class Meta:
        app_label = "tests"
        managed = False


def test_custom_user_model(monkeypatch):
    monkeypatch.setattr("django_oidc_logout.admin.people.get_user_model", lambda: Account)
    model_admin = admin.site._registry[OIDCSession]
    assert model_admin.get_search_fields(RequestFactory().get("/")) == ["user__contact"]


FILTERS = [
    ({}, ["ada", "bob", "cid", "dan"]),
    ({"provider": "default"}, ["ada", "dan"]),
    ({"provider": "google"}, ["bob"]),
    ({"provider": "-"}, ["cid"]),
    ({"state": "active"}, ["ada", "bob", "cid"]),
    ({"state": "expired"}, ["dan"]),
    ({"state": "else"}, ["ada", "bob", "cid", "dan"]),
    ({"state": "active", "provider": "default"}, ["ada"]),
]


@pytest.mark.parametrize(("query", "found"), FILTERS)
def test_filters(desk, query, found):
    session(user("ada"), "1")
    session(user("bob"), "2", provider="google", issuer="https://accounts.google.com")
    session(user("cid"), "3", provider="old")
    session(user("dan"), "4", hours=-1)
    assert people(desk, **query) == found


def test_filters_show_the_providers_names(desk, settings):
    page = desk.get(LIST).content.decode()
    for words in ("idp.example.com (default)", "Google (google)", "Not configured"):
        assert words in page
    entry = {"ISSUER": ISSUER, "NAME": "Company account"}
    settings.OIDC_LOGOUT_PROVIDERS = {"default": entry}
    session(user("ada"))
    page = desk.get(LIST)
    assert "Company account (default)" in page.content.decode()
    assert rows(page)[0]["provider_name"] == "Company account"


def providers(request):
    """Return what a callable in OIDC_LOGOUT_PROVIDERS does, and note the request."""
    seen.append(request.path)
    return {"default": {"ISSUER": ISSUER, "NAME": "Company account"}}


seen = []


def test_providers_are_asked_for_once(desk, settings):
    settings.OIDC_LOGOUT_PROVIDERS = f"{__name__}.providers"
    for name in ("ada", "bob"):
        session(user(name), name)
    names = {row["provider_name"] for row in rows(desk.get(LIST))}
    assert (names, seen) == ({"Company account"}, [LIST])


def test_date_hierarchy(desk):
    session(user("ada"), "1")
    long_ago = timezone.now() - timedelta(days=800)
    session(user("bob"), "2", signed_in_at=long_ago)
    year = timezone.localtime(long_ago).year
    assert f"?signed_in_at__year={year}" in desk.get(LIST).content.decode()
    assert people(desk, signed_in_at__year=year) == ["bob"]


def test_order(desk):
    now = timezone.now()
    session(user("ada"), "1", signed_in_at=now - timedelta(hours=1))
    session(user("bob"), "2", signed_in_at=now)
    session(user("cid"), "3", signed_in_at=now - timedelta(hours=2))
    assert [row["person"] for row in rows(desk.get(LIST))] == ["bob", "ada", "cid"]
    for column in range(1, 7):
        assert len(rows(desk.get(LIST, {"o": column}))) == 3


def test_queries_do_not_grow(desk, django_assert_num_queries):
    def fill(first, last):
        for number in range(first, last):
            session(user(f"user-{number}"), str(number))

    fill(0, 2)
    desk.get(LIST)
    with CaptureQueriesContext(connection) as few:
        assert len(rows(desk.get(LIST))) == 2
    of_ours = [query for query in few.captured_queries if TABLE in query["sql"]]
    assert len(of_ours) <= 6  # the other queries are the admin's or its theme's
    fill(2, 300)
    for query in ({}, {"q": "user"}, {"p": "2"}, {"provider": "default", "state": "active"}):
        with django_assert_num_queries(len(few)):
            assert len(rows(desk.get(LIST, query))) == 100


@pytest.mark.parametrize("page", ["list", "session", "history", "found"])
def test_no_page_shows_a_secret(desk, page):
    row = session(user("ada"))
    response = desk.get(pages(row)[page])
    assert response.status_code == 200
    assert SECRET not in response.content.decode()
    assert "secret-key" not in response.content.decode()


def test_tokens_are_not_fetched(rf):
    session(user("ada"))
    request = rf.get(LIST)
    request.session = SessionStore()
    row = admin.site._registry[OIDCSession].get_queryset(request).get()
    assert row.get_deferred_fields() == {"id_token", "refresh_token"}


def test_session_page(desk):
    row = session(user("ada"))
    page = desk.get(pages(row)["session"]).content.decode()
    for shown in ("sub-key", "sid-key", ISSUER):
        assert shown in page
    assert 'name="_save"' not in page
    assert "/delete/" not in page


def test_read_only(desk, grace):
    grace.user_permissions.add(*Permission.objects.filter(codename__contains="oidcsession"))
    row = session(user("ada"))
    one = f"{LIST}{row.pk}/"
    assert desk.get(f"{LIST}add/").status_code == 403
    assert desk.post(f"{one}change/", {"sub": "eve"}).status_code == 403
    for method in (desk.get, desk.post):
        assert method(f"{one}delete/", {"post": "yes"}).status_code == 403
    assert OIDCSession.objects.get().sub == "sub-key"


def test_list_offers_no_deletion(desk):
    session(user("ada"))
    page = desk.get(LIST).content.decode()
    assert "sign_out_selected" in page
    assert "delete_selected" not in page


def test_rows_are_deleted_with_their_user(desk, grace):
    grace.user_permissions.add(*Permission.objects.filter(codename="delete_user"))
    ada = user("ada")
    session(ada)
    answer = desk.post(f"/admin/auth/user/{ada.pk}/delete/", {"post": "yes"})
    assert answer.status_code == 302
    assert not OIDCSession.objects.exists()


@pytest.mark.parametrize(
    ("permissions", "status"),
    [([], 403), (["view_oidcsession"], 200), (["delete_oidcsession"], 403)],
)
def test_permission_to_see(client, permissions, status):
    client.force_login(permitted(user("ada"), *permissions))
    row = session(user("bob"))
    for page in pages(row).values():
        assert client.get(page).status_code == status


# Sessions that Django no longer accepts


def test_list_ends_sessions_with_another_password(desk, grace):
    ada = user("ada")
    store = SessionStore()
    store.create()
    store.update({"_auth_user_id": str(ada.pk), "_auth_user_hash": "of another password"})
    store.save()
    row, kept = session(ada), session(ada, "kept")
    OIDCSession.objects.filter(pk=row.pk).update(session_key=store.session_key)
    assert len(rows(desk.get(LIST))) == 1
    assert OIDCSession.objects.get() == kept
    assert not SessionStore().exists(store.session_key)


def test_list_ends_sessions_of_inactive_and_deleted_users(desk):
    session(user("ada"))
    get_user_model().objects.filter(username="ada").update(is_active=False)
    bob = user("bob")
    session(bob, "bob")
    with connection.constraint_checks_disabled(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM auth_user WHERE id = %s", [bob.pk])
    assert rows(desk.get(LIST)) == []
    assert not OIDCSession.objects.exists()


HISTORY = "/admin/django_oidc_logout/sessionevent/"
CSS = "static/oidc_logout/admin.css"


@pytest.mark.parametrize(("url", "model"), [(LIST, "oidcsession"), (HISTORY, "sessionevent")])
def test_columns_that_a_phone_does_not_show_are_there(settings, desk, grace, url, model):
    """A class that the list does not have would hide nothing, and the list would scroll."""
    settings.OIDC_LOGOUT_HISTORY_DAYS = 30
    permitted(grace, "view_sessionevent")
    session(user("ada"))
    SessionEvent.objects.create(kind="ended", code="by_staff")
    page = desk.get(url).content.decode()
    assert re.search(r'<link href="[^"]*oidc_logout/admin\.css"', page)
    css = (Path(django_oidc_logout.__file__).parent / CSS).read_text()
    rule = css.partition("{")[2].partition("display: none")[0]
    classes = re.findall(rf"\.model-{model}(?: #result_list)? \.([\w-]+)", rule)
    assert len(classes) > 3
    assert [name for name in classes if name not in page] == []
    assert f"model-{model}" in page
