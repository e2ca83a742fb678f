"""The recipes for providers in a database work with the real packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.absence import need, need_package

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("package", "module"),
    [("mozilla-django-oidc-db", "mozilla_django_oidc_db"), ("django-allauth", "allauth")],
)
def test_recipe(package, module):
    need_package(module, package)
    if package == "mozilla-django-oidc-db":
        need_package("josepy", "josepy")
        need(
            os.environ.get("POSTGRESQL_URL"),
            "PostgreSQL for mozilla-django-oidc-db (POSTGRESQL_URL)",
        )
    ran = subprocess.run(
        [sys.executable, "-m", "e2e.peers.site_with_providers_in_a_database", package],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout.splitlines()[-1]) == {
        "checks": [],
        "callback": 302,
        "row": [True, True, True],
        "goes to the provider": True,
        "hint": True,
        "signed out": True,
        "signed in again": True,
        "back-channel": 200,
        "signed out by it": True,
    }
