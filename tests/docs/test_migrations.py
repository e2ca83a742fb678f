"""The migration guides, followed step by step while people are signed in."""

from __future__ import annotations

from types import ModuleType
from urllib.parse import urlencode

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import include, path

from django_oidc_logout.models import OIDCSession
from tests.absence import need_package
from tests.docs import site
from tests.docs.markdown import ROOT, blocks_of
from tests.factories import is_signed_in, query_of
from tests.urls import urlpatterns as tests_urls

pytestmark = pytest.mark.django_db

OURS = "django_oidc_logout"
PAGES = [pattern for pattern in tests_urls if not str(pattern.pattern).startswith("oidc/")]
EVENTS = {"http://schemas.openid.net/event/backchannel-logout": {}}
ISSUER = "https://idp.example.com/realms/main"


def urls_of(patterns):
    """Return a URLconf with the tests' pages and these."""
    module = ModuleType("urls_of_a_step")
    module.urlpatterns = [*PAGES, *patterns]
    return module


@pytest.fixture
def follow(idp, settings):
    """Return a function that does what the fragments on a page say, for the site as it is."""
    need_package("markdown_it", "markdown-it-py")
    settings.AUTHENTICATION_BACKENDS = ["mozilla_django_oidc.auth.OIDCAuthenticationBackend"]
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if OURS not in name]
    settings.LOGOUT_REDIRECT_URL = "/"
    settings.OIDC_LOGOUT_PROVIDERS = None
    settings.ROOT_URLCONF = urls_of([path("oidc/", include("mozilla_django_oidc.urls"))])

    def do(page, *, settings_number=None, urls=False):
        text = (ROOT / "docs" / "how-to" / f"{page}.md").read_text().replace(ISSUER, idp.issuer)
        text = text.replace("https://www.example.com", "http://testserver")
        text = text.replace("api/v1.0/", "oidc/")  # where the tests' people sign in
        parts = [part for block in blocks_of(text) for part in block.fragments()]
        if settings_number is not None:
            written = [part for part in parts if part.first_line == "# settings.py"]
            apply_settings(written[settings_number], settings)
        if urls:
            (written,) = (part for part in parts if part.first_line == "# urls.py")
            namespace = {"path": path, "include": include}
            exec(written.text, namespace)
            settings.ROOT_URLCONF = urls_of(namespace["urlpatterns"])

    return do


def apply_settings(fragment, settings):
    names = {"INSTALLED_APPS": [*settings.INSTALLED_APPS], "MIDDLEWARE": [*settings.MIDDLEWARE]}
    written = dict(names)
    exec(fragment.text, written)
    for name, value in written.items():
        if name.isupper() and value != names.get(name):
            setattr(settings, name, site.filled(value, names.get(name, [])))


@pytest.fixture
def sign_in_before(sign_in):
    """Return a function that signs a client in while the site lacks this app."""

    def start():
        client = sign_in()
        OIDCSession.objects.all().delete()
        return client

    return start


def leaves(client, idp):
    """Press the button; return the query of the request to the provider, or None."""
    answer = client.post("/oidc/logout/")
    assert answer.status_code == 302
    assert not is_signed_in(client)
    if answer["Location"].startswith(f"{idp.issuer}/end-session?"):
        return query_of(answer)
    assert answer["Location"] == "/"
    return None


def test_from_mozillas_logout_view(follow, idp, sign_in, sign_in_before):
    page = "migrate-from-mozilla-logout-view"
    assert leaves(sign_in_before(), idp) is None
    from_before = sign_in_before()

    follow(page, settings_number=0, urls=True)
    assert is_signed_in(from_before)
    query = leaves(from_before, idp)
    assert query["client_id"] == "site"
    assert "id_token_hint" not in query
    query = leaves(sign_in(), idp)
    assert "id_token_hint" in query
    assert query["post_logout_redirect_uri"] == "http://testserver/oidc/logout/callback/"
    assert Client().get("/oidc/logout/callback/", {"state": query["state"]})["Location"] == "/"
    assert not Session.objects.exists()


def test_from_a_hand_written_url(follow, idp, sign_in, sign_in_before, settings):
    page = "migrate-from-hand-written-url"
    settings.OIDC_STORE_ID_TOKEN = True
    from_before, other_from_before = sign_in_before(), sign_in_before()

    follow(page, settings_number=0)
    query = leaves(from_before, idp)
    assert "id_token_hint" in query
    assert query["post_logout_redirect_uri"] == "http://testserver/"

    follow(page, settings_number=1)
    assert is_signed_in(other_from_before)
    assert "id_token_hint" in leaves(sign_in(), idp)

    follow(page, urls=True)
    del settings.OIDC_LOGOUT_PROVIDERS["default"]["POST_LOGOUT_REDIRECT_URI"]
    settings.OIDC_OP_LOGOUT_URL_METHOD = None
    for client in other_from_before, sign_in():
        query = leaves(client, idp)
        assert "id_token_hint" in query
        assert query["post_logout_redirect_uri"] == "http://testserver/oidc/logout/callback/"


def test_from_django_lasuite(follow, idp, sign_in, settings):
    """Ours in the place of its backend: it is about addresses that need not be registered anew."""
    settings.AUTHENTICATION_BACKENDS = ["django_oidc_logout.backends.OIDCLogoutBackend"]
    follow("migrate-from-django-lasuite", settings_number=0, urls=True)
    query = leaves(sign_in(sid="phone"), idp)
    assert query["post_logout_redirect_uri"] == "http://testserver/oidc/logout-callback/"
    back = Client().get("/oidc/logout-callback/", {"state": query["state"]})
    assert (back.status_code, back["Location"]) == (302, "/")

    desk = sign_in(sid="desk")
    answer = Client().post(
        "/oidc/backchannel-logout/",
        urlencode({"logout_token": idp.logout_token(sid="desk")}),
        content_type="application/x-www-form-urlencoded",
    )
    assert answer.status_code == 200
    assert not is_signed_in(desk)
