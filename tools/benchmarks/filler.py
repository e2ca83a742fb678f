"""Many other sessions, to fill the tables."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.db import connection
from django.utils import timezone

from .project import session_store
from .sign_ins import sign_in, sign_in_someone

AGE = timedelta(days=14)
TOO_OLD = timedelta(days=60)
SERIES = {
    "postgresql": "SELECT generate_series(%s, %s) AS n",
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT %s UNION ALL SELECT n + 1 FROM s WHERE n < %s) "
    "SELECT n FROM s",
}
NUMBER = {"postgresql": "lpad(n::text, {0}, '0')", "sqlite": "printf('%%0{0}d', n)"}


def fill(count):
    """Create sessions of others until this many exist, each with what the project stores for it."""
    from django.contrib.sessions.models import Session

    there, expires = Session.objects.count(), timezone.now() + AGE
    data = session_store()().encode(_content())
    number = NUMBER[connection.vendor]
    key = f"'filler' || {number.format(26)}"
    if there < count:
        same = {"session_data": data, "expire_date": expires}
        _insert("django_session", range(there, count), {"session_key": key}, same)
    if there < count and settings.BENCHMARKED == "ours":
        text, digest = number.format(12), number.format(64)
        names = ("sub", "sid", "sub_digest", "sid_digest", "email_digest", "session_key", "handle")
        values = (text, text, digest, digest, digest, key, number.format(32))
        unique = dict(zip(names, values, strict=True))
        _insert("django_oidc_logout_oidcsession", range(there, count), unique, _same(expires))
    if there < count and settings.BENCHMARKED == "pyoidc":
        text = number.format(12)
        unique = dict.fromkeys(("state", "session_state", "sub"), text)
        table, same = "django_pyoidc_oidcsession", {"created_at": timezone.now()}
        _insert(table, range(there, count), {**unique, "cache_session_key": key}, same)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return Session.objects.count()


def fill_receipts(count):
    """Note this many security events as received, in the week for which they are kept."""
    from django_oidc_logout.models import ReceivedEvent

    there, table = ReceivedEvent.objects.count(), ReceivedEvent._meta.db_table
    digest = NUMBER[connection.vendor].format(64)
    if there < count:
        _insert(table, range(there, count), {"digest": digest}, {"received_at": timezone.now()})
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return ReceivedEvent.objects.count()


def fill_history(count):
    """Write so many events of which half are too old; return how many are."""
    from django_oidc_logout.models import SessionEvent

    text = NUMBER[connection.vendor].format(64)
    same = {"kind": "ended", "code": "back_channel", "source": "provider", "provider": "default"}
    same |= {"sid_digest": "", "device": "", "address": ""}
    old, table, now = count // 2, SessionEvent._meta.db_table, timezone.now()
    for numbers, at in ((range(old), now - TOO_OLD), (range(old, count), now)):
        _insert(table, numbers, {"sub_digest": text}, {**same, "at": at})
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return old


def _insert(table, numbers, computed, same):
    """Insert a row for each number n, with some columns computed from it."""
    chosen = [*computed.values(), *("%s" for _ in same)]
    columns, series = ", ".join([*computed, *same]), SERIES[connection.vendor]
    sql = f"INSERT INTO {table} ({columns}) SELECT {', '.join(chosen)} FROM ({series}) AS s"
    with connection.cursor() as cursor:
        cursor.execute(sql, [*same.values(), numbers.start, numbers.stop - 1])


def _content():
    return {
        SESSION_KEY: "0",
        "_auth_user_backend": settings.AUTHENTICATION_BACKENDS[0],
        "_auth_user_hash": "0" * 64,
        "oidc_sid": "another session",
        "oidc_id_token": "x" * 900,
    }


def _same(expires):
    issuer = settings.OIDC_LOGOUT_PROVIDERS["default"]["ISSUER"]
    now = timezone.now()
    return {
        "provider": "default",
        "issuer": issuer,
        "signed_in_at": now,
        "expires_at": expires,
        "id_token": "x" * 1200,
        "refresh_token": "",
        "last_seen_at": now,
        "device": "",
        "address": "",
    }


def sessions_of(claims, count):
    """Create this many sessions of one person, and return their keys."""
    from django_oidc_logout.models import OIDCSession

    sign_in(claims)
    signed_in = OIDCSession.objects.get(sub=claims["sub"])
    keys = [signed_in.session_key, *(sign_in_someone() for _ in range(count - 1))]
    names = "provider", "issuer", "sub", "user_id", "expires_at"
    same = {name: getattr(signed_in, name) for name in names}
    OIDCSession.objects.bulk_create(
        OIDCSession(sid=f"sid {n}", session_key=key, **same)
        for n, key in enumerate(keys)
        if key != signed_in.session_key
    )
    return keys
