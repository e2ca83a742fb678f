"""The app."""

from django.apps import AppConfig, apps
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _


class OIDCLogoutConfig(AppConfig):
    """django-oidc-logout: connects receivers and checks when Django is ready."""

    name = "django_oidc_logout"
    verbose_name = _("OpenID Connect sign-out")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect what listens.

        Raises:
            ImproperlyConfigured: `django.contrib.auth` is not installed.
        """
        if not apps.is_installed("django.contrib.auth"):
            raise ImproperlyConfigured(
                "django_oidc_logout needs django.contrib.auth: add it to INSTALLED_APPS."
            )
        from . import receivers  # noqa: F401, PLC0415  # only now are models there
        from .checks import register  # noqa: F401, PLC0415  # as above
