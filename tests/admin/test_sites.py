"""The admin's own "Log out" button."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.messages import get_messages
from django.core.cache import cache
from django.test import Client, override_settings
from django.urls import resolve

from django_oidc_logout.sites import OIDCAdminSiteMixin
from tests.admin import settings
from tests.admin.conftest import permitted
from tests.factories import is_signed_in, query_of

SITES = pytest.mark.parametrize("index", ["/admin/", "/back-office/"])


@pytest.fixture
def staff(sign_in):
    """Return a function that signs staff in through the provider and returns the client."""

    def staff(client=None):
        client = sign_in(client)
        permitted(get_user_model().objects.get(email="ada@example.com"))
        return client

    return staff


class Forms(HTMLParser):
    """The methods and actions of the forms on a page."""

    def __init__(self, response):
        super().__init__()
        self.found = []
        self.feed(response.content.decode())

    def handle_starttag(self, tag, attrs):
        if tag == "form":
            values = dict(attrs)
            self.found.append((values.get("method"), values.get("action")))


@SITES
def test_button_signs_out_at_the_provider_and_comes_back(idp, staff, index):
    client = staff()
    page = client.get(index)
    assert ("post", f"{index}logout/") in Forms(page).found
    answer = client.post(f"{index}logout/")
    assert answer["Location"].startswith(f"{idp.issuer}/end-session?")
    assert query_of(answer)["id_token_hint"]
    assert "no-store" in answer["Cache-Control"]
    assert answer["Clear-Site-Data"] == '"storage"'
    assert answer.cookies["sessionid"]["max-age"] == 0
    assert not is_signed_in(client)
    back = client.get("/oidc/logout/callback/", {"state": query_of(answer)["state"]})
    assert back["Location"] == index
    assert client.get(index)["Location"] == f"{index}login/?next={index}"


@SITES
def test_password(desk, index):
    answer = desk.post(f"{index}logout/")
    assert answer["Location"] == index
    assert not is_signed_in(desk)


@override_settings(LOGOUT_REDIRECT_URL="bye", OIDC_LOGOUT_REDIRECT_URL="bye")
def test_redirect_is_to_the_index_whatever_the_settings_say(desk):
    assert desk.post("/admin/logout/")["Location"] == "/admin/"


@pytest.mark.parametrize("method", ["get", "head", "put"])
def test_django_handles_other_methods(desk, method):
    assert getattr(desk, method)("/admin/logout/").status_code == 405
    assert is_signed_in(desk)


def test_csrf(staff):
    client = staff(Client(enforce_csrf_checks=True))
    assert client.post("/admin/logout/").status_code == 403
    assert is_signed_in(client)
    token = client.get("/admin/").cookies["csrftoken"].value
    answer = client.post("/admin/logout/", {"csrfmiddlewaretoken": token})
    assert answer.status_code == 302
    assert not is_signed_in(client)


def test_nobody(client):
    assert client.post("/admin/logout/")["Location"] == "/admin/"


def test_provider_that_could_not_be_notified(idp, staff):
    client = staff()
    idp.metadata = {}
    cache.clear()
    answer = client.post("/admin/logout/")
    assert answer["Location"] == "/admin/"
    [message] = get_messages(answer.wsgi_request)
    assert "You may still be signed in at 127.0.0.1" in str(message)
    if settings.THEME != "jazzmin":  # its login page does not show messages
        assert str(message) in client.get("/admin/login/").content.decode()


def test_not_in_a_transaction():
    for index in ("/admin/", "/back-office/"):
        assert resolve(f"{index}logout/").func._non_atomic_requests == {"default"}


# Themes replace the default site with their own.


@pytest.fixture
def _site(monkeypatch):
    monkeypatch.setattr(admin, "site", admin.AdminSite())


@pytest.mark.usefixtures("_site")
def test_site_of_a_theme_signs_out_too():
    config = apps.get_app_config("admin")
    for _ in range(2):
        config.ready()
        assert isinstance(admin.site, OIDCAdminSiteMixin)
        assert type(admin.site).__name__ == "OIDCAdminSite"
    assert type(admin.site).__mro__.count(OIDCAdminSiteMixin) == 1


def test_default_site_is_ours():
    assert isinstance(admin.site, OIDCAdminSiteMixin)
