"""The example sites' app."""

from __future__ import annotations

from django.apps import AppConfig


class ExampleConfig(AppConfig):
    """Connects the receivers that tell the demo's timeline."""

    name = "example_project"

    def ready(self) -> None:
        """Connect the receivers."""
        from . import timeline  # noqa: F401, PLC0415  # connects the receivers
