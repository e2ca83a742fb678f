"""The bridge to social-auth-app-django. It does not import that library."""

from __future__ import annotations

from django.apps import AppConfig, apps
from django.core.exceptions import ImproperlyConfigured


class SocialConfig(AppConfig):
    """Records the sign-ins of social-auth-app-django."""

    name = "django_oidc_logout.contrib.social"
    label = "oidc_logout_social"

    def ready(self) -> None:
        """Register a source of tokens: those that social-auth-app-django keeps.

        Raises:
            ImproperlyConfigured: `social_django` or `django_oidc_logout` is not installed.
        """
        for name in ("social_django", "django_oidc_logout"):
            if not apps.is_installed(name):
                raise ImproperlyConfigured(f"{self.name} needs {name}: add it to INSTALLED_APPS.")
        from ...sessions import pending  # noqa: PLC0415  # needs the models
        from . import sign_in  # noqa: PLC0415  # needs the models

        pending.add_source(sign_in.tokens_of)
