"""mozilla-django-oidc's own tests pass, unchanged, with this app installed.

PEERS names a folder with its source distribution of the version that is installed, unpacked:

    pip download --no-deps --no-binary mozilla-django-oidc --dest peers mozilla-django-oidc
    tar --extract --directory peers --file peers/mozilla_django_oidc-*.tar.gz
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.absence import need, need_package

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SECONDS = 120


@pytest.fixture
def peers_tests(tmp_path: Path) -> Path:
    """Return a folder with mozilla's tests, and what they need that is not published."""
    need_package("rest_framework", "djangorestframework")
    name = f"mozilla_django_oidc-{version('mozilla-django-oidc')}"
    published = Path(os.environ.get("PEERS", "peers")).resolve() / name / "tests"
    need(published.is_dir(), f"the source distribution {name}")
    shutil.copytree(published, tmp_path / "tests")
    shutil.copytree(HERE / "mozilla", tmp_path / "tests", dirs_exist_ok=True)
    return tmp_path


@pytest.mark.parametrize("backend", ["mozilla's", "ours"])
def test_its_own_tests_pass(peers_tests: Path, backend: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "django", "test", "--settings=tests.settings"],
        cwd=peers_tests,
        env=os.environ | {"BACKEND": backend, "PYTHONPATH": f"{peers_tests}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "\nOK" in run.stderr
    assert "Ran 0 tests" not in run.stderr
