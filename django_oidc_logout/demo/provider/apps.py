"""The identity provider's app."""

from __future__ import annotations

from django.apps import AppConfig


class IdPConfig(AppConfig):
    """Connects the receiver of sign-outs."""

    name = "django_oidc_logout.demo.provider"

    def ready(self) -> None:
        """Connect the receiver."""
        from . import backchannel  # noqa: F401, PLC0415  # imports models
