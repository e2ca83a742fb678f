"""Ending sessions from the admin: "Sign out selected sessions" and "Sign out everywhere"."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.messages import get_messages
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone
from django.utils.module_loading import import_string

from django_oidc_logout.fields import digest
from django_oidc_logout.models import OIDCSession, ReauthenticationMark
from django_oidc_logout.sessions import engines, reauthentication
from django_oidc_logout.signals import session_ended, signed_out
from tests.admin import settings
from tests.admin.conftest import LIST, PASSWORD_BACKEND, permitted, session, user
from tests.factories import ENGINES, is_signed_in, query_of

USERS = "/admin/auth/user/"
SELECTED = "sign_out_selected"
EVERYWHERE = "sign_out_everywhere"
NOTHING = "0 sessions have ended."


@pytest.fixture
def people(idp, sign_in):
    """Return clients: Ada's phone and desk, and Bob's only client."""
    clients = {"phone": sign_in(sid="phone"), "desk": sign_in(sid="desk")}
    idp.userinfo = {"email": "bob@example.com"}
    clients["bob"] = sign_in(sub="bob", sid="bob")
    get_user_model().objects.filter(email="ada@example.com").update(
        first_name="Ada", last_name="Lovelace"
    )
    return clients


def still_in(people):
    return {name for name, client in people.items() if is_signed_in(client)}


def row(sid):
    return OIDCSession.objects.get(sid=sid)


def ada():
    return get_user_model().objects.get(email="ada@example.com")


def choose(action, *chosen, **more):
    """Return what the list's form sends."""
    pks = [str(each.pk) for each in chosen]
    return {"action": action, "_selected_action": pks, "index": "0", **more}


def hidden(page):
    """Return what the confirmation page's form sends."""
    form = page.content.decode().partition('<p class="mb-4">')[2]
    fields = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form):
        fields.setdefault(name, []).append(unescape(value))
    return fields


def confirmed(client, path, data):
    """Request an action and confirm it."""
    page = client.post(path, data)
    assert page.status_code == 200
    return client.post(path, hidden(page))


def words(response):
    text = response.content.decode().partition("<body")[2]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", text)).split())


def messages_of(response):
    return [(message.level_tag, str(message)) for message in get_messages(response.wsgi_request)]


def log():
    entries = apps.get_model("admin", "LogEntry").objects.order_by("pk")
    return [
        (entry.user.username, entry.content_type.model, entry.get_action_flag_display(), entry)
        for entry in entries
    ]


# "Sign out selected sessions"


def test_many_sessions_end_in_several_requests(people, desk, monkeypatch):
    """Each request ends some, and asks whether to go on."""
    monkeypatch.setattr("django_oidc_logout.admin.actions.MAX_ENDED", 1)
    answer = desk.post(LIST, choose(SELECTED, *OIDCSession.objects.all()))
    for left in (2, 1):
        answer = desk.post(LIST, hidden(answer) | {"reauthenticate": "yes"})
        assert answer.status_code == 200
        assert 'name="reauthenticate" value="yes" checked' in answer.content.decode()
        assert OIDCSession.objects.count() == left
    assert desk.post(LIST, hidden(answer)).status_code == 302
    assert still_in(people) == set()
    assert ReauthenticationMark.objects.count() == 2


def test_page_of_a_session_has_a_button(people, desk):
    page = desk.get(f"{LIST}{row('phone').pk}/change/").content.decode()
    assert 'value="Sign out"' in page
    assert f'name="_selected_action" value="{row("phone").pk}"' in page


@pytest.mark.requirement("ASVS 7.4.5")
def test_selected_sessions_end(people, desk):
    chosen = [row("phone"), row("bob")]
    pks = {str(each.pk) for each in chosen}
    answer = confirmed(desk, f"{LIST}?state=active", choose(SELECTED, *chosen))
    assert answer["Location"] == f"{LIST}?state=active"
    assert messages_of(answer) == [("success", "2 sessions have ended.")]
    assert still_in(people) == {"desk"}
    assert OIDCSession.objects.get().sid == "desk"
    assert [entry[:3] for entry in log()] == [("grace", "oidcsession", "Change")] * 2
    assert {entry[3].get_change_message() for entry in log()} == {"Staff ended the session."}
    assert {entry[3].object_id for entry in log()} == pks


@pytest.mark.parametrize("is_ticked", [True, False])
def test_staff_can_ask_for_the_password(people, desk, is_ticked):
    data = choose(SELECTED, row("phone"), row("bob"))
    page = desk.post(LIST, data)
    assert "Ask for the password at the next sign-in" in words(page)
    desk.post(LIST, hidden(page) | ({"reauthenticate": "yes"} if is_ticked else {}))
    assert still_in(people) == {"desk"}
    marks = set(ReauthenticationMark.objects.values_list("sub_digest", flat=True))
    issuer = OIDCSession.objects.get().issuer
    assert marks == ({digest(issuer, "ada"), digest(issuer, "bob")} if is_ticked else set())


def test_staff_learn_that_the_password_cannot_be_asked_for(people, desk, monkeypatch):
    def down(_digests, _using):
        raise DatabaseError

    monkeypatch.setattr(reauthentication, "_write", down)
    page = desk.post(LIST, choose(SELECTED, row("phone"), row("bob")))
    answer = desk.post(LIST, hidden(page) | {"reauthenticate": "yes"})
    assert messages_of(answer) == [
        ("error", "2 sessions could not be ended. Please try again."),
    ]
    assert still_in(people) == {"desk", "phone", "bob"}


def test_signal(people, desk):
    seen = []

    def ended(session, reason, **kwargs):
        seen.append((session.sid, reason))

    session_ended.connect(ended)
    confirmed(desk, LIST, choose(SELECTED, row("phone")))
    session_ended.disconnect(ended)
    assert seen == [("phone", "Staff ended the session.")]


@pytest.mark.parametrize("engine", ENGINES)
def test_next_click_finds_them_signed_out(settings, tmp_path, sign_in, grace, engine):
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    settings.SESSION_FILE_PATH = str(tmp_path)
    phone, staff = sign_in(sid="phone"), Client()
    staff.force_login(grace, PASSWORD_BACKEND)
    assert is_signed_in(phone)
    confirmed(staff, LIST, choose(SELECTED, row("phone")))
    assert not is_signed_in(phone)
    assert is_signed_in(staff)


def test_confirmation(people, desk):
    page = desk.post(f"{LIST}?q=ada", choose(SELECTED, row("phone")))
    assert still_in(people) == set(people)
    text = words(page)
    assert "1 session will end." in text
    assert "Ada Lovelace, ada@example.com, 127.0.0.1" in text
    assert "Your own session" not in text
    assert f'href="{LIST}?q=ada"' in page.content.decode()
    asked = hidden(page)
    del asked["csrfmiddlewaretoken"]
    assert asked == {
        "_selected_action": [str(row("phone").pk)],
        "action": [SELECTED],
        "newest": [str(row("phone").pk)],
        "confirmed": ["yes"],
    }


def crumbs(page):
    """Return the breadcrumbs: their tag, their links as (URL, text), and all their text."""
    found = re.search(r'<(ol|div) class="breadcrumbs.+?</\1>', page.content.decode(), re.DOTALL)
    links = re.findall(r'<a href="([^"]+)">([^<]+)</a>', found[0])
    return found[1], links, unescape(re.sub(r"<[^>]+>", "", found[0])).strip()


HOME = {"en": "Home", "de": "Start", "ar": "الرئيسية"}


@pytest.mark.skipif(settings.THEME != "", reason="themes have breadcrumbs of their own")
@pytest.mark.parametrize("language", HOME)
@pytest.mark.parametrize("site", ["/admin/", "/back-office/"])
def test_confirmation_has_djangos_breadcrumbs(people, desk, site, language):
    headers = {"Accept-Language": language}
    path = LIST.replace("/admin/", site)
    page = desk.post(path, choose(SELECTED, row("phone")), headers=headers)
    kind, links, text = crumbs(page)
    djangos = crumbs(desk.get(f"{path}{row('phone').pk}/change/", headers=headers))
    assert (kind, links) == djangos[:2]
    assert [address for address, _ in links] == [site, f"{site}django_oidc_logout/", path]
    assert text.startswith(HOME[language])
    assert text.endswith(page.context["title"])


def test_confirmation_needs_csrf(people, grace):
    client = Client(enforce_csrf_checks=True)
    client.force_login(grace, PASSWORD_BACKEND)
    answer = client.post(LIST, choose(SELECTED, row("phone"), confirmed="yes"))
    assert answer.status_code == 403
    assert still_in(people) == set(people)


def test_select_all_does_not_list_every_session(people, desk, grace):
    now = timezone.now()
    OIDCSession.objects.bulk_create(
        OIDCSession(
            user=grace,
            issuer="x",
            sub="x",
            session_key=str(number),
            signed_in_at=now,
            expires_at=now,
        )
        for number in range(1200)
    )
    chosen = OIDCSession.objects.filter(user=grace)[:100]
    data = choose(SELECTED, *chosen, select_across="1")
    page = desk.post(f"{LIST}?q=grace", data)
    assert "1200 sessions will end." in words(page)
    assert "and 1100 more" in words(page)
    assert page.content.decode().count("<li><bdi>") == 100
    assert len(hidden(page)["_selected_action"]) == 100
    answer = desk.post(f"{LIST}?q=grace", hidden(page))
    assert messages_of(answer) == [("success", "1200 sessions have ended.")]
    assert OIDCSession.objects.count() == len(people)
    assert still_in(people) == set(people)


def test_one_more_than_the_page_lists(desk, grace):
    now = timezone.now()
    OIDCSession.objects.bulk_create(
        OIDCSession(user=grace, issuer="x", sub="x", session_key=str(n), expires_at=now)
        for n in range(101)
    )
    page = desk.post(LIST, choose(SELECTED, *OIDCSession.objects.all()))
    assert "and 1 more" in words(page)


def test_some_that_could_not_be_ended(people, desk, monkeypatch):
    stubborn, delete = row("phone").session_key, engines.delete

    def fail(key):
        if key == stubborn:
            raise OSError("store is down")
        delete(key)

    monkeypatch.setattr(engines, "delete", fail)
    chosen = [row("phone"), row("bob")]
    answer = confirmed(desk, LIST, choose(SELECTED, *chosen))
    assert messages_of(answer) == [
        ("success", "1 session has ended."),
        ("error", "1 session could not be ended. Please try again."),
    ]
    assert still_in(people) == {"phone", "desk"}
    assert [entry[3].object_id for entry in log()] == [str(chosen[1].pk)]


def test_sessions_that_could_not_be_ended(people, desk, monkeypatch):
    def fail(key):
        raise OSError("store is down")

    monkeypatch.setattr(engines, "delete", fail)
    answer = confirmed(desk, LIST, choose(SELECTED, row("phone"), row("desk")))
    assert messages_of(answer) == [("error", "2 sessions could not be ended. Please try again.")]
    assert log() == []


def test_sessions_that_ended_before_the_confirmation(people, desk):
    data = choose(SELECTED, row("phone"), confirmed="yes")
    row("phone").delete()
    assert messages_of(desk.post(LIST, data)) == [("success", NOTHING)]


FORBIDDEN = [
    (LIST, SELECTED, ["view_oidcsession"]),
    (LIST, SELECTED, ["view_oidcsession", "change_oidcsession", "add_oidcsession"]),
    (LIST, SELECTED, []),
    (LIST, SELECTED, ["delete_oidcsession"]),
    (USERS, EVERYWHERE, ["view_user"]),
    (USERS, EVERYWHERE, ["view_user", "change_user", "delete_user"]),
    (USERS, EVERYWHERE, ["delete_oidcsession"]),
]


@pytest.mark.parametrize(("path", "action", "permissions"), FORBIDDEN)
def test_without_permission(people, client, path, action, permissions):
    staff = permitted(get_user_model().objects.create(username="staff"), *permissions)
    client.force_login(staff, PASSWORD_BACKEND)
    chosen = row("phone") if path == LIST else ada()
    from_list = choose(action, chosen)
    from_page = {"action": action, "_selected_action": [chosen.pk]}
    for sent in (from_list, from_page):
        for answer in ({}, {"confirmed": "yes"}):
            assert client.post(path, sent | answer).status_code == 403
    assert still_in(people) == set(people)
    assert action not in client.get(path).content.decode()
    assert log() == []


def test_not_staff(people, client):
    client.force_login(get_user_model().objects.create(username="eve"))
    data = choose(SELECTED, row("phone"), confirmed="yes")
    assert client.post(LIST, data)["Location"].startswith("/admin/login/")
    assert still_in(people) == set(people)


# The request's own session


@pytest.fixture
def own(people):
    """Return the client in which Bob, who is staff, signed in through the provider."""
    bob = get_user_model().objects.get(email="bob@example.com")
    permitted(bob, "view_oidcsession", "delete_oidcsession", "view_user")
    return people["bob"]


@pytest.mark.parametrize("index", ["/admin/", "/back-office/"])
def test_own_session_signs_out_at_the_provider_and_last(idp, people, own, index):
    outcomes = []

    def receive(outcome, **kwargs):
        outcomes.append((outcome.provider, OIDCSession.objects.count()))

    signed_out.connect(receive)
    data = choose(SELECTED, row("phone"), row("bob"))
    path = f"{index}django_oidc_logout/oidcsession/"
    page = own.post(path, data)
    assert "Your own session is among them" in words(page)
    assert f'action="{index}logout/"' in page.content.decode()
    answer = own.post(path, hidden(page))
    signed_out.disconnect(receive)
    assert answer["Location"].startswith(f"{idp.issuer}/end-session?")
    assert outcomes == [("redirect", 1)]
    assert still_in(people) == {"desk"}
    assert len(log()) == 2
    assert messages_of(answer) == [("success", "1 session has ended.")]
    back = own.get("/oidc/logout/callback/", {"state": query_of(answer)["state"]})
    assert back["Location"] == index


def test_own_session_alone_shows_no_message(people, own):
    answer = confirmed(own, LIST, choose(SELECTED, row("bob")))
    assert messages_of(answer) == []
    assert still_in(people) == {"phone", "desk"}
    assert len(log()) == 1


def test_own_session_ends_even_if_the_others_cannot(people, own, monkeypatch):
    def fail(key):
        raise OSError("store is down")

    monkeypatch.setattr(engines, "delete", fail)
    answer = confirmed(own, LIST, choose(SELECTED, row("phone"), row("bob")))
    assert messages_of(answer) == [("error", "1 session could not be ended. Please try again.")]
    assert still_in(people) == {"phone", "desk"}


# "Sign out everywhere"


def test_session_that_has_no_user_yet_and_acts_as_one(desk):
    session(None, acts_as=user("ada"))
    confirmed(desk, USERS, choose(EVERYWHERE, user("ada")))
    [(_, _, _, entry)] = log()
    assert entry.object_id == str(user("ada").pk)
    assert entry.get_change_message() == "Sign out everywhere: 1 session has ended."
    assert not OIDCSession.objects.exists()


@pytest.mark.requirement("ASVS 7.4.5")
def test_everywhere(people, desk):
    answer = confirmed(desk, USERS, choose(EVERYWHERE, ada()))
    assert answer["Location"] == USERS
    assert messages_of(answer) == [("success", "2 sessions have ended.")]
    assert still_in(people) == {"bob"}
    [(who, model, kind, entry)] = log()
    assert (who, model, kind, entry.object_id) == ("grace", "user", "Change", str(ada().pk))
    assert entry.get_change_message() == "Sign out everywhere: 2 sessions have ended."


def test_everywhere_for_several_users(people, desk):
    everybody = get_user_model().objects.exclude(username="grace")
    page = desk.post(USERS, choose(EVERYWHERE, *everybody))
    assert "3 sessions will end." in words(page)
    assert messages_of(desk.post(USERS, hidden(page))) == [("success", "3 sessions have ended.")]
    assert still_in(people) == set()
    assert len(log()) == 2


def test_everywhere_including_oneself(idp, people, own):
    bob = get_user_model().objects.get(email="bob@example.com")
    answer = confirmed(own, USERS, choose(EVERYWHERE, bob, ada()))
    assert answer["Location"].startswith(f"{idp.issuer}/end-session?")
    assert still_in(people) == set()
    assert {entry[3].object_id for entry in log()} == {str(bob.pk), str(ada().pk)}


def test_everywhere_for_a_user_with_only_a_password(desk, grace):
    page = desk.post(USERS, choose(EVERYWHERE, grace))
    assert "0 sessions will end." in words(page)
    assert messages_of(desk.post(USERS, hidden(page))) == [("success", NOTHING)]
    assert is_signed_in(desk)
    assert log() == []


NOT_ASKED = "People without a session in this list cannot be asked for the password."


@pytest.mark.parametrize(
    ("emails", "is_said"),
    [(["ada", "bob"], False), (["ada", "grace"], True), (["grace"], True)],
)
def test_page_says_that_some_people_cannot_be_asked_for_the_password(
    people, desk, grace, emails, is_said
):
    """Only a session says who a user is at the provider."""
    get_user_model().objects.filter(pk=grace.pk).update(email="grace@example.com")
    users = get_user_model().objects.filter(email__in=[f"{each}@example.com" for each in emails])
    page = desk.post(USERS, choose(EVERYWHERE, *users))
    assert (NOT_ASKED in words(page)) is is_said
    assert ('name="reauthenticate"' in page.content.decode()) is (emails != ["grace"])


def test_page_of_the_next_request_does_not_count_those_who_have_been_asked(
    people, desk, monkeypatch
):
    monkeypatch.setattr("django_oidc_logout.admin.actions.MAX_ENDED", 2)
    everybody = get_user_model().objects.exclude(username="grace")
    page = desk.post(USERS, choose(EVERYWHERE, *everybody))
    page = desk.post(USERS, hidden(page) | {"reauthenticate": "yes"})
    assert OIDCSession.objects.count() == 1
    assert NOT_ASKED not in words(page)


@pytest.mark.parametrize(
    ("own_actions", "expected"),
    [
        ((), [EVERYWHERE]),
        (["export"], ["export", EVERYWHERE]),
        ([EVERYWHERE, "export"], [EVERYWHERE, "export"]),
        (None, None),
    ],
)
def test_mixin_adds_to_actions(own_actions, expected):
    mixin = import_string("django_oidc_logout.admin.SignOutEverywhereMixin")

    class UserAdmin(mixin, admin.ModelAdmin):
        actions = own_actions

    model_admin = UserAdmin(get_user_model(), admin.site)
    assert model_admin.actions == expected
    assert UserAdmin.actions == own_actions
