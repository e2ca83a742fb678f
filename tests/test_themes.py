"""Themes of the admin: each runs the admin's tests again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.absence import need_package

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("theme", ["jazzmin", "unfold"])
def test_admin_in_a_theme(theme):
    need_package(theme, f"django-{theme}")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:cov"]
    ran = subprocess.run(
        [*command, "--ds=tests.admin.settings", "tests/admin"],
        cwd=ROOT,
        env=os.environ | {"ADMIN_THEME": theme},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
