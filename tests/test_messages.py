"""Django's messages warn people who do not land on the signed-out page."""

from __future__ import annotations

import pytest
from django.contrib.messages import ERROR, get_messages
from django.contrib.messages.storage.base import BaseStorage
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import path

from django_oidc_logout.api import sign_out as sign_out_in_code
from django_oidc_logout.models import OIDCSession

pytestmark = pytest.mark.django_db

GOOGLE = "django_oidc_logout.providers.GoogleProvider"
STAY = "You are signed out here. You may still be signed in at {}."
PAGE = "/oidc/logout/callback/?state="
STORAGES = "django.contrib.messages.storage"


class StorageOfASite(BaseStorage):
    """Nobody knows where it stores its messages."""

    def _get(self):
        return [], True


@pytest.fixture(autouse=True)
def _messages(settings):
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "django.contrib.messages"]
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.messages.middleware.MessageMiddleware",
    ]


def messages_of(answer):
    return [str(message) for message in get_messages(answer.wsgi_request)]


@pytest.fixture
def sign_out(sign_in):
    def sign_out(data=None, **headers):
        return sign_in().post("/oidc/logout/", data or {}, headers=headers)

    return sign_out


@pytest.fixture
def down(idp):
    idp.answers["/.well-known/openid-configuration"] = lambda handler: handler.send_error(503)


@pytest.mark.usefixtures("down")
@pytest.mark.parametrize("landing", ["next", "setting"])
def test_provider_that_could_not_be_notified(settings, sign_out, landing):
    settings.LOGOUT_REDIRECT_URL = "bye" if landing == "setting" else None
    answer = sign_out({"next": "/bye/"} if landing == "next" else {})
    assert answer["Location"] == "/bye/"
    assert messages_of(answer) == [STAY.format("127.0.0.1")]


def test_provider_that_cannot_be_notified(configure, sign_out):
    configure(BACKEND=GOOGLE)
    assert messages_of(sign_out({"next": "/bye/"})) == [STAY.format("Google")]


def test_provider_that_is_not_configured(configure, sign_out):
    configure(ISSUER="https://other.example.com")
    assert messages_of(sign_out({"next": "/bye/"})) == [STAY.format("your identity provider")]


@pytest.mark.usefixtures("down")
def test_signed_out_page_needs_no_message(sign_out):
    assert messages_of(sign_out()) == []


@pytest.mark.usefixtures("down")
def test_json_needs_no_message(sign_out):
    assert messages_of(sign_out({"next": "/bye/"}, accept="application/json")) == []


def test_no_message_if_all_went_well(sign_out):
    assert messages_of(sign_out({"next": "/bye/"})) == []
    assert messages_of(sign_out({"next": "/bye/", "local": "1"})) == []


@pytest.mark.usefixtures("down")
def test_no_message_if_nobody_was_signed_in(client):
    assert messages_of(client.post("/oidc/logout/", {"next": "/bye/"})) == []


def test_password(client, admin_user):
    client.force_login(admin_user, backend="django.contrib.auth.backends.ModelBackend")
    assert messages_of(client.post("/oidc/logout/", {"next": "/bye/"})) == []
    assert not OIDCSession.objects.exists()


@pytest.mark.usefixtures("down")
@pytest.mark.parametrize("storage", ["cookie.CookieStorage", "fallback.FallbackStorage"])
def test_messages_in_cookies_carry_the_warning(settings, sign_out, storage):
    settings.MESSAGE_STORAGE = f"{STORAGES}.{storage}"
    answer = sign_out({"next": "/bye/"})
    assert answer["Location"] == "/bye/"
    assert messages_of(answer) == [STAY.format("127.0.0.1")]
    assert answer.cookies["messages"].value
    assert (answer.cookies["sessionid"].value, Session.objects.count()) == ("", 0)


# Why messages cannot carry a warning to the target without a new session: settings and a cookie.
CANNOT_CARRY = {
    "not installed": ({"MIDDLEWARE": None}, ""),
    "in the session": ({"MESSAGE_STORAGE": f"{STORAGES}.session.SessionStorage"}, ""),
    "in an unknown place": ({"MESSAGE_STORAGE": f"{__name__}.StorageOfASite"}, ""),
    "errors only": ({"MESSAGE_LEVEL": ERROR}, ""),
    "a cookie that is cleared": ({"OIDC_LOGOUT_CLEAR_SITE_DATA": ["cookies"]}, ""),
    "a cookie that is full": ({}, "x" * 1025),
}


@pytest.fixture(params=CANNOT_CARRY.values(), ids=CANNOT_CARRY)
def client_without_messages(request, settings, sign_in):
    """Return a client that is signed in, on a site whose messages cannot carry a warning."""
    changes, cookie = request.param
    for name, value in changes.items():
        setattr(settings, name, value or settings.MIDDLEWARE[:-1])
    client = sign_in()
    if cookie:
        client.cookies["messages"] = cookie
    return client


@pytest.mark.usefixtures("down")
@pytest.mark.parametrize("landing", ["next", "setting"])
def test_signed_out_page_warns_if_messages_cannot(client_without_messages, settings, landing):
    settings.LOGOUT_REDIRECT_URL = "/bye/" if landing == "setting" else None
    client = client_without_messages
    answer = client.post("/oidc/logout/", {"next": "/bye/"} if landing == "next" else {})
    assert answer["Location"].startswith(PAGE)
    assert messages_of(answer) == []
    assert (answer.cookies["sessionid"].value, Session.objects.count()) == ("", 0)
    page = client.get(answer["Location"])
    assert "You may still be signed in at 127.0.0.1." in page.text
    assert '<a href="/bye/">Back to the site</a>' in page.text
    assert "Clear-Site-Data" not in page.headers


@pytest.mark.usefixtures("down")
def test_scripts_are_told_the_target(client_without_messages):
    answer = client_without_messages.post(
        "/oidc/logout/", {"next": "/bye/"}, headers={"accept": "application/json"}
    )
    assert (answer.json()["redirect_to"], answer.json()["provider"]) == ("/bye/", "unavailable")


@pytest.mark.usefixtures("down")
def test_nobody_is_warned_who_was_not_signed_in(client_without_messages):
    assert Client().post("/oidc/logout/", {"next": "/bye/"})["Location"] == "/bye/"


def test_page_is_not_shown_if_nobody_is_misled(client_without_messages):
    answer = client_without_messages.post("/oidc/logout/", {"next": "/bye/", "local": "1"})
    assert answer["Location"] == "/bye/"


@pytest.mark.usefixtures("down")
@pytest.mark.parametrize(
    ("storage", "shown"), [("cookie.CookieStorage", 1), ("session.SessionStorage", 0)]
)
def test_messages_are_all_there_is_without_the_packages_urls(settings, sign_in, storage, shown):
    settings.MESSAGE_STORAGE = f"{STORAGES}.{storage}"
    client = sign_in()
    settings.ROOT_URLCONF = "tests.test_messages"
    answer = client.post("/leave/")
    assert answer["Location"] == "/"
    assert len(messages_of(answer)) == shown
    assert (answer.cookies["sessionid"].value, Session.objects.count()) == ("", 0)


urlpatterns = [path("leave/", sign_out_in_code)]
