"""Django's messages warn people who do not land on the signed-out page."""

from __future__ import annotations

import pytest
from django.contrib.messages import get_messages

from django_oidc_logout.models import OIDCSession

pytestmark = pytest.mark.django_db

GOOGLE = "django_oidc_logout.providers.GoogleProvider"
STAY = "You are signed out here. You may still be signed in at {}."


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
