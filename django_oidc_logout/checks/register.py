"""Registers the system checks with Django. Only `check_migrations` queries the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.checks import Tags, register

from ..conf import conf
from . import (
    browser,
    buttons,
    compliance,
    deployment,
    mozilla,
    project,
    providers_setting,
    settings,
    sign_ins,
    signals,
    sockets,
    tokens,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django.core.checks import CheckMessage

TAG = "oidc_logout"


def _run(*groups: Iterable[Callable[[], list[CheckMessage]]]) -> list[CheckMessage]:
    return [message for checks in groups for check in checks for message in check()]


@register(TAG)
def check_settings(**_: Any) -> list[CheckMessage]:
    """Run the checks that need only settings."""
    return _run(
        settings.CHECKS,
        providers_setting.CHECKS,
        tokens.CHECKS,
        mozilla.CHECKS,
        sign_ins.CHECKS,
        project.CHECKS,
        browser.CHECKS,
        signals.CHECKS,
        sockets.CHECKS,
        deployment.DATABASE_CHECKS,
    )


@register(TAG, Tags.urls)
def check_urls(**_: Any) -> list[CheckMessage]:
    """Run the checks that need the URLconf."""
    return _run(
        project.URL_CHECKS,
        mozilla.URL_CHECKS,
        sign_ins.URL_CHECKS,
        browser.URL_CHECKS,
        buttons.CHECKS,
    )


@register(TAG, Tags.admin)
def check_admin(**_: Any) -> list[CheckMessage]:
    """Run the check that needs the admin sites."""
    return project.check_admin_sites()


@register(TAG, Tags.caches, deploy=True)
def check_caches(**_: Any) -> list[CheckMessage]:
    """Run the checks of the caches in production."""
    return _run(deployment.CACHE_CHECKS)


@register(TAG, Tags.security, deploy=True)
def check_deployment(**_: Any) -> list[CheckMessage]:
    """Run the checks of the proxy, the database and the channel layers in production."""
    return [*deployment.check_proxy(), *deployment.check_sqlite(), *sockets.check_shared_layers()]


@register(Tags.security, deploy=True)  # without our tag: the doctor does not run them
def check_compliance(**_: Any) -> list[CheckMessage]:
    """Run the checks of what security standards require."""
    return _run(compliance.CHECKS)


@register(TAG, deploy=True)  # with our tag: only the doctor calls a function that is configured
def check_compliance_of_function(**_: Any) -> list[CheckMessage]:
    """Run the checks of what security standards require of the providers of a function."""
    return [] if conf.known_providers.is_complete else _run(compliance.PROVIDER_CHECKS)


@register(Tags.database)
def check_migrations(databases: Iterable[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Run the check that queries the database. Django runs it only with `--database`."""
    return deployment.check_migrations(databases)
