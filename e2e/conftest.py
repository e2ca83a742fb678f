"""What tests beside other software share: a Keycloak, and a Chromium.

Without Java, or without Maven and a distribution in its local repository, the tests that use it are
skipped; with REQUIRE_ALL=1 they fail. KEYCLOAK_RUN names the folder of a server that several runs
share: it ends when nothing holds a lock on the file `users` there (`flock -s users sleep 1h`).
"""

from __future__ import annotations

import os
import shutil
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e.browsers.chromium import Chromium, ChromiumVisitor
from e2e.providers.keycloak import server
from e2e.providers.keycloak.distribution import Absent
from tests.absence import need

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def keycloak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.Keycloak]:
    """Return the Keycloak of this run, which all its processes share."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    folder = Path(os.environ.get("KEYCLOAK_RUN") or folder / "keycloak")
    folder.mkdir(exist_ok=True)
    try:
        with server.running(folder) as keycloak:
            yield keycloak
    except Absent as absent:
        need(None, str(absent))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """Return the browser of this run. Without it, or without Playwright, a test is skipped."""
    executable = need(shutil.which("chromium"), "chromium")
    need(find_spec("playwright"), "Python's playwright")
    browser = Chromium(import_module("playwright.async_api"), executable)
    yield browser
    browser.quit()


@pytest.fixture
def window(chromium: Chromium) -> Iterator[ChromiumVisitor]:
    """Return a window of somebody new, which can open only servers on this machine."""
    window = chromium.visitor("")
    window.stay_on_this_machine()
    yield window
    window.close()
