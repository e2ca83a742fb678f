"""The app configuration."""

from django.apps import AppConfig, apps
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _


class OIDCLogoutConfig(AppConfig):
    """Connects the receivers and the system checks when Django is ready."""

    name = "django_oidc_logout"
    verbose_name = _("OpenID Connect sign-out")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers and the checks.

        Raises:
            ImproperlyConfigured: `django.contrib.auth` is not installed.
        """
        if not apps.is_installed("django.contrib.auth"):
            raise ImproperlyConfigured(
                "django_oidc_logout needs django.contrib.auth: add it to INSTALLED_APPS."
            )
        from .checks import register  # noqa: F401, PLC0415  # needs the models
        from .receivers import history, log, sign_ins  # noqa: F401, PLC0415  # needs the models

        sign_ins.connect_to_users()
