"""How a session began, and what happens if nothing recorded it: nobody is taken for a stranger."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model, login
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpResponse
from django.test import Client
from django.urls import path

from django_oidc_logout import api
from django_oidc_logout.checks import sign_ins
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.sessions import bound_store, entry, origin, unrecorded
from tests import settings as plain
from tests.factories import query_of

HERE = __name__
MODEL = "django.contrib.auth.backends.ModelBackend"
REMOTE = "django.contrib.auth.backends.RemoteUserBackend"
OWN = "django_oidc_logout.backends.OIDCLogoutBackend"
ALLAUTH = "allauth.account.auth_backends.AuthenticationBackend"
SOCIALACCOUNT = [{"method": "password"}, {"method": "socialaccount", "provider": "main"}]


def library_class(path):
    """Return a class that has the dotted path of another library's, which is not installed."""
    module, _, name = path.rpartition(".")
    return type(name, (ModelBackend,), {"__module__": module, "__qualname__": name})


class Social(library_class("social_core.backends.base.BaseAuth")):
    pass


class SocialForm(library_class("social_core.backends.legacy.LegacyAuth"), Social):
    pass


class ADFS(library_class("django_auth_adfs.backend.AdfsBaseBackend")):
    pass


class Allauth(library_class("allauth.account.auth_backends.AuthenticationBackend")):
    pass


class LookAlike(ModelBackend):
    pass


def by(path, **others):
    return {"_auth_user_id": "1", "_auth_user_backend": path, **others}


@pytest.mark.parametrize(
    ("session", "expected"),
    [
        ({}, False),
        (by(MODEL), False),
        (by(REMOTE), False),
        (by(f"{HERE}.LookAlike"), False),
        (by("nowhere.Backend"), False),
        (by(origin.MOZILLA), True),
        (by(OWN), True),
        (by(MODEL, oidc_id_token_expiration=0), True),
        (by(f"{HERE}.Social"), True),
        (by(f"{HERE}.SocialForm"), False),
        (by(MODEL, social_auth_last_login_backend="oidc"), True),
        (by(MODEL, social_auth_last_login_backend="email"), False),
        (by(f"{HERE}.ADFS"), True),
        (by(origin.ADFS), True),  # even if the library was removed
        (by(ALLAUTH), False),
        (by(ALLAUTH, account_authentication_methods=SOCIALACCOUNT[:1]), False),
        (by(ALLAUTH, account_authentication_methods=SOCIALACCOUNT), True),
        (by(MODEL, account_authentication_methods=SOCIALACCOUNT), True),
        (
            by(
                ALLAUTH,
                account_authentication_methods=SOCIALACCOUNT,
                account_authentication_methods_user="2",
            ),
            False,
        ),
        (by(ALLAUTH, account_authentication_methods="garbage"), False),
        (by(ALLAUTH, account_authentication_methods=["garbage"]), False),
    ],
)
def test_how_a_session_began(session, expected):
    assert origin.is_through_provider(session) is expected


@pytest.mark.parametrize(
    ("listed", "session", "expected"),
    [
        ([f"{HERE}.LookAlike"], by(f"{HERE}.LookAlike"), True),
        ((MODEL,), by(f"{HERE}.LookAlike"), True),  # it is a subclass
        ([f"{HERE}.LookAlike"], by(MODEL), False),
        ([f"{HERE}.LookAlike"], by(OWN), False),
        ([], by(OWN, oidc_id_token_expiration=0), False),
        ([MODEL], {}, False),
        ("not a list", by(OWN), True),
    ],
)
def test_backends_that_the_site_lists(settings, listed, session, expected):
    settings.OIDC_LOGOUT_BACKENDS = listed
    assert origin.is_through_provider(session) is expected


def logged_in(request, backend, **session):
    """Return a request of Ada's, on which `login()` was called."""
    if not hasattr(request, "session"):
        request.session, request.user = SessionStore(), AnonymousUser()
    request.session.update(session)
    ada, _ = get_user_model().objects.get_or_create(username="ada")
    login(request, ada, backend=backend)
    return request


def warnings(caplog):
    return [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("backend", "session", "remedy"),
    [
        (origin.MOZILLA, {}, "add OIDCLogoutMixin to your backend"),
        (f"{HERE}.Social", {}, 'add "django_oidc_logout.contrib.social" to INSTALLED_APPS'),
        (f"{HERE}.ADFS", {}, 'add "django_oidc_logout.contrib.adfs" to INSTALLED_APPS'),
        (
            f"{HERE}.Allauth",
            {"account_authentication_methods": SOCIALACCOUNT},
            'add "django_oidc_logout.contrib.allauth" to INSTALLED_APPS',
        ),
    ],
)
def test_unrecorded_sign_in_is_marked_logged_and_signed_out_at_the_provider(  # noqa: PLR0913, PLR0917  # a row of the table
    rf, idp, caplog, outcomes, backend, session, remedy
):
    request = logged_in(rf.get("/"), backend, **session)
    (logged,) = warnings(caplog)
    assert logged.startswith("Nothing recorded a sign-in through a provider")
    assert f"{remedy}: backend={backend}" in logged
    query = query_of(api.sign_out(request))
    assert query["client_id"] == "site"
    assert "id_token_hint" not in query
    (outcome,) = outcomes
    assert (outcome.provider, outcome.recorded) == ("redirect", False)


@pytest.mark.django_db
def test_password_is_not_a_sign_in_through_a_provider(rf, idp, caplog, outcomes):
    request = logged_in(rf.get("/"), MODEL)
    assert api.sign_out(request)["Location"].startswith("/oidc/logout/callback/")
    assert warnings(caplog) == []
    assert (outcomes[0].provider, outcomes[0].recorded) == ("skipped", True)


@pytest.mark.django_db
@pytest.mark.parametrize("order", ["before", "after", "never"])
def test_sites_own_code_records_before_or_after_login(settings, idp, caplog, order):
    """The middleware waits until the end of the request before it logs."""
    settings.OIDC_LOGOUT_BACKENDS = [f"{HERE}.LookAlike"]
    token = idp.id_token()

    def callback(request):
        if order == "before":
            api.remember_login(request, token)
        logged_in(request, f"{HERE}.LookAlike")
        if order == "after":
            api.remember_login(request, token)
        return HttpResponse()

    settings.ROOT_URLCONF = type("urls", (), {"urlpatterns": [path("callback/", callback)]})
    Client().get("/callback/")
    logged = warnings(caplog)
    if order == "never":
        assert [text.partition(",")[2] for text in logged] == [
            f" its sign-out will lack the hint, call remember_login(): backend={HERE}.LookAlike"
        ]
    else:
        assert logged == []
        assert OIDCSession.objects.get().user.username == "ada"


@pytest.mark.django_db
def test_page_says_that_an_unknown_provider_was_not_told(rf, idp, configure, outcomes):
    configure("default", CLIENT_ID="site")
    configure("other", ISSUER="https://other.example.com", CLIENT_ID="site")
    request = logged_in(rf.get("/"), f"{HERE}.Social")
    response = api.sign_out(request)
    assert (outcomes[0].provider, outcomes[0].recorded) == ("unavailable", False)
    page = Client().get(response["Location"]).content.decode()
    assert "You may still be signed in" in page


@pytest.mark.django_db
@pytest.mark.parametrize(("backend", "alias"), [(OWN, "default"), (f"{HERE}.ADFS", "")])
def test_settings_of_mozillas_are_those_of_the_default_provider(rf, configure, backend, alias):
    configure("default", CLIENT_ID="site")
    configure("other", ISSUER="https://other.example.com", CLIENT_ID="site")
    assert entry.provider_alias(logged_in(rf.get("/"), backend).session) == alias


@pytest.mark.django_db
def test_mark_follows_somebody_who_acts_as_another_user(rf, idp, caplog, client, outcomes):
    """As django-hijack does it, here with the password backend."""
    request = rf.get("/")
    request.session, request.user = SessionStore(), AnonymousUser()
    bound_store.bind(request)
    logged_in(request, f"{HERE}.Social")
    grace = get_user_model().objects.create_user("grace")
    login(request, grace, backend=MODEL)
    assert "client_id" in query_of(api.sign_out(request))
    assert outcomes[0].recorded is False


def module(**names):
    made = ModuleType("site_of_the_test")
    vars(made).update(names)
    return made


def by_name(request):
    return api.remember_login(request)


@pytest.mark.parametrize(
    ("name", "names", "expected"),
    [
        ("site_of_the_test", {"remember_login": api.remember_login}, True),
        ("site_of_the_test", {"api": api, "view": by_name}, True),
        ("site_of_the_test", {"api": api, "view": warnings}, False),
        ("site_of_the_test", {"view": by_name}, False),
        ("site_of_the_test", {"remember_login": warnings}, False),
        ("site_of_the.tests.test_login", {"remember_login": api.remember_login}, False),
        ("django_oidc_logout_of_the_test", {"remember_login": api.remember_login}, False),
    ],
)
def test_sites_that_call_remember_login(settings, monkeypatch, name, names, expected):
    settings.AUTHENTICATION_BACKENDS = [MODEL]
    monkeypatch.setitem(sys.modules, name, module(**names))
    assert (sign_ins.check_recording() == []) is expected


@pytest.mark.parametrize(
    ("backend", "library", "bridge"),
    [
        (f"{HERE}.Social", "social_django", "django_oidc_logout.contrib.social"),
        (f"{HERE}.ADFS", "django_auth_adfs", "django_oidc_logout.contrib.adfs"),
    ],
)
def test_bridge_satisfies_the_checks(settings, monkeypatch, backend, library, bridge):
    settings.AUTHENTICATION_BACKENDS = [backend]
    names = {*plain.INSTALLED_APPS}
    monkeypatch.setattr(apps, "is_installed", names.__contains__)
    (message,) = sign_ins.check_recording()
    assert backend in message.msg
    assert bridge in message.hint
    assert sign_ins.check_bridges() == []
    names.add(library)
    (message,) = sign_ins.check_bridges()
    assert (message.id, bridge in message.hint) == ("oidc_logout.W030", True)
    assert sign_ins.check_recording() == []
    monkeypatch.setattr(sign_ins, "calls_remember_login", lambda: True)
    assert sign_ins.check_bridges() == []


def test_bridge_needs_no_backend_of_its_own(settings, monkeypatch):
    """allauth signs people in by its own backend, and its bridge knows which came by a provider."""
    settings.AUTHENTICATION_BACKENDS = [f"{HERE}.Allauth"]
    names = {*plain.INSTALLED_APPS, "django_oidc_logout.contrib.allauth"}
    monkeypatch.setattr(apps, "is_installed", names.__contains__)
    assert sign_ins.check_recording() == []


def test_password_sign_ins_of_allauth_need_no_bridge(settings):
    settings.AUTHENTICATION_BACKENDS = [OWN, f"{HERE}.Allauth"]
    assert sign_ins.check_recording() == []


def test_remedies_are_for_each_library():
    assert unrecorded.remedy_for(MODEL) == "call remember_login()"
