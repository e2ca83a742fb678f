"""Ended stays ended: the person must authenticate again at the provider to sign in.

A session that was ended here can begin again without a password, as long as the provider's own
session lasts. So whoever ends it can set a mark, "not before now", for the person's subject at the
issuer. A sign-in is then allowed only if the person authenticated after the mark (`auth_time` of
the ID Token). The marks are in the database, because a cache may lose them.

A browser can have a mark of its own, in a signed cookie. It is weaker: the site asks the provider
for a new authentication, and rejects an older one. But it accepts an ID Token without `auth_time`.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from django.core import signing
from django.db import Error, connections
from django.utils import timezone

from ..codes import LogCode
from ..exceptions import SessionsNotEnded
from ..fields import digest
from ..framework.request_scope import unwrapped
from ..models import ReauthenticationMark
from . import index, sql
from .lifetime import LEEWAY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet
    from django.http import HttpRequest

    from ..models import OIDCSession
    from ..tokens.id_token import IDToken

logger = logging.getLogger("django_oidc_logout")

COOKIE = "oidc_logout_reauthenticate"
SATISFIED = "_oidc_logout_satisfied"
KEPT = timedelta(days=400)  # browsers delete older cookies, so a provider's session cannot be older


def require(people: Iterable[tuple[str, str]]) -> None:
    """Require these people, each an issuer and a subject, to authenticate again from now on.

    If there are none, this is logged: a user without a session has an issuer and a subject that the
    site does not know.

    Raises:
        SessionsNotEnded: the marks cannot be written. This is logged.
    """
    digests = sorted({digest(issuer, sub) for issuer, sub in people})
    if not digests:
        logger.warning(
            "Could not require anybody to authenticate again, no session matched, name the issuer "
            "and the sub",
            extra=LogCode.NO_MARK_SET.extra(),
        )
        return
    try:
        _write(digests, index.database())
    except Error as exc:
        logger.exception(
            "Could not require people to authenticate again, their sessions stay, repeat the "
            "sign-out",
            extra=LogCode.MARKS_NOT_WRITTEN.extra(),
        )
        raise SessionsNotEnded(ended=0, failed=len(digests)) from exc


def _write(digests: list[str], using: str) -> None:
    marks = [ReauthenticationMark(sub_digest=each, not_before=timezone.now()) for each in digests]
    has_target = connections[using].features.supports_update_conflicts_with_target
    with sql.savepoint(using):
        ReauthenticationMark.objects.using(using).bulk_create(
            marks,
            batch_size=index.BATCH,
            update_conflicts=True,
            update_fields=["not_before"],
            unique_fields=["sub_digest"] if has_target else None,
        )


def require_before_end(rows: QuerySet[OIDCSession], named: Iterable[tuple[str, str]]) -> None:
    """Require the people of these rows, and those named, to authenticate again.

    Call it before the sessions end. Then a concurrent sign-in finds the mark, or its session ends.

    Raises:
        SessionsNotEnded: the rows cannot be read, or the marks cannot be written.
    """
    try:
        with sql.savepoints():
            people = {*named, *rows.values_list("issuer", "sub")}
    except Error as exc:
        raise SessionsNotEnded(ended=0, failed=1) from exc
    require(people)


def is_required(request: HttpRequest, token: IDToken) -> bool:
    """Return whether a sign-in needs a later authentication than the one of its ID Token."""
    at = token.auth_time
    mark = _mark(token)
    if mark is not None and (at is None or not mark < at <= time.time() + LEEWAY):
        return True
    asked = asked_at(request)
    return asked is not None and at is not None and at + LEEWAY <= asked


def _mark(token: IDToken) -> float | None:
    rows = sql.select(ReauthenticationMark, sub_digest=[digest(token.issuer, token.subject)])
    mark = next(iter(rows), None)
    return mark.not_before.timestamp() if mark else None


def satisfy(request: HttpRequest) -> None:
    """Remember that this request has recorded a sign-in whose authentication is recent enough."""
    setattr(unwrapped(request), SATISFIED, True)


def is_satisfied(request: HttpRequest) -> bool:
    """Return whether `satisfy` was called for a request."""
    return hasattr(unwrapped(request), SATISFIED)


def prune() -> int:
    """Remove the marks that are older than any session at a provider. Return how many."""
    old = ReauthenticationMark.objects.filter(not_before__lt=timezone.now() - KEPT)
    return old.delete()[0]


def cookie_value() -> str:
    """Return the value of the cookie that requires a browser to authenticate again."""
    return signing.dumps(int(time.time()), salt=COOKIE)


def asked_at(request: HttpRequest) -> float | None:
    """Return since when this browser must authenticate again, or None."""
    try:
        value = signing.loads(request.COOKIES.get(COOKIE, ""), salt=COOKIE)
    except signing.BadSignature:
        return None
    return float(value) if isinstance(value, int) else None
