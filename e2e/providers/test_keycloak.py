"""Keycloak, in every way in which the other providers are tested."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e.providers.keycloak.sites import KeycloakGuest, KeycloakNewcomers
from e2e.providers.scenarios import BackChannelWithSub, FrontChannel
from e2e.providers.traits import KEYCLOAK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from e2e.providers.keycloak.server import Keycloak


def run(folder: Path, keycloak: Keycloak, channel: str) -> Iterator[KeycloakNewcomers]:
    newcomers = KeycloakNewcomers(folder, [], KEYCLOAK, channel=channel, keycloak=keycloak)
    with newcomers.running():
        yield newcomers


@pytest.fixture(scope="module")
def newcomers(
    tmp_path_factory: pytest.TempPathFactory, keycloak: Keycloak
) -> Iterator[KeycloakNewcomers]:
    yield from run(tmp_path_factory.mktemp("keycloak_sites"), keycloak, "backchannel")


class TestKeycloak(BackChannelWithSub):
    guest = KeycloakGuest
    providers = (KEYCLOAK,)


class TestKeycloakWithFrames(FrontChannel):
    guest = KeycloakGuest
    providers = (KEYCLOAK,)

    @pytest.fixture
    def newcomers(
        self, tmp_path_factory: pytest.TempPathFactory, keycloak: Keycloak
    ) -> Iterator[KeycloakNewcomers]:
        yield from run(tmp_path_factory.mktemp("keycloak_frames"), keycloak, "frontchannel")
