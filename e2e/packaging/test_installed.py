"""The wheel, installed into an empty environment and used as the README says."""

from __future__ import annotations

import os

import pytest

from e2e.packaging import readme
from e2e.packaging.conftest import ROOT, run

# What mozilla-django-oidc wants to know; and an address, so that no provider need be asked.
SURROUNDINGS = """
OIDC_RP_CLIENT_ID, OIDC_RP_CLIENT_SECRET, OIDC_RP_SIGN_ALGO = "site", "a client's secret", "RS256"
OIDC_OP_AUTHORIZATION_ENDPOINT = OIDC_OP_TOKEN_ENDPOINT = OIDC_OP_USER_ENDPOINT = (
    OIDC_OP_JWKS_ENDPOINT
) = "https://idp.example.com/realms/main/there"
OIDC_LOGOUT_PROVIDERS["default"]["END_SESSION_ENDPOINT"] = "https://idp.example.com/end"
"""

SETTINGS = f"""
APPS, LAYERS = INSTALLED_APPS, MIDDLEWARE
{readme.SETTINGS}
INSTALLED_APPS = [*APPS, *(name for name in INSTALLED_APPS if name is not ...)]
MIDDLEWARE = [name for name in MIDDLEWARE if name is not ...]
PLACE = LAYERS.index(MIDDLEWARE[0])
MIDDLEWARE = [*LAYERS[:PLACE], *MIDDLEWARE, *LAYERS[PLACE + 1 :]]
ALLOWED_HOSTS = ["testserver"]
{SURROUNDINGS}
"""

URLS = f"""
from django.urls import include

urlpatterns += [
{readme.URLS}
]
"""

VISIT = """
import base64, json
from django.contrib.auth import get_user_model, login
from django.test import Client, RequestFactory
from django_oidc_logout.api import remember_login
from django_oidc_logout.models import OIDCSession

client = Client()
client.force_login(get_user_model().objects.create_user("ada"))
request = RequestFactory().get("/")
request.session = client.session
claims = {"iss": "https://idp.example.com/realms/main", "sub": "ada", "aud": "site"}
parts = ({"alg": "RS256"}, claims, "signature")
encode = base64.urlsafe_b64encode
encoded = ".".join(encode(json.dumps(part).encode()).decode().strip("=") for part in parts)
assert remember_login(request, encoded)
request.session.save()

asked = client.get("/oidc/logout/")
assert asked.status_code == 200 and b"<form" in asked.content, asked
answer = client.post("/oidc/logout/")
assert answer.status_code == 302, answer
assert answer["Location"].startswith("https://idp.example.com/end?id_token_hint=ey"), answer
assert not OIDCSession.objects.exists() and not client.session.session_key
print("signed out")
"""

# Each module but those that need an extra or settings of their own; no test, and no tool for one.
EVERY_MODULE = """
import importlib, pkgutil, sys
import django_oidc_logout

for module in pkgutil.walk_packages(django_oidc_logout.__path__, "django_oidc_logout."):
    if not module.name.startswith(("django_oidc_logout.contrib.", "django_oidc_logout.demo.")):
        importlib.import_module(module.name)
assert "site-packages" in django_oidc_logout.__file__
print(len(sys.modules), "modules")
"""


@pytest.fixture(scope="module")
def site(newcomer, tmp_path_factory):
    """Return a function that runs `manage.py` in a project made as the README says."""
    folder = tmp_path_factory.mktemp("site")
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("PY", "DJANGO"))
    }

    def manage(*arguments, **options):
        return run(newcomer, "manage.py", *arguments, cwd=folder, env=clean, **options)

    run(newcomer, "-m", "django", "startproject", "mysite", folder, env=clean)
    for name, text in (("settings", SETTINGS), ("urls", URLS)):
        with (folder / "mysite" / f"{name}.py").open("a") as file:
            file.write(text)
    manage("migrate", "--verbosity=0")
    return manage


def test_it_is_not_the_checkout_that_is_used(site):
    assert str(ROOT) not in site("shell", "--command", "import django_oidc_logout as it; print(it)")


def test_nothing_is_to_be_checked(site):
    assert "no issues" in site("check", "--fail-level=WARNING")


def test_no_migration_is_missing(site):
    site("makemigrations", "--check", "--dry-run")


def test_every_module_needs_no_more_than_it_says(site):
    assert "modules" in site("shell", "--command", EVERY_MODULE)


def test_somebody_signs_out(site):
    assert "signed out" in site("shell", "--command", VISIT)


def test_static_files_are_found(site):
    assert "pages.css" in site("findstatic", "oidc_logout/pages.css")


def test_pages_are_in_the_language_of_the_browser(site):
    greeting = (
        "from django.test import Client; from django.conf import settings; "
        "settings.MIDDLEWARE.append('django.middleware.locale.LocaleMiddleware'); "
        "print(Client().get('/oidc/logout/', headers={'accept-language': 'de'}).text)"
    )
    assert "Abmelden" in site("shell", "--command", greeting)
