"""The bridge to django-auth-adfs. Only this package imports it."""

from __future__ import annotations

from django.apps import AppConfig, apps
from django.core.exceptions import ImproperlyConfigured


class ADFSConfig(AppConfig):
    """Records the sign-ins of django-auth-adfs."""

    name = "django_oidc_logout.contrib.adfs"
    label = "oidc_logout_adfs"

    def ready(self) -> None:
        """Connect to django-auth-adfs.

        Raises:
            ImproperlyConfigured: `django_oidc_logout` is not installed.
        """
        if not apps.is_installed("django_oidc_logout"):
            raise ImproperlyConfigured(
                f"{self.name} needs django_oidc_logout: add it to INSTALLED_APPS."
            )
        from . import sign_in  # noqa: PLC0415  # needs the settings of django-auth-adfs

        sign_in.connect()
