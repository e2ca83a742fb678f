"""npm's oidc-provider: back-channel, with `sid` for the sites that want it and `sub` for others."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e.providers.federation import SCRIPTS
from e2e.providers.newcomers import Newcomers
from e2e.providers.scenarios import BackChannelWithSub, Guest
from e2e.providers.traits import OIDC_PROVIDER_6, OIDC_PROVIDER_9
from tests.absence import need

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests


class OidcProviderGuest(Guest):
    """A visitor who enters any password, and consents at each site."""

    def is_asked_who_they_are(self, page: requests.Response) -> bool:
        return "/interaction/" in page.url and super().is_asked_who_they_are(page)

    def say_who(self, page: requests.Response, name: str) -> requests.Response:
        return self.submit(page, "/interaction/", login=name, password="any")

    def consent(self, page: requests.Response) -> requests.Response:
        return self.submit(page, "/interaction/") if "/interaction/" in page.url else page

    def confirm(self, page: requests.Response) -> requests.Response:
        """Confirm; without a session, the provider shows the same form, which submits itself."""
        path = "/session/end/confirm"
        return self.submit(page, path, logout="yes") if path in page.text else page


VERSIONS = {
    OIDC_PROVIDER_9: ("oidc-provider", "oidc_provider_9_short.mjs"),
    OIDC_PROVIDER_6: ("oidc-provider-6", "oidc_provider_6_short.cjs"),
}


@pytest.fixture(scope="module", params=VERSIONS, ids=["9", "6"])
def newcomers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Newcomers]:
    package, script = VERSIONS[request.param]
    node = need(shutil.which("node"), "Node.js")
    node_modules = Path(os.environ.get("NODE_MODULES", "node_modules")).resolve()
    need((node_modules / package).is_dir(), f"npm's {package}")
    newcomers = Newcomers(
        tmp_path_factory.mktemp(package),
        [node, str(SCRIPTS / script)],
        request.param,
        {"NODE_MODULES": str(node_modules)},
    )
    with newcomers.running():
        yield newcomers


class TestOidcProvider(BackChannelWithSub):
    guest = OidcProviderGuest
    providers = (*VERSIONS,)
