"""The app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OIDCLogoutConfig(AppConfig):
    """django-oidc-logout: connects receivers and checks when Django is ready."""

    name = "django_oidc_logout"
    verbose_name = _("OpenID Connect sign-out")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect what listens."""
        from . import checks, receivers  # noqa: F401, PLC0415  # only now are models there
