"""Fixtures of the documentation's tests."""

from __future__ import annotations

import subprocess
import sys
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from django.contrib import admin
from django.test import override_settings

from tests.absence import need_package
from tests.docs import site
from tests.docs.markdown import ROOT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def _admin_site():
    """Let the admin's default site be the one that the tests of the admin want as well.

    Django makes it once, as the first settings that are asked say.
    """
    config = "django_oidc_logout.sites.OIDCAdminConfig"
    apps = site.filled([..., config], site.INSTALLED_APPS)
    with override_settings(**{**site.settings(), "INSTALLED_APPS": apps}):
        admin.site.is_registered(object)


@pytest.fixture
def _site(_admin_site, settings):
    """Let the tests' site be the documentation's, until the test is over.

    In the same way as other fixtures change settings, so that they are restored in reverse order.
    """
    for name, value in site.settings().items():
        setattr(settings, name, value)


@dataclass(frozen=True)
class Documentation:
    """What Sphinx has built, and its output."""

    folder: Path
    status: int
    said: str

    def objects(self) -> set[str]:
        """Return the dotted names that have an entry."""
        inventory = zlib.decompress((self.folder / "objects.inv").read_bytes().split(b"\n", 4)[4])
        return {
            line.split()[0]
            for line in inventory.decode().splitlines()
            if line.split()[1].startswith("py:")
        }


@pytest.fixture(scope="session")
def documentation(tmp_path_factory):
    """Build the documentation as readers get it; warnings are errors."""
    for name, what in (("sphinx", "Sphinx"), ("furo", "furo"), ("myst_parser", "MyST-Parser")):
        need_package(name, what)
    folder = tmp_path_factory.mktemp("documentation")
    options = ["-W", "--keep-going", "-n", "-q", "-b", "html", "-d", str(folder / "cache")]
    made = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, str(ROOT / "docs"), str(folder / "html")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Documentation(folder=folder / "html", status=made.returncode, said=made.stdout)
