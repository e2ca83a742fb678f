"""The system checks, as a new process runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import django_oidc_logout

ROOT = Path(django_oidc_logout.__file__).parent.parent


def run(*arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )


# Prints the ids of what two runs find, of which the first imports the checks.
CHECK = """
import json, django
from django.core.checks import run_checks
from django.test import override_settings
django.setup()
with override_settings(OIDC_LOGOUT_PROVIDERS={{}}):
    for options in {first}, {everything}:
        print(json.dumps(sorted(message.id for message in run_checks(**options))))
"""
EVERYTHING = {"include_deployment_checks": True, "databases": ["default"]}
FIRST_RUNS = {"everything": EVERYTHING, "one tag": {"tags": ["oidc_logout"]}}


@pytest.mark.parametrize("first", FIRST_RUNS.values(), ids=FIRST_RUNS)
def test_what_checks_find_they_say_each_time_and_once(first):
    printed = run("-c", CHECK.format(first=first, everything=EVERYTHING)).stdout
    found, again = map(json.loads, printed.splitlines())
    mine = [name for name in again if name.startswith("oidc_logout.")]
    assert mine == sorted(set(mine))
    assert set(found) <= set(again)
    assert "oidc_logout.E001" in found
    if first is EVERYTHING:
        assert found == again


# Signs somebody in and out and runs what a site runs, with another login library.
WITHOUT_MOZILLA = """
import sys, django
sys.modules["mozilla_django_oidc"] = None  # as if it were not installed
from django.conf import settings
settings.INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
    "django.contrib.messages", "django.contrib.sessions", "django_oidc_logout",
]
settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
settings.ROOT_URLCONF = type(sys)("urls")
settings.OIDC_LOGOUT_PROVIDERS = {
    "default": {
        "ISSUER": "http://127.0.0.1:9", "CLIENT_ID": "site", "ALGORITHMS": ["RS256"],
        "END_SESSION_ENDPOINT": "http://127.0.0.1:9/end", "JWKS_URI": "http://127.0.0.1:9/jwks",
    }
}
django.setup()
from django.contrib.auth import get_user_model, login
from django.contrib.sessions.backends.db import SessionStore
from django.core.checks import run_checks
from django.core.management import call_command
from django.test import RequestFactory
from django.urls import include, path
from django_oidc_logout import account, admin, middleware, sites, urls_account
from django_oidc_logout.management.commands import oidc_logout_clear_sessions, oidc_logout_doctor
from django_oidc_logout.api import remember_login, sign_out
settings.ROOT_URLCONF.urlpatterns = [path("oidc/", include("django_oidc_logout.urls"))]
call_command("migrate", verbosity=0)
request = RequestFactory().get("/")
request.session = SessionStore()
ada = get_user_model().objects.create_user("ada")
login(request, ada, backend="django.contrib.auth.backends.ModelBackend")
remember_login(request, claims={"sub": "ada", "iss": "http://127.0.0.1:9", "aud": "site"})
print([m.id for m in run_checks() if m.id.startswith("oidc_logout.E")])
print(sign_out(request)["Location"].partition("?")[0])
print(any(name.startswith("mozilla_django_oidc.") for name in sys.modules))
"""


def test_another_login_library_needs_no_mozilla_django_oidc():
    printed = run("-c", WITHOUT_MOZILLA).stdout.splitlines()
    assert printed == ["[]", "http://127.0.0.1:9/end", "False"]
