"""System checks of the deployment: caches, proxy, database.

They do not use the network. Only `check_migrations` queries; Django runs it with `--database`.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.cache import DEFAULT_CACHE_ALIAS
from django.core.checks import CheckMessage, Warning
from django.db import DEFAULT_DB_ALIAS, connections, router
from django.db.migrations.loader import MigrationLoader

from ..conf import conf
from ..models import OIDCSession
from ..sessions import engines
from . import lookup

if TYPE_CHECKING:
    from collections.abc import Iterable

LOCAL_MEMORY = "django.core.cache.backends.locmem.LocMemCache"
DUMMY = "django.core.cache.backends.dummy.DummyCache"
SHARE_CACHE = "Configure a cache that all processes share: Redis, Memcached or the database."


def _is_cache(alias: str, kind: str) -> bool:
    caches: Any = conf.raw("CACHES")
    return lookup.is_kind(lookup.attempt(lambda: caches[alias]["BACKEND"], None), kind)


def _is_shared_site() -> bool:
    """Return whether this looks like a production site with several processes."""
    vendor = lookup.attempt(lambda: connections[DEFAULT_DB_ALIAS].vendor, "unknown")
    on_server = vendor not in ("sqlite", "unknown")
    return not conf.raw("DEBUG") and (on_server or conf.is_overridden("CACHES"))


def check_cache() -> list[CheckMessage]:
    """Check that all processes share the default cache."""
    if not (_is_shared_site() and _is_cache(DEFAULT_CACHE_ALIAS, LOCAL_MEMORY)):
        return []
    return [
        Warning(
            "Each process has its own default cache: a logout token can be replayed once in each.",
            hint=f"{SHARE_CACHE} If there is only one process, silence this.",
            id="oidc_logout.W018",
        )
    ]


def check_dummy_cache() -> list[CheckMessage]:
    """Check that the default cache stores values."""
    if not (_is_shared_site() and _is_cache(DEFAULT_CACHE_ALIAS, DUMMY)):
        return []
    return [
        Warning(
            "The default cache stores nothing: every sign-out fetches the provider's metadata, "
            "every logout token its keys, and logout tokens can be replayed.",
            hint=SHARE_CACHE,
            id="oidc_logout.W019",
        )
    ]


def check_session_cache() -> list[CheckMessage]:
    """Check that all processes share the session cache."""
    alias: Any = conf.raw("SESSION_CACHE_ALIAS")
    store = lookup.attempt(engines.store, None)
    in_cache = hasattr(store, "cache_key")
    if conf.raw("DEBUG") or not in_cache or not _is_cache(alias, LOCAL_MEMORY):
        return []
    return [
        Warning(
            f"SESSION_ENGINE is {conf.raw('SESSION_ENGINE')!r}, and each process has its own "
            "session cache: a session that ends in one process stays alive in the others.",
            hint=f'{SHARE_CACHE} Or set SESSION_ENGINE = "django.contrib.sessions.backends.db".',
            id="oidc_logout.W020",
        )
    ]


def check_sqlite() -> list[CheckMessage]:
    """Check that SQLite lets sign-ins wait for each other."""
    databases: Any = conf.raw("DATABASES")
    alias = lookup.attempt(lambda: router.db_for_write(OIDCSession), DEFAULT_DB_ALIAS)
    database: Any = lookup.attempt(lambda: {**databases[alias]}, {})
    mode = str(lookup.attempt(lambda: database["OPTIONS"]["transaction_mode"], "")).upper()
    is_sqlite = str(database.get("ENGINE")).endswith("sqlite3")
    if not (is_sqlite and database.get("ATOMIC_REQUESTS")) or mode in ("IMMEDIATE", "EXCLUSIVE"):
        return []
    return [
        Warning(
            f"The database {alias!r} is SQLite with ATOMIC_REQUESTS: if several people sign in at "
            'once, some sign-ins are not recorded ("database is locked").',
            hint='Set "OPTIONS": {"transaction_mode": "IMMEDIATE"} in DATABASES.',
            id="oidc_logout.W024",
        )
    ]


def check_database_of_users() -> list[CheckMessage]:
    """Check that the index is in the database of the users, to which its rows refer."""
    index = lookup.attempt(lambda: router.db_for_write(OIDCSession), "")
    users = lookup.attempt(lambda: router.db_for_write(get_user_model()), index)
    if index == users:
        return []
    return [
        Warning(
            f"DATABASE_ROUTERS puts django_oidc_logout into {index!r} and the users into "
            f"{users!r}: sign-ins cannot be recorded, and users cannot be deleted.",
            hint="Route the app django_oidc_logout to the database of the users. The sessions may "
            "be in another one.",
            id="oidc_logout.W060",
        )
    ]


def check_replica_of_sessions() -> list[CheckMessage]:
    """Check that sessions are read from the database that they are written to."""
    model: Any = lookup.attempt(lambda: engines.model_of(engines.store()), None)
    written = lookup.attempt(lambda: router.db_for_write(model) if model else "", "")
    read = lookup.attempt(lambda: router.db_for_read(model) if model else "", written)
    if read == written:
        return []
    return [
        Warning(
            f"DATABASE_ROUTERS reads sessions from {read!r} and writes them to {written!r}: until "
            f"{read!r} has caught up, a session that has ended is still served, and a new one is "
            "not found.",
            hint="Read the sessions from the database that they are written to.",
            id="oidc_logout.W061",
        )
    ]


def check_cache_of_tenants() -> list[CheckMessage]:
    """Check that tenants with schemas of their own do not share cached values."""
    apps, caches = conf.raw("TENANT_APPS"), conf.raw("CACHES")
    is_separate = lookup.attempt(lambda: "django_oidc_logout" in apps, otherwise=False)
    key_function = lookup.attempt(lambda: caches[DEFAULT_CACHE_ALIAS]["KEY_FUNCTION"], None)
    if not is_separate or key_function:
        return []
    return [
        Warning(
            "TENANT_APPS has django_oidc_logout, but all tenants share the keys of the default "
            "cache: a logout token that one tenant receives can end a sign-in at another.",
            hint='Set "KEY_FUNCTION": "django_tenants.cache.make_key" and "REVERSE_KEY_FUNCTION": '
            '"django_tenants.cache.reverse_key" in CACHES.',
            id="oidc_logout.W062",
        )
    ]


def check_proxy() -> list[CheckMessage]:
    """Check that the post_logout_redirect_uri is an https URL behind a proxy."""
    providers = conf.known_providers.values()
    is_set = all(options.post_logout_redirect_uri for options in providers)
    if is_set or conf.raw("SECURE_PROXY_SSL_HEADER") or not _is_behind_a_proxy():
        return []
    return [
        Warning(
            "The site seems to be behind a proxy, but SECURE_PROXY_SSL_HEADER is not set: the "
            "post_logout_redirect_uri may start with http, and the provider may reject it.",
            hint="Set SECURE_PROXY_SSL_HEADER as Django's documentation describes, or set "
            "POST_LOGOUT_REDIRECT_URI. If your server sets the scheme itself, silence this.",
            id="oidc_logout.W017",
        )
    ]


def _is_behind_a_proxy() -> bool:
    """Return whether the site reads its host from a proxy or has to trust its own https origin."""
    own = {f"https://{host.removeprefix('.')}" for host in lookup.named("ALLOWED_HOSTS")}
    return bool(
        conf.raw("USE_X_FORWARDED_HOST")
        or conf.raw("USE_X_FORWARDED_PORT")
        or own & {*lookup.named("CSRF_TRUSTED_ORIGINS")}
    )


def check_migrations(databases: Iterable[str] | None) -> list[CheckMessage]:
    """Check that the migrations are applied."""
    nothing: list[str] = []
    if sys.argv[1:2] == ["migrate"]:  # it runs the checks before the migrations
        return []
    return [
        Warning(
            f"Migrations are not applied to the database {alias!r}: {', '.join(names)}.",
            hint="Run manage.py migrate.",
            id="oidc_logout.W021",
        )
        for alias in databases or ()
        if (names := lookup.attempt(partial(_unapplied, alias), nothing))
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


DATABASE_CHECKS = (check_database_of_users, check_replica_of_sessions, check_cache_of_tenants)
CACHE_CHECKS = (check_cache, check_dummy_cache, check_session_cache)
