"""The bridge to social-auth-app-django, which `e2e/sites` tries with the library itself."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model, login
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from django_oidc_logout.api import sign_out
from django_oidc_logout.checks import sign_ins
from django_oidc_logout.contrib.social import apps as bridge
from django_oidc_logout.contrib.social import sign_in
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.sessions import bound_store, pending
from tests import settings as plain
from tests.factories import query_of
from tests.test_origin import Social, SocialForm, library_class, warnings

pytestmark = pytest.mark.django_db
HERE = __name__
MODEL = "django.contrib.auth.backends.ModelBackend"
ENCRYPTED = "eyJhbGciOiJSU0EtT0FFUCJ9.a.b.c.d"
NO_HINT = "A backend of social-auth does not keep the ID Token"
NEEDED = {"social_django", "django_oidc_logout"}


class OIDC(library_class("social_core.backends.open_id_connect.OpenIdConnectAuth"), Social):
    name = "oidc"
    EXTRA_DATA = ("id_token", "refresh_token", ("sub", "id"))


class Forgetful(OIDC):
    name = "my-oidc"
    EXTRA_DATA = None


class Renames(OIDC):
    EXTRA_DATA = (("id_token", "token"),)


class KeepsAll(Forgetful):
    GET_ALL_EXTRA_DATA = True


class GitHub(Social):
    name = "github"


@pytest.fixture(autouse=True)
def _bridge(monkeypatch):
    """Install the bridge."""
    monkeypatch.setattr(pending, "_sources", {})
    monkeypatch.setattr(sign_in, "reported", set())
    monkeypatch.setattr(apps, "is_installed", {*plain.INSTALLED_APPS, *NEEDED}.__contains__)
    ready()


def ready():
    bridge.SocialConfig(sign_in.__package__, bridge).ready()


@pytest.mark.parametrize("missing", sorted(NEEDED))
def test_what_the_bridge_needs_is_named(monkeypatch, missing):
    monkeypatch.setattr(apps, "is_installed", (NEEDED - {missing}).__contains__)
    with pytest.raises(ImproperlyConfigured, match=missing):
        ready()


@pytest.fixture
def signed_in(rf):
    """Return a function that signs Ada in as social-auth does; it returns the request."""

    def signed_in(backend, extra_data, claims=None, name="oidc"):
        request = rf.get("/")
        request.session, request.user = SessionStore(), AnonymousUser()
        bound_store.bind(request)
        request.backend = SimpleNamespace(id_token=claims)
        ada, _ = get_user_model().objects.get_or_create(username="ada")
        ada.social_user = SimpleNamespace(provider=name, extra_data=extra_data)
        login(request, ada, backend=f"{HERE}.{backend}")
        return request

    return signed_in


@pytest.mark.parametrize("knows_claims", [True, False])
def test_sign_in_is_recorded_with_its_tokens(idp, signed_in, caplog, settings, knows_claims):
    settings.OIDC_LOGOUT_REVOKE_TOKENS = True
    claims = {"iss": idp.issuer, "sub": "ada", "sid": "session-1", "iat": 5}
    token = idp.id_token(iat=5)
    extra = {"id_token": token, "access_token": "opaque", "refresh_token": "refresh"}
    signed_in("OIDC", extra, claims if knows_claims else None)
    row = OIDCSession.objects.get()
    assert (row.id_token, row.refresh_token, row.sid) == (token, "refresh", "session-1")
    assert row.user.username == "ada"
    assert warnings(caplog) == []


@pytest.mark.parametrize("extra_data", [{}, None, "text", {"id_token": None}])
def test_backend_that_drops_the_id_token_is_told_once(idp, signed_in, caplog, outcomes, extra_data):
    claims = {"iss": idp.issuer, "sub": "ada", "aud": "site"}
    for _ in range(2):
        signed_in("OIDC", extra_data, claims)
    assert [row.id_token for row in OIDCSession.objects.all()] == ["", ""]
    (logged,) = warnings(caplog)
    assert logged.startswith(NO_HINT)
    assert 'add "id_token" to SOCIAL_AUTH_OIDC_EXTRA_DATA: backend=oidc' in logged


def test_id_token_of_an_earlier_sign_in_is_not_used(idp, signed_in):
    """A pipeline without `load_extra_data` keeps it."""
    claims = {"iss": idp.issuer, "sub": "ada", "aud": "site", "sid": "new", "iat": 5}
    signed_in("OIDC", {"id_token": idp.id_token(sid="old", iat=1)}, claims)
    row = OIDCSession.objects.get()
    assert (row.id_token, row.sid) == ("", "new")


def test_encrypted_id_token_is_recorded_by_its_claims(idp, signed_in):
    claims = {"iss": idp.issuer, "sub": "ada", "aud": "site"}
    signed_in("OIDC", {"id_token": ENCRYPTED}, claims)
    assert OIDCSession.objects.get().id_token == ""


@pytest.mark.parametrize(("backend", "provider"), [("OIDC", "redirect"), ("GitHub", "unavailable")])
@pytest.mark.usefixtures("idp")
def test_sign_in_without_a_token_is_marked(signed_in, outcomes, caplog, backend, provider):
    """Through OAuth alone, nothing says that it was the only provider."""
    for _ in range(2):
        response = sign_out(signed_in(backend, {}, name=backend.lower()))
    assert not OIDCSession.objects.exists()
    assert [(o.provider, o.recorded) for o in outcomes] == [(provider, False)] * 2
    assert [text[: len(NO_HINT)] for text in warnings(caplog) if NO_HINT in text] == [NO_HINT]
    if provider == "redirect":
        assert "client_id" in query_of(response)
    else:
        page = Client().get(response["Location"]).content.decode()
        assert "You may still be signed in" in page


@pytest.mark.parametrize("backend", ["SocialForm", "django.contrib.auth.backends.ModelBackend"])
def test_other_sign_ins_are_not_the_bridges(idp, rf, caplog, backend):
    """A form of social-auth, and a password although the user came by social-auth before."""
    assert SocialForm.__name__ == "SocialForm"
    request = rf.get("/")
    request.session, request.user = SessionStore(), AnonymousUser()
    ada = get_user_model().objects.create_user("ada")
    ada.social_user = SimpleNamespace(provider="username", extra_data={"id_token": idp.id_token()})
    login(request, ada, backend=backend if "." in backend else f"tests.test_origin.{backend}")
    assert not OIDCSession.objects.exists()
    assert warnings(caplog) == []


def test_backend_whose_name_is_an_alias_names_the_provider(idp, signed_in, configure):
    configure("oidc", ISSUER=idp.issuer, CLIENT_ID="site")
    signed_in("OIDC", {"id_token": idp.id_token()})
    assert OIDCSession.objects.get().provider == "oidc"
    signed_in("OIDC", {}, {"iss": idp.issuer, "sub": "ada", "aud": "site"})
    assert OIDCSession.objects.latest("pk").provider == "oidc"


def test_backend_whose_name_is_an_alias_of_another_issuer(idp, signed_in, configure):
    configure("oidc", ISSUER="https://other.example.com", CLIENT_ID="site")
    claims = {"iss": idp.issuer, "sub": "ada", "aud": "site"}
    signed_in("OIDC", {}, claims)
    assert OIDCSession.objects.get().provider == "default"


def test_source_that_fails_does_not_break_the_sign_in(idp, signed_in, caplog):
    pending.add_source(lambda request, user: user.nothing)
    pending._sources.pop(sign_in.tokens_of)
    assert signed_in("OIDC", {}).session["_auth_user_id"]
    assert "Could not record a sign-in" in caplog.text


class Azure(Social):
    name = "azuread-oauth2"
    EXTRA_DATA = ("id_token", ("expires_in", "expires"))


class Keycloak(Social):
    name = "keycloak"


@pytest.mark.parametrize(
    ("backend", "extra", "found"),
    [
        ("OIDC", {}, False),
        ("Forgetful", {}, True),
        ("Forgetful", {"SOCIAL_AUTH_MY_OIDC_EXTRA_DATA": ["id_token"]}, False),
        ("Forgetful", {"SOCIAL_AUTH_EXTRA_DATA": [["id_token", "id_token"]]}, False),
        ("Renames", {}, True),
        ("KeepsAll", {}, False),
        ("GitHub", {}, False),
        ("keycloak.Keycloak", {}, True),
        ("keycloak.Keycloak", {"SOCIAL_AUTH_KEYCLOAK_EXTRA_DATA": ["id_token"]}, False),
        ("azuread.Azure", {}, False),
    ],
)
def test_backends_that_drop_the_id_token(settings, monkeypatch, backend, extra, found):
    module, _, name = backend.rpartition(".")
    path = f"{HERE}.{name}"
    if module:  # the check knows these by their module
        path = f"library_of_the_test.{backend}"
        monkeypatch.setitem(
            sys.modules,
            f"library_of_the_test.{module}",
            SimpleNamespace(**{name: globals()[name]}),
        )
        monkeypatch.setattr(
            sign_ins.origin, "_ancestry", lambda path: {path, sign_ins.origin.SOCIAL}
        )
        monkeypatch.setattr(sign_ins.lookup, "load", lambda path: globals()[name])
    settings.AUTHENTICATION_BACKENDS = [path, MODEL]
    for setting, value in extra.items():
        setattr(settings, setting, value)
    installed = {*plain.INSTALLED_APPS, "django_oidc_logout.contrib.social"}
    monkeypatch.setattr(apps, "is_installed", installed.__contains__)
    found_messages = [m.id for m in sign_ins.check_extra_data() if path in m.msg]
    assert (found_messages == ["oidc_logout.W026"]) is found


def test_without_the_bridge_nothing_is_checked(settings):
    settings.AUTHENTICATION_BACKENDS = [f"{HERE}.Forgetful"]
    assert sign_ins.check_extra_data() == []
