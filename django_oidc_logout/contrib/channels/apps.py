"""Closes sockets whose session ends. Only this package imports Channels."""

from __future__ import annotations

from django.apps import AppConfig, apps
from django.core.exceptions import ImproperlyConfigured


class ChannelsConfig(AppConfig):
    """Sends a message to the channel layers when a session ends, in every process."""

    name = "django_oidc_logout.contrib.channels"
    label = "oidc_logout_channels"  # "channels" is taken

    def ready(self) -> None:
        """Connect the receivers.

        Raises:
            ImproperlyConfigured: `django_oidc_logout` is not installed.
        """
        if not apps.is_installed("django_oidc_logout"):
            raise ImproperlyConfigured(
                f"{self.name} needs django_oidc_logout: add it to INSTALLED_APPS."
            )
        from . import receivers  # noqa: F401, PLC0415  # needs the models
