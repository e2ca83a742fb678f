"""Themes of the admin: each shows the list and the confirmation, ends sessions and signs out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.absence import need_package
from tests.admin import settings
from tests.docs.markdown import fragments_of

ROOT = Path(__file__).parent.parent
SMOKE = [
    "tests/admin/test_actions.py::test_confirmation",
    "tests/admin/test_actions.py::test_selected_sessions_end",
    "tests/admin/test_list.py::test_columns",
    "tests/admin/test_list.py::test_session_page",
    "tests/admin/test_sites.py::test_button_signs_out_at_the_provider_and_comes_back",
    "tests/admin/test_sites.py::test_site_of_a_theme_signs_out_too",
]


def test_the_settings_are_those_of_the_documentation():
    need_package("markdown_it", "markdown-it-py")
    section = "The admin, Unfold and Jazzmin"
    page = fragments_of("docs/how-to/other-logout-buttons.md", section)
    exec(page["# settings.py"], written := {})
    theme, config, rest = written["INSTALLED_APPS"]
    assert (theme, rest) == ("unfold", ...)
    assert config == settings.INSTALLED_APPS[bool(settings.THEME)]


@pytest.mark.parametrize("theme", ["jazzmin", "unfold"])
def test_admin_in_a_theme(theme):
    need_package(theme, f"django-{theme}")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:cov"]
    ran = subprocess.run(
        [*command, "--ds=tests.admin.settings", *SMOKE],
        cwd=ROOT,
        env=os.environ | {"ADMIN_THEME": theme},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
