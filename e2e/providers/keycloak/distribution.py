"""Keycloak's own distribution: downloaded once by Maven, unpacked once, built once."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "26.7.3"
ARTIFACT = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"
IN_REPOSITORY = f"org/keycloak/keycloak-quarkus-dist/{VERSION}/keycloak-quarkus-dist-{VERSION}.zip"
# `local` opens no port for a cluster, so that two servers do not meet.
BUILD_OPTIONS = ("--db=dev-file", "--cache=local", "--features=ssf")
SECONDS_TO_DOWNLOAD = 900
SECONDS_TO_BUILD = 600


class Absent(Exception):
    """What this machine lacks to run Keycloak."""


def java() -> str:
    """Return the path of Java, or raise `Absent`."""
    found = shutil.which("java")
    if not found:
        raise Absent("Java")
    return found


def install() -> Path:
    """Return the folder of a Keycloak that is ready to start; the first call takes a minute.

    Raises:
        Absent: Java is missing, or Maven, or Maven could not download it.
    """
    java()
    cache = _cache()
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    home, built = cache / f"keycloak-{VERSION}", cache / "built"
    with locked(cache / "lock"):
        if not built.exists() or built.read_text() != _recipe():
            shutil.rmtree(home, ignore_errors=True)
            _unpack(_archive(), cache)
            _build(home)
            built.write_text(_recipe())
    return home


def _recipe() -> str:
    return " ".join((VERSION, *BUILD_OPTIONS))


def _cache() -> Path:
    own = Path(tempfile.gettempdir()) / f"keycloak-for-tests-{os.getuid()}"
    return Path(os.environ.get("KEYCLOAK_CACHE") or own).resolve()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock, among processes, for the time of the block."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _archive() -> Path:
    archive = Path.home() / ".m2" / "repository" / IN_REPOSITORY
    if archive.exists():
        return archive
    maven = shutil.which("mvn")
    if not maven:
        raise Absent("Maven, which downloads Keycloak,")
    command = [maven, "-q", "dependency:get", f"-Dartifact={ARTIFACT}", "-Dtransitive=false"]
    try:
        subprocess.run(command, check=True, timeout=SECONDS_TO_DOWNLOAD)
    except subprocess.SubprocessError as exc:
        raise Absent(f"Keycloak {VERSION}, which Maven could not download,") from exc
    return archive


def _unpack(archive: Path, into: Path) -> None:
    subprocess.run([sys.executable, "-m", "zipfile", "-e", archive, into], check=True)
    for script in (into / f"keycloak-{VERSION}" / "bin").glob("*.sh"):
        script.chmod(0o755)


def _build(home: Path) -> None:
    command = [home / "bin" / "kc.sh", "build", *BUILD_OPTIONS]
    built = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS_TO_BUILD, check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
