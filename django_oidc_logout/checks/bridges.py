"""The check that a login library has its bridge."""

from __future__ import annotations

from django.apps import apps
from django.core.checks import CheckMessage, Warning

CONTRIB = "django_oidc_logout.contrib"
BRIDGES = {
    "allauth.socialaccount.providers.openid_connect": f"{CONTRIB}.allauth",
}


def has_bridge() -> bool:
    """Return whether a bridge records the sign-ins of a login library."""
    return any(config.name.startswith(f"{CONTRIB}.") for config in apps.get_app_configs())


def check_bridges() -> list[CheckMessage]:
    """Check that the sign-ins of each login library are recorded."""
    return [
        Warning(
            f"{library} is in INSTALLED_APPS, and {bridge} is not: its sign-ins are not recorded.",
            hint=f'Add "{bridge}". If your code calls remember_login(), silence this.',
            id="oidc_logout.W030",
        )
        for library, bridge in BRIDGES.items()
        if apps.is_installed(library) and not apps.is_installed(bridge)
    ]


CHECKS = (check_bridges,)
