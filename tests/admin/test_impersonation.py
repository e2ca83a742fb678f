"""Acting as somebody else, and returning, with the packages that sites use for it."""

from __future__ import annotations

import time

import pytest
from django.contrib import auth
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import OperationalError

from django_oidc_logout.api import end_sessions
from django_oidc_logout.models import OIDCSession, SessionEvent
from django_oidc_logout.sessions import record
from tests.absence import need_package
from tests.admin.conftest import LIST, permitted, user
from tests.factories import create_row, is_signed_in, post_logout_token, query_of

PACKAGES = {"hijack": "django-hijack", "loginas": "django-loginas"}


class Staff:
    """Somebody in front of a browser who may act as other users."""

    def __init__(self, client, package):
        self.client, self.package = client, package

    def act_as(self, other):
        if self.package == "hijack":
            return self.client.post("/hijack/acquire/", {"user_pk": other.pk})
        return self.client.post(f"/loginas/login/user/{other.pk}/")

    def come_back(self):
        path = "/hijack/release/" if self.package == "hijack" else "/loginas/logout/"
        return self.client.post(path)

    def name(self):
        return self.client.get("/private/").content.decode().removeprefix("private to ")


@pytest.fixture(params=PACKAGES)
def ada(request, engine, settings, sign_in):
    """Return Ada, who signed in through the provider and is a superuser."""
    for name, distribution in PACKAGES.items():
        need_package(name, distribution)
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, request.param]
    settings.ROOT_URLCONF = "tests.admin.urls_impersonation"
    settings.LOGIN_REDIRECT_URL = settings.LOGOUT_REDIRECT_URL = "/"
    client = sign_in(sid="desk", sub="1234")
    get_user_model().objects.update(is_superuser=True, is_staff=True, username="ada")
    return Staff(client, request.param)


@pytest.fixture
def grace():
    return user("grace")


def test_row_follows(ada, grace, idp):
    before = OIDCSession.objects.get()
    ada.act_as(grace)
    assert ada.name() == "grace"
    row = OIDCSession.objects.get()
    assert (row.user, row.acts_as, row.sid) == (before.user, grace, "desk")
    assert row.signed_in_at == before.signed_in_at
    ada.come_back()
    assert ada.name() == "ada"
    row = OIDCSession.objects.get()
    assert (row.user, row.acts_as, row.sid) == (before.user, None, "desk")
    assert query_of(ada.client.post("/oidc/logout/"))["id_token_hint"] == before.id_token
    assert not OIDCSession.objects.exists()


@pytest.mark.parametrize("back", [False, True], ids=["acting", "returned"])
@pytest.mark.parametrize("who", ["the provider", "ada", "grace"])
def test_session_can_be_ended(ada, grace, logout_token, who, back):
    staff = OIDCSession.objects.get().user
    ada.act_as(grace)
    if back:
        ada.come_back()
    if who == "the provider":
        assert post_logout_token(logout_token(sid="desk", sub="1234")).status_code == 200
        ended = 1
    else:
        ended = end_sessions(user=staff if who == "ada" else grace)
    assert ended == (0 if who == "grace" and back else 1)
    assert is_signed_in(ada.client) is not bool(ended)


@pytest.mark.parametrize("is_djangos", [False, True])
def test_history_names_who_signed_in(ada, grace, settings, is_djangos):
    settings.OIDC_LOGOUT_HISTORY_DAYS = 30
    staff = OIDCSession.objects.get().user
    ada.act_as(grace)
    ada.client.logout() if is_djangos else ada.client.post("/oidc/logout/", {"local": "1"})
    event = SessionEvent.objects.filter(kind="sign_out").latest("pk")
    assert (event.user, event.actor) == (staff, staff)
    assert not SessionEvent.objects.filter(kind="sign_in").exists()


@pytest.mark.parametrize("acts", [False, True])
def test_history_names_who_ended_sessions(ada, grace, settings, acts):
    settings.OIDC_LOGOUT_HISTORY_DAYS = 30
    staff = OIDCSession.objects.get().user
    permitted(grace, "view_oidcsession", "delete_oidcsession")
    other = create_row(user=user("bob"), session_key="key")
    if acts:
        ada.act_as(grace)
    chosen = {"action": "sign_out_selected", "_selected_action": [other.pk], "confirmed": "1"}
    ada.client.post(LIST, chosen)
    event = SessionEvent.objects.get(code="by_staff")
    assert (event.user, event.actor) == (other.user, staff)


def test_session_that_was_ended_does_not_return_by_acting_as_somebody_else(ada, grace):
    OIDCSession.objects.all().delete()
    ada.act_as(grace)
    assert not OIDCSession.objects.exists()


@pytest.mark.parametrize("back", [False, True], ids=["acting", "returning"])
def test_session_that_ends_while_its_user_changes_has_ended(
    ada, grace, logout_token, monkeypatch, back
):
    if back:
        ada.act_as(grace)
    rotate_token = auth.rotate_token

    def end_meanwhile(request):
        monkeypatch.undo()
        assert post_logout_token(logout_token(sid="desk", sub="1234")).status_code == 200
        rotate_token(request)

    monkeypatch.setattr(auth, "rotate_token", end_meanwhile)
    ada.come_back() if back else ada.act_as(grace)
    assert auth.rotate_token is rotate_token
    assert not is_signed_in(ada.client)
    assert not OIDCSession.objects.exists()


def test_admin_shows_both(ada, grace, client, settings):
    ada.act_as(grace)
    client.force_login(
        get_user_model().objects.get(username="ada"), "django.contrib.auth.backends.ModelBackend"
    )
    assert "ada, acting as grace" in client.get(LIST).content.decode()


def test_session_stays_known_if_rows_are_cleared_meanwhile(ada, grace, monkeypatch):
    """The session that is replaced is deleted a moment before its row follows."""
    move, moved = record._move, []

    def clear_first(row, old_key):
        monkeypatch.setattr(time, "sleep", lambda seconds: moved.append(move(row, old_key)))
        call_command("oidc_logout_clear_sessions", verbosity=0)
        return moved[0] if moved else move(row, old_key)

    monkeypatch.setattr(record, "_move", clear_first)
    ada.act_as(grace)
    assert ada.name() == "grace"
    assert end_sessions(sub="1234") == 1
    assert ada.name() == "AnonymousUser"


def test_session_stays_known_if_the_index_fails_meanwhile(ada, grace, monkeypatch):
    def down(*args):
        raise OperationalError("down")

    with monkeypatch.context() as patch:
        patch.setattr(record, "_move", down)
        ada.act_as(grace)
    assert ada.name() in ("grace", "AnonymousUser")  # django-loginas has already removed the row
    assert (ada.name() == "grace") is OIDCSession.objects.exists()
    end_sessions(sub="1234")
    assert ada.name() == "AnonymousUser"
