"""System checks of what the site runs on: caches, a proxy, the database.

None touches the network, and only the last, which Django runs with `--database`, queries.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from django.core.cache import DEFAULT_CACHE_ALIAS
from django.core.checks import CheckMessage, Warning
from django.db import DEFAULT_DB_ALIAS, connections, router
from django.db.migrations.loader import MigrationLoader

from .. import engines
from ..conf import conf
from . import lookup

if TYPE_CHECKING:
    from collections.abc import Iterable

LOCAL_MEMORY = "django.core.cache.backends.locmem.LocMemCache"
DUMMY = "django.core.cache.backends.dummy.DummyCache"


def _is_cache(alias: str, kind: str) -> bool:
    caches: Any = conf.raw("CACHES")
    return lookup.is_kind(lookup.attempt(lambda: caches[alias]["BACKEND"], None), kind)


def _is_shared_site() -> bool:
    """Tell whether the site runs in production, and in more than one process as far as is known."""
    vendor = lookup.attempt(lambda: connections[DEFAULT_DB_ALIAS].vendor, "unknown")
    on_server = vendor not in ("sqlite", "unknown")
    return not conf.raw("DEBUG") and (on_server or conf.is_overridden("CACHES"))


def check_cache() -> list[CheckMessage]:
    """What one process learns, the others know."""
    if not (_is_shared_site() and _is_cache(DEFAULT_CACHE_ALIAS, LOCAL_MEMORY)):
        return []
    return [
        Warning(
            "The default cache belongs to one process: a logout token can be used once in each.",
            hint="Configure a cache that all processes share (Redis, Memcached, the database), or "
            "silence this if there is one process only.",
            id="oidc_logout.W018",
        )
    ]


def check_dummy_cache() -> list[CheckMessage]:
    """There is a cache."""
    if not (_is_shared_site() and _is_cache(DEFAULT_CACHE_ALIAS, DUMMY)):
        return []
    return [
        Warning(
            "The default cache keeps nothing: the provider is asked for its endpoints at every "
            "click and for its keys at every logout token, which can be used again and again.",
            hint="Configure a cache that all processes share: Redis, Memcached, the database.",
            id="oidc_logout.W019",
        )
    ]


def check_session_cache() -> list[CheckMessage]:
    """A session that ends in one process has ended in all."""
    alias: Any = conf.raw("SESSION_CACHE_ALIAS")
    store = lookup.attempt(engines.store, None)
    in_cache = hasattr(store, "cache_key")
    if conf.raw("DEBUG") or not in_cache or not _is_cache(alias, LOCAL_MEMORY):
        return []
    return [
        Warning(
            f"SESSION_ENGINE is {conf.raw('SESSION_ENGINE')!r} on a cache that belongs to one "
            "process: a session that is ended in one lives on in the others.",
            hint="Configure a cache that all processes share, or use the engine "
            '"django.contrib.sessions.backends.db".',
            id="oidc_logout.W020",
        )
    ]


def check_proxy() -> list[CheckMessage]:
    """Behind a proxy, the address to come back to is an https one."""
    providers = conf.OIDC_LOGOUT_PROVIDERS.values()
    moot = all(options.post_logout_redirect_uri for options in providers)
    if moot or conf.raw("SECURE_PROXY_SSL_HEADER") or not _is_behind_a_proxy():
        return []
    return [
        Warning(
            "The site seems to be behind a proxy, and SECURE_PROXY_SSL_HEADER is not set: the "
            "post_logout_redirect_uri may begin with http, and the provider refuse it.",
            hint="Set SECURE_PROXY_SSL_HEADER as Django's documentation says, or "
            "POST_LOGOUT_REDIRECT_URI. If your server sets the scheme itself, silence this.",
            id="oidc_logout.W017",
        )
    ]


def _is_behind_a_proxy() -> bool:
    """Tell whether the site takes its host from a proxy, or has to trust its own https origin."""
    own = {f"https://{host.removeprefix('.')}" for host in lookup.named("ALLOWED_HOSTS")}
    return bool(
        conf.raw("USE_X_FORWARDED_HOST")
        or conf.raw("USE_X_FORWARDED_PORT")
        or own & {*lookup.named("CSRF_TRUSTED_ORIGINS")}
    )


def check_migrations(databases: Iterable[str] | None) -> list[CheckMessage]:
    """The tables are there, and as this version needs them."""
    nothing: list[str] = []
    if sys.argv[1:2] == ["migrate"]:  # it runs this before it does what is missing
        return []
    return [
        Warning(
            f"The database {alias!r} lacks {name}.",
            hint="Run manage.py migrate.",
            id="oidc_logout.W021",
        )
        for alias in databases or ()
        for name in lookup.attempt(partial(_unapplied, alias), nothing)
    ]


def _unapplied(alias: str) -> list[str]:
    if not router.allow_migrate(alias, "django_oidc_logout", model_name="oidcsession"):
        return []
    loader = MigrationLoader(connections[alias], ignore_no_migrations=True)
    return [
        ".".join(key)
        for key in loader.graph.nodes
        if key[0] == "django_oidc_logout" and key not in loader.applied_migrations
    ]


CACHE_CHECKS = (check_cache, check_dummy_cache, check_session_cache)
