"""The distributions, built once, and an environment that contains only the wheel."""

from __future__ import annotations

import subprocess
import sys
import venv
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.absence import need, need_package

ROOT = Path(__file__).parents[2]
SECONDS = 300


def run(*command, cwd=None, **options):
    """Run a command; return what it printed. A failure shows all of it."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
        **options,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def load(path):
    need_package("yaml", "PyYAML")
    from yaml import safe_load  # noqa: PLC0415  # may be absent

    return safe_load(path.read_text())


@dataclass(frozen=True)
class Distributions:
    """The files that would be published."""

    wheel: Path
    sdist: Path

    @property
    def metadata(self):
        with ZipFile(self.wheel) as archive:
            (name,) = (name for name in archive.namelist() if name.endswith("dist-info/METADATA"))
            return HeaderParser().parsestr(archive.read(name).decode())


@pytest.fixture(scope="session")
def distributions(tmp_path_factory):
    """Return the source distribution, and the wheel built from it as installers would."""
    need_package("build", "build")
    need_package("hatchling", "hatchling")
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return Distributions(wheel, sdist)


@pytest.fixture(scope="session")
def newcomer(distributions, tmp_path_factory):
    """Return the Python of an empty environment into which the wheel has been installed.

    Only the wheel's dependencies come from a package index.
    """
    folder = tmp_path_factory.mktemp("newcomer")
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    needed = [
        line for line in distributions.metadata.get_all("Requires-Dist") if "extra" not in line
    ]
    fetched = subprocess.run([*pip, "install", *needed], check=False, timeout=SECONDS)
    need(fetched.returncode == 0, "what the wheel needs, from a package index,")
    run(*pip, "install", "--no-index", distributions.wheel)
    return python
