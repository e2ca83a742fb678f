"""The bridge to django-allauth. Only this package imports it."""

from __future__ import annotations

from django.apps import AppConfig, apps
from django.core.exceptions import ImproperlyConfigured

NEEDED = "allauth.socialaccount"


class AllauthConfig(AppConfig):
    """Records allauth's sign-ins, and makes its logout sign out of the provider."""

    name = "django_oidc_logout.contrib.allauth"
    label = "oidc_logout_allauth"  # "allauth" is taken

    def ready(self) -> None:
        """Connect to allauth.

        Raises:
            ImproperlyConfigured: `allauth.socialaccount` or `django_oidc_logout` is not installed.
        """
        for name in (NEEDED, "django_oidc_logout"):
            if not apps.is_installed(name):
                raise ImproperlyConfigured(f"{self.name} needs {name}: add it to INSTALLED_APPS.")
        from . import sign_in, sign_out  # noqa: F401, PLC0415  # need allauth's models
