"""django-tenants: what ends sessions ends those of its tenant, and of no other."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.absence import need, need_package


def test_tenants():
    """Its tests have settings of their own, so they run in a process of their own."""
    need("POSTGRESQL_URL" in os.environ, "PostgreSQL (POSTGRESQL_URL)")
    need_package("django_tenants", "django-tenants")
    need_package("psycopg", "Python's psycopg")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--ds=e2e.tenants.settings", "e2e/tenants/inside.py"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
