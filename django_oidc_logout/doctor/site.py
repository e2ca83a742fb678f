"""Inspections of the site itself: what signing out rests on, tried out."""

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

from .. import safe_cache
from ..conf import conf
from ..models import OIDCSession
from ..sessions import engines
from .findings import TITLES, Finding, error, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.checks import CheckMessage

APP = "django_oidc_logout"
CHECKS = "oidc_logout"  # their tag
OF_URLS = {"oidc_logout.E016", "oidc_logout.E017"}
ROWS_TO_READ = 20
PROBE = "_oidc_logout_doctor"
SECONDS_TO_LIVE = 60
SECONDS_TO_START = 60

# What a second process of the same project runs: the cache's answer is its exit code.
SAW, DID_NOT_SEE = 0, 3
SECOND_PROCESS = f"""
import sys, django
django.setup()
from django_oidc_logout import safe_cache
sys.exit({SAW} if safe_cache.get(sys.argv[1]) == sys.argv[2] else {DID_NOT_SEE})
"""


def system_checks(_: None) -> Iterator[Finding]:
    """All system checks of this package; those for deployment only where DEBUG is off."""
    messages = run_checks(tags=[CHECKS], include_deployment_checks=not conf.raw("DEBUG"))
    told = [message for message in messages if not message.is_silenced()]
    for message in told:
        if message.id not in OF_URLS:
            yield Finding(
                id=message.id or "checks",
                status="error" if message.level > WARNING else "warning",
                title=message.id or TITLES["checks"],
                detail=message.msg,
                remedy=message.hint or "",
            )
    if not told:
        yield ok("checks", "All of this package pass.")
    yield from _urls([message for message in told if message.id in OF_URLS])


def _urls(told: list[CheckMessage]) -> Iterator[Finding]:
    """The package's URLs are included, and no other view comes first: the checks decide."""
    try:
        path = reverse("oidc_logout:logout")
    except NoReverseMatch:
        path = ""
    except Exception as exc:  # noqa: BLE001  # a site's urls.py may raise anything
        what = f"They cannot be read: {type(exc).__name__}."
        yield error("urls", what, "See what manage.py check says of ROOT_URLCONF.")
        return
    for remedy in dict.fromkeys(message.hint or "" for message in told):
        # What one remedy mends is one mistake, at however many addresses.
        what = " ".join(message.msg for message in told if (message.hint or "") == remedy)
        yield error("urls", what, remedy)
    if not told:
        yield _without_fault(path)


def _without_fault(path: str) -> Finding:
    if not path:
        return warning(
            "urls",
            "Not included, as the settings have it: the provider reaches the site on no channel.",
            'To be told of sign-outs there, add path("oidc/", include("django_oidc_logout.urls")) '
            "to urls.py.",
        )
    inside = path.removeprefix(get_script_prefix().rstrip("/"))
    is_ours = resolve(inside).app_name == "oidc_logout"
    return ok("urls", f"{path} is {'ours' if is_ours else 'not ours, as the settings have it'}.")


def database(_: None) -> Iterator[Finding]:
    """The table of the index is there, as this version needs it."""
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
        yield ok("database", "Migrated, and the table of sessions can be read.")


def encryption(_: None) -> Iterator[Finding]:
    """What SECRET_KEY encrypts can be decrypted, what is in the table already included."""
    field = OIDCSession._meta.get_field("id_token")
    try:
        kept = field.from_db_value(field.get_prep_value(PROBE), None, connections["default"])
    except ImproperlyConfigured:
        kept = ""
    if kept != PROBE:
        yield error("encryption", "Nothing can be encrypted.", "Set SECRET_KEY.")
    elif lost := _unreadable_id_tokens():
        yield warning(
            "encryption",
            f"{lost} of the newest sessions have an ID Token that SECRET_KEY does not open: they "
            "will sign out without it.",
            "Put the former SECRET_KEY into SECRET_KEY_FALLBACKS.",
        )
    else:
        yield ok("encryption", "SECRET_KEY opens what it has closed.")


def _unreadable_id_tokens() -> int:
    rows = OIDCSession.objects.exclude(id_token="").order_by("-signed_in_at")[:ROWS_TO_READ]
    try:
        return sum(not row.id_token for row in rows)
    except DatabaseError:
        return 0  # which is another finding


def session_store(_: None) -> Iterator[Finding]:
    """The session engine saves, loads and deletes."""
    engine = conf.SESSION_ENGINE.removeprefix("django.contrib.sessions.backends.")
    if engines.in_cookies():
        yield ok("sessions", f"{engine}: each lives while its row does.")
        return
    try:
        fault = _try_session()
    except Exception as exc:  # noqa: BLE001  # each store raises its own
        fault = f"answers with {type(exc).__name__}"
    if fault:
        remedy = "See that what SESSION_ENGINE needs is up, and run manage.py migrate."
        yield error("sessions", f"{engine} {fault}.", remedy)
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
        return "does not give back what was saved"
    engines.delete(key)
    return "does not delete" if store(key).get(PROBE) else ""


def cache(_: None) -> Iterator[Finding]:
    """The default cache keeps, and claims once; another process sees what it keeps."""
    name, value = safe_cache.key("doctor", get_random_string(32)), get_random_string(32)
    claim = safe_cache.key("doctor-claim", value)
    safe_cache.put(name, value, SECONDS_TO_LIVE)
    claims = [safe_cache.add(claim, SECONDS_TO_LIVE) for _ in range(2)]
    try:
        if safe_cache.get(name) != value or claims != [True, False]:
            yield error(
                "cache",
                "The default cache does not keep what is put into it, so no replayed logout token "
                "is noticed and the provider is asked at every click.",
                'Set CACHES["default"] to a cache that is up: Redis, Memcached or the database.',
            )
        else:
            yield ok("cache", "Keeps what is put into it, and claims once.")
            yield _shared(name, value)
    finally:
        safe_cache.delete(name)
        safe_cache.delete(claim)


def _shared(name: str, value: str) -> Finding:
    seen = _seen_by_another_process(name, value)
    if seen is None:
        return warning(
            "cache-shared",
            "Could not be tried: no second process of this project could be started.",
            "Set the environment variable DJANGO_SETTINGS_MODULE to its settings.",
        )
    if seen:
        return ok("cache-shared", "Another process sees it.")
    if conf.raw("DEBUG"):
        return ok("cache-shared", "Not shared, which will do for DEBUG only.")
    return error(
        "cache-shared",
        "Each process has a cache of its own: a replayed logout token is noticed by the process "
        "that saw it first, and by no other.",
        'Set CACHES["default"] to one that all processes share: Redis, Memcached or the database.',
    )


def _seen_by_another_process(name: str, value: str) -> bool | None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        process = subprocess.run(  # noqa: S603  # our own words
            [sys.executable, "-c", SECOND_PROCESS, name, value],
            env=environment,
            capture_output=True,
            timeout=SECONDS_TO_START,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return {SAW: True, DID_NOT_SEE: False}.get(process.returncode)


INSPECTIONS = (system_checks, database, encryption, session_store, cache)
