"""The page "Where you are signed in"."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError
from django.test import Client
from django.urls import NoReverseMatch, include, path, resolve, reverse
from django.utils import timezone

from django_oidc_logout import urls_account
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.sessions import engines
from django_oidc_logout.signals import session_ended
from tests.factories import PASSWORD_BACKEND, is_signed_in, query_of
from tests.urls import urlpatterns as site

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

urlpatterns = [path("oidc/", include("django_oidc_logout.urls_account")), *site]

PAGE = "/oidc/sessions/"
EVERYWHERE_ELSE = {"everywhere_else": "1"}


@pytest.fixture
def people(idp, sign_in):
    """Return clients: Ada's phone and desk, and Bob's only client."""
    clients = {"phone": sign_in(sid="phone"), "desk": sign_in(sid="desk")}
    idp.userinfo = {"email": "bob@example.com"}
    return clients | {"bob": sign_in(sub="bob", sid="bob")}


def still_in(people):
    return {name for name, client in people.items() if is_signed_in(client)}


def pk(sid):
    return str(OIDCSession.objects.get(sid=sid).pk)


def one(sid):
    return {"session": pk(sid)}


def words(response):
    text = response.content.decode().partition("<main>")[2]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", text)).split())


def listed(response):
    """Return the sessions that a page offers to end."""
    return set(re.findall(r'name="session" value="([^"]*)"', response.content.decode()))


# Where it is


def test_beside_the_other_urls():
    assert reverse("oidc_logout:sessions") == PAGE
    assert reverse("oidc_logout:logout") == "/oidc/logout/"
    assert urls_account.app_name == "oidc_logout"


def test_not_in_a_transaction():
    assert resolve(PAGE).func._non_atomic_requests == {"default"}


@pytest.mark.urls("tests.urls")
def test_off_unless_included(client):
    with pytest.raises(NoReverseMatch):
        reverse("oidc_logout:sessions")
    assert client.get(PAGE).status_code == 404


# What it shows


def test_own_sessions_are_shown(people):
    page = people["desk"].get(PAGE)
    assert listed(page) == {pk("desk"), pk("phone")}
    text = words(page)
    assert text.count("127.0.0.1") == 2
    assert text.count("(this session)") == 1
    assert text.index("(this session)") < text.index("Signed in:")  # the newest comes first
    assert "Sign out everywhere else" in text
    assert "no-store" in page["Cache-Control"]


def test_no_secret_is_shown(people):
    body = people["desk"].get(PAGE).content.decode()
    for row in OIDCSession.objects.all():
        assert row.id_token not in body
        assert row.session_key not in body
    for markup in ("<script", "style=", "onclick"):
        assert markup not in body


def test_only_this_one(people):
    text = words(people["bob"].get(PAGE))
    assert "(this session)" in text
    assert "everywhere else" not in text


def test_none(people):
    client = Client()
    client.force_login(get_user_model().objects.create(username="cid"), PASSWORD_BACKEND)
    text = words(client.get(PAGE))
    assert "You are not signed in to this site through an identity provider." in text
    assert "Sign out" not in text


def test_password_session_can_end_the_others(people):
    client = Client()
    client.force_login(get_user_model().objects.get(email="bob@example.com"), PASSWORD_BACKEND)
    assert "(this session)" not in words(client.get(PAGE))
    client.post(PAGE, EVERYWHERE_ELSE)
    assert still_in(people) == {"phone", "desk"}
    assert is_signed_in(client)


@pytest.mark.parametrize("engine", ["db", "signed_cookies"])
def test_expired_sessions_are_left_out(settings, sign_in, engine):
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    gone, live = sign_in(sid="gone"), sign_in(sid="live")
    if engine == "db":
        gone.session.delete(gone.session.session_key)
    past = timezone.now() - timedelta(seconds=1)
    OIDCSession.objects.filter(sid="gone").update(expires_at=past)
    assert listed(live.get(PAGE)) == {pk("live")}


def test_sessions_that_use_has_extended_are_listed(people):
    OIDCSession.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert listed(people["desk"].get(PAGE)) == {pk("desk"), pk("phone")}


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"provider": "", "issuer": "https://old.example.com/realm"}, "old.example.com"),
        ({"provider": "old", "issuer": "opaque"}, "opaque"),
    ],
)
def test_provider_that_is_not_configured(people, changed, name):
    OIDCSession.objects.update(**changed)
    assert name in words(people["desk"].get(PAGE))


# What it does


def test_provider_with_a_name(configure, people):
    configure(NAME="Company account")
    assert "Company account" in words(people["desk"].get(PAGE))


@pytest.mark.requirement("ASVS 7.5.2")
def test_another_session_ends(people):
    seen = []

    def ended(session, reason, **kwargs):
        seen.append((session.sid, reason))

    session_ended.connect(ended)
    answer = people["desk"].post(PAGE, one("phone"))
    session_ended.disconnect(ended)
    assert answer["Location"] == PAGE
    assert still_in(people) == {"desk", "bob"}
    assert seen == [("phone", "The person ended the session.")]


@pytest.mark.parametrize("acts_as_ada", [False, True])
def test_signal_names_who_signed_in(people, acts_as_ada):
    row = OIDCSession.objects.get(sid="desk")
    if acts_as_ada:
        row.user, row.acts_as = get_user_model().objects.create_user("boss"), row.user
        row.save()
    actors = []

    def ended(actor, **kwargs):
        actors.append(actor)

    session_ended.connect(ended)
    people["desk"].post(PAGE, EVERYWHERE_ELSE)
    session_ended.disconnect(ended)
    assert actors == [row.user]


@pytest.mark.requirement("ASVS 7.5.2")
def test_everywhere_else(people):
    assert people["desk"].post(PAGE, EVERYWHERE_ELSE)["Location"] == PAGE
    assert still_in(people) == {"desk", "bob"}
    assert people["desk"].post(PAGE, EVERYWHERE_ELSE)["Location"] == PAGE
    assert still_in(people) == {"desk", "bob"}


def test_this_session_signs_out_at_the_provider(idp, people):
    answer = people["desk"].post(PAGE, one("desk"))
    assert answer["Location"].startswith(f"{idp.issuer}/end-session?")
    assert query_of(answer)["id_token_hint"]
    assert answer.cookies["sessionid"]["max-age"] == 0
    assert still_in(people) == {"phone", "bob"}


@pytest.mark.parametrize("session", ["{bob}", "0", "-1", "abc", "", "9" * 400, "\0", "{phone} "])
def test_others_sessions_are_none_of_their_business(people, session):
    data = {"session": session.format(bob=pk("bob"), phone=pk("phone"))}
    assert people["desk"].post(PAGE, data).status_code == 404
    assert people["desk"].post(PAGE).status_code == 404
    assert still_in(people) == set(people)


def test_store_that_fails(people, monkeypatch):
    def fail(key):
        raise OSError("store is down")

    monkeypatch.setattr(engines, "delete", fail)
    answer = people["desk"].post(PAGE, one("phone"))
    assert answer.status_code == 503
    assert "1 session could not be ended. Please try again." in words(answer)
    assert listed(answer) == {pk("desk"), pk("phone")}


def test_csrf(people):
    client = Client(enforce_csrf_checks=True)
    client.cookies = people["desk"].cookies
    assert client.post(PAGE, one("phone")).status_code == 403
    assert still_in(people) == set(people)
    page = client.get(PAGE).content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]*)"', page)[1]
    answer = client.post(PAGE, {**one("phone"), "csrfmiddlewaretoken": token})
    assert answer.status_code == 302
    assert still_in(people) == {"desk", "bob"}


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody(people, client, method):
    answer = getattr(client, method)(PAGE, one("phone"))
    assert answer["Location"].startswith("/accounts/login/?next=")
    assert "no-store" in answer["Cache-Control"]
    assert still_in(people) == set(people)


def test_numbers_are_written_plainly(settings, people):
    settings.USE_THOUSAND_SEPARATOR = True
    OIDCSession.objects.filter(sid="phone").update(id=1234567)
    assert "1234567" in listed(people["desk"].get(PAGE))


def test_this_session_is_not_recorded(idp, people, sign_in, monkeypatch):
    """It is not a session by password, although it does not have a row."""

    def fail(*args, **kwargs):
        raise DatabaseError("down")

    with monkeypatch.context() as patch:
        patch.setattr("django_oidc_logout.sessions.record.record", fail)
        tablet = sign_in(sub="bob", sid="tablet")
        idp.userinfo = {"email": "eve@example.com"}
        eve = sign_in(sub="eve")
    only = "Where you are signed in This session could not be recorded, so it is not listed."
    assert words(eve.get(PAGE)) == only
    page = tablet.get(PAGE)
    assert listed(page) == {pk("bob")}
    assert "not listed" in words(page)
    assert "not listed" not in words(people["desk"].get(PAGE))
