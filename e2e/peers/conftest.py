"""Other projects' own tests, unchanged, out of their source distributions.

PEERS names a folder with the distributions of the versions that are installed, unpacked:

    pip download --no-deps --no-binary :all: --dest peers NAME
    tar --extract --directory peers --file peers/NAME-*.tar.gz
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.absence import need, need_package

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SECONDS = 180


@pytest.fixture
def borrow(tmp_path: Path) -> Callable[[str, str, str], Path]:
    """Return a function that copies a project's tests to a folder, with our files beside them."""

    def borrow(project: str, module: str, ours: str) -> Path:
        need_package(module, project)
        name = f"{project.replace('-', '_')}-{version(project)}"
        published = Path(os.environ.get("PEERS", "peers")).resolve() / name
        need(published.is_dir(), f"the source distribution {name}")
        shutil.copytree(published / "tests", tmp_path / "tests")
        shutil.copytree(HERE / ours, tmp_path / "tests", dirs_exist_ok=True)
        return tmp_path

    return borrow


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a Python module on copied tests; this project can be imported, its tests cannot."""
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env=os.environ | environment | {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
