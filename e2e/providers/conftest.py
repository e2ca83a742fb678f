"""Real identity providers: npm's oidc-provider 9, and 6, the last one with front-channel logout.

NODE_MODULES names the folder of npm's packages. What this machine lacks skips a test; with
REQUIRE_ALL=1 it fails it. To install the packages:

    npm install --no-save --no-package-lock \
        oidc-provider@npm:oidc-provider@9.13 oidc-provider-6@npm:oidc-provider@6.31

Those in Python are in the dependency group `providers`.
"""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e.providers.federation import Federation
from e2e.providers.visitor import ProviderVisitor
from tests.absence import need

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _unlogged_visits(caplog: pytest.LogCaptureFixture) -> None:
    """Keep a visitor's URLs out of the log, because they contain tokens."""
    caplog.set_level(logging.INFO, "urllib3")


def run(package: str, script: str, channel: str, folder: Path) -> Iterator[Federation]:
    """Run a federation whose provider is an npm package, served by a script of ours."""
    node = need(shutil.which("node"), "Node.js")
    node_modules = Path(os.environ.get("NODE_MODULES", "node_modules")).resolve()
    need((node_modules / package).is_dir(), f"npm's {package}")
    federation = Federation(folder, node, str(node_modules), script, channel)
    with federation.running():
        yield federation


@pytest.fixture(scope="session")
def provider_9(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    folder = tmp_path_factory.mktemp("provider_9")
    yield from run("oidc-provider", "oidc_provider_9.mjs", "backchannel", folder)


@pytest.fixture(scope="session")
def provider_6(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    folder = tmp_path_factory.mktemp("provider_6")
    yield from run("oidc-provider-6", "oidc_provider_6.cjs", "backchannel", folder)


@pytest.fixture(scope="session")
def front_channel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    folder = tmp_path_factory.mktemp("front_channel")
    yield from run("oidc-provider-6", "oidc_provider_6.cjs", "frontchannel", folder)


@pytest.fixture(params=["provider_9", "provider_6"])
def back_channel(request: pytest.FixtureRequest) -> Federation:
    """Return a federation with each of the two providers in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def visitor() -> Iterator[ProviderVisitor]:
    with ProviderVisitor() as visitor:
        yield visitor


@pytest.fixture
def other_browser() -> Iterator[ProviderVisitor]:
    with ProviderVisitor() as visitor:
        yield visitor
