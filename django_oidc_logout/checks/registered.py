"""What Django knows of the system checks: their rooms are imported when it runs them.

A web process runs none, and starts without them; management commands run them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.checks import Tags, register

from ..late import late

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django.core.checks import CheckMessage

OURS = "oidc_logout"

browser, deployment = late(".checks.browser"), late(".checks.deployment")
project, settings, tokens = (
    late(".checks.project"),
    late(".checks.settings"),
    late(".checks.tokens"),
)


def _run(*rooms: Iterable[Callable[[], list[CheckMessage]]]) -> list[CheckMessage]:
    return [message for checks in rooms for check in checks for message in check()]


@register(OURS)
def check_settings(**_: Any) -> list[CheckMessage]:
    """Run what needs nothing but settings."""
    return _run(settings.CHECKS, tokens.CHECKS, project.CHECKS, browser.CHECKS)


@register(OURS, Tags.urls)
def check_urls(**_: Any) -> list[CheckMessage]:
    """Run what needs the URLconf."""
    return _run(project.OF_URLS, [browser.check_callback_address])


@register(OURS, Tags.admin)
def check_admin(**_: Any) -> list[CheckMessage]:
    """Run what needs the admin's sites."""
    return _run([project.check_admin_sites])


@register(OURS, Tags.caches, deploy=True)
def check_caches(**_: Any) -> list[CheckMessage]:
    """Run what is about caches in production."""
    return _run(deployment.OF_CACHES)


@register(OURS, Tags.security, deploy=True)
def check_proxy(**_: Any) -> list[CheckMessage]:
    """Run what is about a proxy in production."""
    return _run([deployment.check_proxy])


@register(Tags.database)
def check_migrations(databases: Iterable[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Run what queries: only where Django is asked to with `--database`."""
    return list(deployment.check_migrations(databases))
