"""Inspections of what a sign-out needs from the site."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from django.core.checks import WARNING, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connections, router
from django.db.migrations.executor import MigrationExecutor
from django.urls import NoReverseMatch, get_script_prefix, resolve, reverse
from django.utils.crypto import get_random_string

from ..conf import conf, from_callable
from ..framework import safe_cache
from ..models import OIDCSession
from ..sessions import engines
from .findings import TITLES, Finding, error, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.checks import CheckMessage

APP = "django_oidc_logout"
CHECKS_TAG = "oidc_logout"
URL_CHECKS = {"oidc_logout.E016", "oidc_logout.E017"}
ROWS_TO_READ = 20
PROBE = "_oidc_logout_doctor"
SECONDS_TO_LIVE = 60
SECONDS_TO_START = 60

# A second process of the same project runs this. Its exit code says whether it saw the value.
SAW, DID_NOT_SEE = 0, 3
SECOND_PROCESS = f"""
import sys, django
django.setup()
from django_oidc_logout.framework import safe_cache
sys.exit({SAW} if safe_cache.get(sys.argv[1]) == sys.argv[2] else {DID_NOT_SEE})
"""


def providers(_: None) -> Iterator[Finding]:
    """Inspect whether providers are configured, and the function that returns them, if any."""
    found, path = conf.OIDC_LOGOUT_PROVIDERS, conf.raw("OIDC_LOGOUT_PROVIDERS")
    aliases = ", ".join(map(repr, found))
    if not from_callable.is_path(path):
        if found:
            yield ok("providers", f"{aliases}, in the settings.")
        return
    remedy = f"Run {path}() in manage.py shell. Here, it is called without a request."
    if found.failure:
        yield error("providers", f"{found.failure}.", remedy)
    elif not found:
        yield error("providers", f"{path} did not return a provider.", remedy)
    else:
        yield ok("providers", f"{path} returned {aliases}.")


def system_checks(_: None) -> Iterator[Finding]:
    """Inspect whether this package's system checks pass, with `--deploy` unless DEBUG is on."""
    messages = run_checks(tags=[CHECKS_TAG], include_deployment_checks=not conf.raw("DEBUG"))
    messages = [message for message in messages if not message.is_silenced()]
    for message in messages:
        if message.id not in URL_CHECKS:
            yield Finding(
                id=message.id or "checks",
                status="error" if message.level > WARNING else "warning",
                title=message.id or TITLES["checks"],
                detail=message.msg,
                remedy=message.hint or "",
            )
    if not messages:
        yield ok("checks", "All checks of this package pass.")
    yield from _urls([message for message in messages if message.id in URL_CHECKS])


def _urls(messages: list[CheckMessage]) -> Iterator[Finding]:
    """Report what the checks say about the URLs, as one finding for each remedy."""
    try:
        path = reverse("oidc_logout:logout")
    except NoReverseMatch:
        path = ""
    except Exception as exc:  # noqa: BLE001  # urls.py may raise anything
        detail = f"ROOT_URLCONF cannot be loaded: {type(exc).__name__}."
        yield error("urls", detail, "Run manage.py check to see why.")
        return
    for remedy in dict.fromkeys(message.hint or "" for message in messages):
        detail = " ".join(message.msg for message in messages if (message.hint or "") == remedy)
        yield error("urls", detail, remedy)
    if not messages:
        yield _valid_urls(path)


def _valid_urls(path: str) -> Finding:
    if not path:
        return warning(
            "urls",
            "Not included, which the settings allow: the provider cannot notify the site of "
            "sign-outs.",
            'To be notified, add path("oidc/", include("django_oidc_logout.urls")) to urls.py.',
        )
    inside = path.removeprefix(get_script_prefix().rstrip("/"))
    is_own = resolve(inside).app_name == "oidc_logout"
    view = "this package" if is_own else "another view, which the settings allow"
    return ok("urls", f"{path} is served by {view}.")


def database(_: None) -> Iterator[Finding]:
    """Inspect whether the migrations are applied and the table can be read."""
    alias = router.db_for_write(OIDCSession)
    remedy = f"Run manage.py migrate {APP}."
    try:
        list(OIDCSession.objects.using(alias)[:1])
        executor = MigrationExecutor(connections[alias])
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes(APP))
    except DatabaseError:
        yield error("database", "The table of sessions cannot be read.", remedy)
        return
    if pending:
        names = ", ".join(str(migration) for migration, _ in pending)
        yield error("database", f"Migrations are not applied: {names}.", remedy)
    else:
        yield ok("database", "The migrations are applied, and the table of sessions can be read.")


def encryption(_: None) -> Iterator[Finding]:
    """Inspect whether SECRET_KEY encrypts tokens, and decrypts those in the table."""
    field = OIDCSession._meta.get_field("id_token")
    try:
        kept = field.from_db_value(field.get_prep_value(PROBE), None, connections["default"])
    except ImproperlyConfigured:
        kept = ""
    if kept != PROBE:
        yield error("encryption", "Tokens cannot be encrypted.", "Set SECRET_KEY.")
    elif lost := _unreadable_id_tokens():
        yield warning(
            "encryption",
            f"SECRET_KEY cannot decrypt the ID Tokens of {lost} of the newest sessions: they will "
            "sign out without it.",
            "Unless the previous SECRET_KEY has leaked, add it to SECRET_KEY_FALLBACKS.",
        )
    else:
        yield ok("encryption", "SECRET_KEY encrypts and decrypts tokens.")


def _unreadable_id_tokens() -> int:
    rows = OIDCSession.objects.exclude(id_token="").order_by("-signed_in_at")[:ROWS_TO_READ]
    try:
        return sum(not row.id_token for row in rows)
    except DatabaseError:
        return 0  # another finding reports this


def session_store(_: None) -> Iterator[Finding]:
    """Inspect whether the session engine saves, loads and deletes."""
    engine = conf.SESSION_ENGINE.removeprefix("django.contrib.sessions.backends.")
    if engines.in_cookies():
        yield ok("sessions", f"{engine}: a session lives as long as its row.")
        return
    try:
        problem = _try_session()
    except Exception as exc:  # noqa: BLE001  # each store raises its own
        problem = f"raises {type(exc).__name__}"
    if problem:
        remedy = "Check that what SESSION_ENGINE uses is running, and run manage.py migrate."
        yield error("sessions", f"{engine} {problem}.", remedy)
    else:
        yield ok("sessions", f"{engine} saves, loads and deletes.")


def _try_session() -> str:
    store = engines.store()
    session = store()
    session.set_expiry(SECONDS_TO_LIVE)
    session[PROBE] = True
    session.save()
    key = str(session.session_key)
    if not store(key).get(PROBE):
        return "does not load what it saved"
    engines.delete(key)
    return "does not delete" if store(key).get(PROBE) else ""


def cache(_: None) -> Iterator[Finding]:
    """Inspect whether the default cache stores values, and whether another process sees them."""
    name, value = safe_cache.key("doctor", get_random_string(32)), get_random_string(32)
    claim = safe_cache.key("doctor-claim", value)
    safe_cache.put(name, value, SECONDS_TO_LIVE)
    claims = [safe_cache.add(claim, SECONDS_TO_LIVE) for _ in range(2)]
    try:
        if safe_cache.get(name) != value or claims != [True, False]:
            yield error(
                "cache",
                "The default cache does not store values: logout tokens can be replayed, and every "
                "sign-out fetches the provider's metadata.",
                'Set CACHES["default"] to a working cache: Redis, Memcached or the database.',
            )
        else:
            yield ok("cache", "The default cache stores values.")
            yield _shared(name, value)
    finally:
        safe_cache.delete(name)
        safe_cache.delete(claim)


def _shared(name: str, value: str) -> Finding:
    seen = _seen_by_another_process(name, value)
    if seen is None:
        return warning(
            "cache-shared",
            "Not tried: a second process of this project could not be started.",
            "Set the environment variable DJANGO_SETTINGS_MODULE to the project's settings.",
        )
    if seen:
        return ok("cache-shared", "Another process sees its values.")
    if conf.raw("DEBUG"):
        return ok("cache-shared", "Not shared, which is enough for DEBUG only.")
    return error(
        "cache-shared",
        "Each process has its own default cache: a logout token can be replayed once in each.",
        'Set CACHES["default"] to one that all processes share: Redis, Memcached or the database.',
    )


def _seen_by_another_process(name: str, value: str) -> bool | None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        process = subprocess.run(  # noqa: S603  # constants and random strings
            [sys.executable, "-c", SECOND_PROCESS, name, value],
            env=environment,
            capture_output=True,
            timeout=SECONDS_TO_START,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return {SAW: True, DID_NOT_SEE: False}.get(process.returncode)


INSPECTIONS = (providers, system_checks, database, encryption, session_store, cache)
