"""Stand-ins for the system checks, which are imported when checks are first run.

A web process runs none, and starts without them; management commands run them all.
"""

from __future__ import annotations

from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from django.core.checks import Tags, register
from django.core.checks.registry import registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.core.checks import CheckMessage

OURS = "oidc_logout"
MODULES = ("checks", "checks_browser", "checks_deployment", "checks_project", "checks_tokens")

# The tags of the checks in there, and whether they are for deployment only.
KINDS = (
    ((OURS,), False),
    ((OURS, Tags.urls), False),
    ((OURS, Tags.admin), False),
    ((OURS, Tags.caches), True),
    ((OURS, Tags.security), True),
    ((Tags.database,), False),
)


def _register() -> list[Callable[..., Any]]:
    return [
        register(partial(_run, tags, deploy=deploy), *tags, deploy=deploy) for tags, deploy in KINDS
    ]


def _run(tags: tuple[str, ...], *, deploy: bool, **kwargs: Any) -> list[CheckMessage]:
    """Run the checks of one kind: they have been registered too late for the run that is on."""
    return [
        message
        for check in _newcomers()
        if set(check.tags) == set(tags) and (check in registry.deployment_checks) is deploy
        for message in check(**kwargs)
    ]


@cache
def _newcomers() -> list[Any]:
    """Import the checks, which register themselves; from the next run on nobody stands in."""
    known = registry.registered_checks | registry.deployment_checks
    for name in MODULES:
        import_module(f"{__package__}.{name}")
    for stand_in in STAND_INS:
        registry.registered_checks.discard(stand_in)
        registry.deployment_checks.discard(stand_in)
    return list((registry.registered_checks | registry.deployment_checks) - known)


STAND_INS = _register()
