"""The identity provider's own app."""

from __future__ import annotations

from django.apps import AppConfig


class IdPConfig(AppConfig):
    """Listens to whoever signs out."""

    name = "example_project.idp"

    def ready(self) -> None:
        """Connect the receiver."""
        from . import backchannel  # noqa: F401, PLC0415  # needs the apps' models
