"""The migration guides, followed step by step while people are signed in."""

from __future__ import annotations

import logging
import re
import sys
from importlib import import_module
from types import ModuleType
from urllib.parse import urlencode

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import include, path

from django_oidc_logout.models import OIDCSession
from tests import settings as usual
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
        session = client.session
        for name, _ in [*session.items()]:
            if name.startswith("_oidc_logout"):
                del session[name]
        session.save()
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


@pytest.fixture(params=["ours alone", "django-lasuite's"])
def lasuite_backend(request, settings, monkeypatch):
    """Return the path of the page's backend, or of ours: the rest is about addresses."""
    if request.param == "ours alone":
        return "django_oidc_logout.backends.OIDCLogoutBackend"
    need_package("lasuite", "django-lasuite")
    settings.OIDC_FALLBACK_TO_EMAIL_FOR_IDENTIFICATION = False
    settings.OIDC_USER_SUB_FIELD = "username"
    page = (ROOT / "docs" / "how-to" / "migrate-from-django-lasuite.md").read_text()
    (block,) = (b for b in blocks_of(page) if b.first_line == "# backends.py")
    module = ModuleType("lasuite_backends")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(block.text, module.__dict__)
    module.Backend.get_extra_claims = lambda self, info: {}  # Django's user has no `name`
    return "lasuite_backends.Backend"


def test_from_django_lasuite(lasuite_backend, follow, idp, sign_in, settings):
    settings.AUTHENTICATION_BACKENDS = [lasuite_backend]
    idp.userinfo = {"sub": "ada", "email": "ada@example.com"}
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


@pytest.fixture
def mysite(monkeypatch, idp):
    """Return a function that makes the modules of a page importable, and returns its fragments."""

    def build(page):
        text = (ROOT / "docs" / "how-to" / f"{page}.md").read_text()
        text = text.replace(ISSUER, idp.issuer).replace("https://secure.login.gov/", idp.issuer)
        parts = [part for block in blocks_of(text) for part in block.fragments()]
        package = ModuleType("mysite")
        monkeypatch.setitem(sys.modules, "mysite", package)
        for part in parts:
            name = re.fullmatch(r"# mysite/(\w+)\.py", part.first_line)
            if name:
                module = ModuleType(f"mysite.{name[1]}")
                monkeypatch.setitem(sys.modules, module.__name__, module)
                setattr(package, name[1], module)
                exec(part.text, module.__dict__)
        return parts

    return build


def urls_on(parts):
    (written,) = (part for part in parts if part.first_line == "# urls.py")
    names = {"path": path, "include": include}
    if "urlpatterns" in written.text:
        exec(written.text, names)
        return names["urlpatterns"]
    return eval(f"[{written.text}]", names)


def settings_on(parts, settings, number=0, *, but=("INSTALLED_APPS",)):
    written = [part for part in parts if part.first_line == "# settings.py"][number]
    names = {"MIDDLEWARE": [*settings.MIDDLEWARE]}
    values = dict(names)
    exec(written.text, values)
    for name in [name for name in values if name.isupper() and name not in but]:
        setattr(settings, name, site.filled(values[name], names.get(name, [])))


def by_hand(complete, *given):
    """Return the URL of a view that calls a page's function as the last step of a sign-in."""

    def callback(request):
        user, _ = get_user_model().objects.get_or_create(username="ada")
        complete(request, user, *given)
        return HttpResponse()

    return path("signed-in/", callback)


def test_from_hand_written_views(follow, mysite, idp, settings):
    parts = mysite("migrate-from-hand-written-views")
    before = Client()
    user = get_user_model().objects.create(username="grace")
    settings_on(parts, settings)
    before.force_login(user, "mysite.backends.CompanyBackend")
    session = before.session
    session["id_token"] = idp.id_token(sub="grace", sid="session-0")
    session.save()

    id_token = idp.id_token()
    sign_in = by_hand(sys.modules["mysite.sign_in"].complete, {"id_token": id_token})
    urls = urls_on(parts)
    settings.ROOT_URLCONF = urls_of([sign_in, *urls])
    hints = []
    for client in before, Client():
        client.get("/signed-in/") if client is not before else None
        assert is_signed_in(client)
        query = query_of(client.post("/logout/"))
        assert query["client_id"] == "site"
        hints.append(query["id_token_hint"])
        assert not is_signed_in(client)
    assert hints == [session["id_token"], id_token]

    settings_on(parts, settings, number=1)
    partners = "https://partners.example.org"
    token = idp.id_token(iss=partners, aud="site-at-partners")
    sign_in = by_hand(sys.modules["mysite.sign_in"].complete, {"id_token": token})
    settings.ROOT_URLCONF = urls_of([sign_in, *urls])
    Client().get("/signed-in/")
    assert OIDCSession.objects.get().provider == "partners"


def test_from_login_gov_views(follow, mysite, idp, settings):
    parts = mysite("migrate-from-login-gov-views")
    backend = type("LoginGovBackend", (ModelBackend,), {})
    sys.modules["mysite"].backends = backends = ModuleType("mysite.backends")
    backends.LoginGovBackend = backend
    sys.modules["mysite.backends"] = backends
    settings_on(parts, settings)
    client_id = settings.OIDC_LOGOUT_PROVIDERS["login.gov"]["CLIENT_ID"]
    claims = {"iss": idp.issuer, "sub": "ada", "aud": client_id}
    sign_in = by_hand(sys.modules["mysite.sign_in"].complete, claims)
    settings.ROOT_URLCONF = urls_of([sign_in, *urls_on(parts)])
    client = Client()
    client.get("/signed-in/")
    assert OIDCSession.objects.get().provider == "login.gov"
    query = leaves(client, idp)
    assert query["client_id"] == client_id
    assert not {"id_token_hint", "logout_hint"} & query.keys()
    assert len(query["state"]) >= 22


PYOIDC_APPS = [*usual.INSTALLED_APPS, "django.contrib.messages", "django_pyoidc"]


@pytest.fixture
def pyoidc(idp, settings, transactional_db, caplog):
    need_package("django_pyoidc", "django-pyoidc")
    caplog.set_level(logging.WARNING, "oic")  # it logs tokens at DEBUG
    import_module("django_pyoidc.settings").OIDCSettingsFactory.get.cache_clear()
    idp.metadata |= {
        "authorization_endpoint": f"{idp.issuer}/authorize",
        "token_endpoint": f"{idp.issuer}/token",
        "userinfo_endpoint": f"{idp.issuer}/userinfo",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }
    idp.userinfo = {"sub": "ada", "email": "ada@example.com"}
    idp.token_response = {"token_type": "Bearer", "expires_in": 300}
    with override_settings(INSTALLED_APPS=PYOIDC_APPS):
        call_command("migrate", verbosity=0)
        yield


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what it depends on
def test_from_django_pyoidc(pyoidc, follow, mysite, idp, settings):
    parts = mysite("migrate-from-django-pyoidc")
    settings_on(parts, settings)
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
    settings.DJANGO_PYOIDC["company"]["use_introspection_on_access_tokens"] = False
    settings.ROOT_URLCONF = urls_of(urls_on(parts))
    client = Client()
    query = query_of(client.get("/company-login"))
    idp.claims = {"nonce": query["nonce"]}
    client.get("/company-callback", {"code": "code", "state": query["state"]})
    assert is_signed_in(client)
    row = OIDCSession.objects.get()
    assert (row.provider, row.sub, row.sid) == ("company", "ada", "session-1")
    assert leaves(client, idp)["id_token_hint"] == row.id_token
