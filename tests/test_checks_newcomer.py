"""System checks find nothing in a new project that follows the README."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.factories import UNDECIDED

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
LINES = re.search(r"```python\n# settings.py\n(.*?)# urls.py\n(.*?)```", README, re.DOTALL)
# The settings that mozilla-django-oidc requires; WITH_KEYS is for providers with keys.
MOZILLA_SETTINGS = """
OIDC_RP_CLIENT_ID = "site"
OIDC_RP_CLIENT_SECRET = "the site's secret"
OIDC_OP_AUTHORIZATION_ENDPOINT = "https://idp.example.com/authorize"
OIDC_OP_TOKEN_ENDPOINT = "https://idp.example.com/token"
OIDC_OP_USER_ENDPOINT = "https://idp.example.com/userinfo"
"""
WITH_KEYS = """
OIDC_RP_SIGN_ALGO = "RS256"
OIDC_OP_JWKS_ENDPOINT = "https://idp.example.com/jwks"
"""
# Merges the README's lines into the settings that `startproject` writes.
TYPED = """
def merged(written, usual):
    new = [entry for entry in written if entry is not ...]
    first = usual.index(new[0]) if new[0] in usual else len(usual)
    return [*usual[:first], *new, *(entry for entry in usual[first:] if entry not in new)]


_ADMIN = {{"django.contrib.admin": "django_oidc_logout.sites.OIDCAdminConfig"}}
_APPS, _MIDDLEWARE = [_ADMIN.get(app, app) for app in INSTALLED_APPS], MIDDLEWARE
{lines}
INSTALLED_APPS = merged(INSTALLED_APPS, _APPS)
MIDDLEWARE = merged(MIDDLEWARE, _MIDDLEWARE)
"""


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory):
    """Return the folder of a new project that follows the README."""
    folder = tmp_path_factory.mktemp("newcomer")
    run(folder, "-m", "django", "startproject", "newcomer", ".")
    settings = folder / "newcomer" / "settings.py"
    settings.write_text(settings.read_text() + TYPED.format(lines=LINES[1]) + MOZILLA_SETTINGS)
    (folder / "newcomer" / "urls.py").write_text(
        "from django.contrib import admin\n"
        "from django.urls import include, path\n"
        f'urlpatterns = [path("admin/", admin.site.urls),\n{LINES[2]}]\n'
    )
    return folder


SILENT = "System check identified no issues (0 silenced).\n"


def run(folder, *command):
    """Run Python in a folder and return its output."""
    environment = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**environment, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def test_an_admin_that_is_left_as_it_was_is_left_alone(newcomer):
    module = newcomer / "plain_admin.py"
    module.write_text(
        'from newcomer.settings import *\nINSTALLED_APPS[0] = "django.contrib.admin"\n'
    )
    said = run(newcomer, "manage.py", "check", "--settings", "plain_admin")
    assert said == SILENT


def test_the_installation_of_the_readme_is_silent(newcomer):
    assert run(newcomer, "manage.py", "check") == SILENT


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("own", ["", WITH_KEYS])
def test_the_installation_of_the_readme_leaves_three_questions_in_production(newcomer, debug, own):
    """Only the site can say how long sessions last, and what the provider sends."""
    module = newcomer / "production.py"
    module.write_text(f"from newcomer.settings import *\nDEBUG = {debug}\n{own}")
    said = run(newcomer, "manage.py", "check", "--deploy", "--settings", "production")
    said_ids = re.findall(r"\((\w+)\.([A-Z]\d+)\)", said)
    assert {tag for tag, _ in said_ids} - {"mail"} == {"security", "oidc_logout"}
    assert [f"{tag}.{id_}" for tag, id_ in said_ids if tag == "oidc_logout"] == sorted(UNDECIDED)


def test_the_installation_of_the_readme_is_silent_once_migrated(newcomer):
    check = ("manage.py", "check", "--database", "default")
    assert "(oidc_logout.W021)" in run(newcomer, *check)
    assert "(oidc_logout." not in run(newcomer, "manage.py", "migrate")
    assert run(newcomer, *check) == SILENT


def test_the_error_without_auth_names_what_is_missing(newcomer):
    (newcomer / "bare.py").write_text(
        'SECRET_KEY = "x"\nINSTALLED_APPS = ["django.contrib.contenttypes", "django_oidc_logout"]\n'
    )
    code = "import django\ntry: django.setup()\nexcept Exception as exc: print(repr(exc))"
    said = run(newcomer, "-c", f"import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'bare'\n{code}")
    assert said.startswith("ImproperlyConfigured('django_oidc_logout needs django.contrib.auth")
