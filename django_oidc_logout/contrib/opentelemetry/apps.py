"""The app configuration."""

from __future__ import annotations

from django.apps import AppConfig


class OpenTelemetryConfig(AppConfig):
    """Counts sign-ins, sign-outs, ended sessions and rejections by their codes."""

    name = "django_oidc_logout.contrib.opentelemetry"
    label = "oidc_logout_opentelemetry"

    def ready(self) -> None:
        """Connect the instruments to the signals."""
        from .instruments import connect  # noqa: PLC0415  # needs the models

        connect()
