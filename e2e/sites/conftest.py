"""The providers of the sites: npm's oidc-provider 9, and django-oauth-toolkit.

NODE_MODULES names the folder of npm's packages.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e.sites.federation import Federation
from e2e.sites.person import Person, Staff
from e2e.sites.table import KINDS, STAFF
from tests.absence import need, need_package

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2e.sites.federation import Site

SCRIPT = Path(__file__).parent.parent / "providers" / "oidc_provider_9.mjs"


@pytest.fixture(scope="session")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    need_package("markdown_it", "markdown-it-py")
    node = need(shutil.which("node"), "Node.js")
    node_modules = Path(os.environ.get("NODE_MODULES", "node_modules")).resolve()
    need((node_modules / "oidc-provider").is_dir(), "npm's oidc-provider")
    folder = tmp_path_factory.mktemp("sites")
    environment = {"NODE_MODULES": str(node_modules)}
    yield from Federation(folder, [node, str(SCRIPT)], environment).running()


@pytest.fixture(scope="session")
def toolkit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Return a federation whose provider has no back-channel, and needs only Python."""
    need_package("markdown_it", "markdown-it-py")
    need_package("oauth2_provider", "django-oauth-toolkit")
    command = [sys.executable, "-m", "e2e.providers.serve_django_oauth_toolkit"]
    folder = tmp_path_factory.mktemp("toolkit")
    yield from Federation(folder, command, {}, has_forgetful_sites=False).running()


@pytest.fixture(params=KINDS)
def name(request: pytest.FixtureRequest) -> str:
    kind = KINDS[request.param]
    need_package(kind.library, kind.distribution)
    return kind.name


@pytest.fixture
def site(federation: Federation, name: str) -> Site:
    return federation.site(name)


@pytest.fixture
def visitor() -> Iterator[Callable[[str, Federation], Person]]:
    """Return a function that returns a person of some name, with a browser of their own."""
    people: list[Person] = []

    def visit(name: str, federation: Federation) -> Person:
        kind = Staff if name == STAFF else Person
        people.append(kind(federation, name))
        return people[-1]

    yield visit
    for person in people:
        person.close()
