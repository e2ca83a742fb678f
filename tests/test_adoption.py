"""Step by step: mozilla-django-oidc's own logout view, sent to the right address."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model, login, logout
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.middleware import SessionMiddleware
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import DatabaseError
from django.http import HttpResponse
from django.test import Client
from django.urls import include, path
from mozilla_django_oidc.views import OIDCLogoutView

from django_oidc_logout.api import remember_login, sign_out
from django_oidc_logout.backends import provider_logout_url
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.rp_initiated import return_to
from django_oidc_logout.sessions import engines
from tests.factories import PASSWORD_BACKEND, api_request, break_index, is_signed_in, query_of

pytestmark = pytest.mark.django_db

urlpatterns = [
    path("", lambda request: HttpResponse("home")),
    path("private/", lambda request: HttpResponse(f"private to {request.user}")),
    path("oidc/", include("mozilla_django_oidc.urls")),
]
# As above, and ours behind mozilla's: the callback is there, and the logout view is mozilla's.
urlpatterns_with_ours = [*urlpatterns, path("oidc/", include("django_oidc_logout.urls"))]


class Both:
    """A URLconf in which mozilla's view comes first."""

    urlpatterns = urlpatterns_with_ours


@pytest.fixture(autouse=True)
def _mozilla(settings):
    settings.ROOT_URLCONF = Both
    settings.LOGOUT_REDIRECT_URL = "/"
    settings.OIDC_OP_LOGOUT_URL_METHOD = "django_oidc_logout.backends.provider_logout_url"


def test_view_is_mozillas(client):
    assert client.get("/oidc/logout/").resolver_match.func.view_class is OIDCLogoutView


def test_mozillas_view_goes_to_the_provider_with_the_hint(idp, sign_in):
    client = sign_in()
    hint = OIDCSession.objects.get().id_token
    response = client.post("/oidc/logout/")
    assert response["Location"].startswith(f"{idp.issuer}/end-session?")
    query = query_of(response)
    assert (query["id_token_hint"], query["client_id"]) == (hint, "site")
    assert query["post_logout_redirect_uri"] == "http://testserver/oidc/logout/callback/"
    assert return_to.unsign(query["state"]).provider_outcome == "redirect"
    assert not is_signed_in(client)
    assert not Session.objects.exists()
    assert not OIDCSession.objects.exists()


def test_without_our_urls_there_is_no_way_back(idp, sign_in, settings):
    settings.ROOT_URLCONF = __name__
    query = query_of(sign_in().post("/oidc/logout/"))
    assert "id_token_hint" in query
    assert not {"post_logout_redirect_uri", "state"} & set(query)


def test_without_our_backend_the_hint_is_mozillas(idp, sign_in, settings):
    settings.AUTHENTICATION_BACKENDS = ["mozilla_django_oidc.auth.OIDCAuthenticationBackend"]
    settings.OIDC_STORE_ID_TOKEN = True
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "oidc_logout" not in name]
    client = sign_in()
    hint = client.session["oidc_id_token"]
    assert query_of(client.post("/oidc/logout/"))["id_token_hint"] == hint
    assert not OIDCSession.objects.exists()


def test_password_stays_on_the_site(client, django_user_model):
    django_user_model.objects.create_user("grace", password="hopper")
    client.login(username="grace", password="hopper")
    assert client.post("/oidc/logout/")["Location"] == "/"
    assert not is_signed_in(client)


def test_anonymous_click_is_mozillas_business(client):
    assert client.post("/oidc/logout/")["Location"] == "/"


def discovery_down(idp, configure, monkeypatch):
    idp.answers["/.well-known/openid-configuration"] = lambda handler: handler.send_error(503)
    cache.clear()


def discovery_hanging(idp, configure, monkeypatch):
    idp.answers["/.well-known/openid-configuration"] = lambda handler: handler.hang()
    configure(TIMEOUT=0.05)
    cache.clear()


def class_not_importable(idp, configure, monkeypatch):
    configure(BACKEND="nowhere.Provider")


def class_failing(idp, configure, monkeypatch):
    configure(BACKEND=f"{__name__}.Failing")


def issuer_changed(idp, configure, monkeypatch):
    configure(ISSUER="https://new.example.com")


def cache_down(idp, configure, monkeypatch):
    def down(*args, **kwargs):
        raise ConnectionError

    cache.clear()
    idp.stop()
    for name in ("get", "get_many"):
        monkeypatch.setattr(f"django_oidc_logout.framework.safe_cache.cache.{name}", down)


def index_down(idp, configure, monkeypatch):
    def down(model, **values):
        raise DatabaseError("down")

    configure(BACKEND="nowhere.Provider")
    break_index(monkeypatch, "select", down)
    break_index(monkeypatch, "delete", down)


class Failing:
    def __init__(self, options):
        raise ZeroDivisionError


TROUBLES = [
    discovery_down,
    discovery_hanging,
    class_not_importable,
    class_failing,
    issuer_changed,
    cache_down,
    index_down,
]


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.__name__)
def test_trouble_keeps_nobody_signed_in(idp, configure, sign_in, monkeypatch, trouble):
    client = sign_in()
    with monkeypatch.context() as patch:
        trouble(idp, configure, patch)
        response = client.post("/oidc/logout/")
    assert "You may still be signed in at " in client.get(response["Location"]).text
    assert not Session.objects.exists()
    assert not is_signed_in(client)


@pytest.mark.parametrize("storage", ["cookie.CookieStorage", "session.SessionStorage"])
def test_messages_do_not_carry_the_warning_of_another_view(idp, settings, sign_in, storage):
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.messages.middleware.MessageMiddleware",
    ]
    settings.MESSAGE_STORAGE = f"django.contrib.messages.storage.{storage}"
    client = sign_in()
    cache.clear()
    idp.answers.pop("/.well-known/openid-configuration")
    page = client.get(client.post("/oidc/logout/")["Location"])
    assert "You may still be signed in at 127.0.0.1." in page.text


def test_row_goes_with_the_session(idp, sign_in):
    clients = [sign_in(sid=sid) for sid in ("phone", "desk")]
    clients[0].post("/oidc/logout/")
    assert [row.sid for row in OIDCSession.objects.all()] == ["desk"]
    assert is_signed_in(clients[1])


def test_url_for_a_view_of_ones_own(idp, sign_in, rf):
    request = rf.get("/")
    request.session = sign_in(Client()).session
    assert provider_logout_url(request).startswith(f"{idp.issuer}/end-session?id_token_hint=")
    assert OIDCSession.objects.exists()


def test_tokens_kept_before_the_view_of_django_rest_framework_signs_in(idp, rf):
    request, ada = rf.get("/"), get_user_model().objects.create(username="ada")
    request.session = engines.store()()
    remember_login(request, idp.id_token())
    login(api_request(request), ada, PASSWORD_BACKEND)
    assert OIDCSession.objects.get().user == ada


@pytest.mark.parametrize("wrap", [lambda request: request, api_request])
def test_browser_forgets_a_session_that_the_store_cannot_delete(sign_in, rf, monkeypatch, wrap):
    request = rf.post("/")
    request.COOKIES["sessionid"] = sign_in().cookies["sessionid"].value
    for name in ("delete", "save"):
        monkeypatch.setattr(SessionStore, name, fail)
    signs_out = SessionMiddleware(lambda request: sign_out(wrap(request), return_to="/"))
    assert signs_out(request).cookies["sessionid"].value == ""


def fail(*_arguments, **_options):
    raise OSError("the store is down")


@pytest.mark.usefixtures("idp")
def test_url_for_a_view_of_django_rest_framework(sign_in, rf, outcomes):
    request = rf.get("/")
    request.session = sign_in(Client()).session
    provider_logout_url(api_request(request))
    logout(request)
    assert [outcome.provider for outcome in outcomes] == ["redirect"]
