"""Ends the sessions whose sign-in the provider no longer confirms."""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import F
from django.utils import timezone

from ..codes import EndedCode, LogCode
from ..conf import conf
from ..exceptions import ProviderUnavailable, SessionsNotEnded
from ..models import OIDCSession
from ..providers import configured, confirmation
from . import end, index

if TYPE_CHECKING:
    from django.db.models import QuerySet

logger = logging.getLogger("django_oidc_logout")

MAX_FAILURES = 3  # in a row; this run then skips the provider


@dataclass(slots=True, kw_only=True)
class Result:
    """What a run has done."""

    confirmed: int = 0
    ended: int = 0
    unanswered: int = 0
    left: int = 0
    """Sessions that the run did not reach, could not end, or skipped with their provider."""


def run(*, rate: float, seconds: float) -> Result:
    """Ask the providers about their live sessions, the least recently checked first.

    Args:
        rate: how many sessions to ask about per second, at most.
        seconds: how long to run.
    """
    result, failures = Result(), Counter[str]()
    deadline = time.monotonic() + seconds
    found = list(_live().values_list("pk", "provider"))
    for number, (pk, provider) in enumerate(found):
        if time.monotonic() >= deadline:
            result.left += len(found) - number
            break
        if failures[provider] >= MAX_FAILURES:
            result.left += 1
            continue
        row = _claim(pk)
        if row is None:
            continue
        started = time.monotonic()
        _check(row, result, failures)
        pause = random.uniform(0.5, 1.5) / rate  # noqa: S311  # jitter
        time.sleep(max(0.0, min(started + pause, deadline) - time.monotonic()))
    return result


def _live() -> QuerySet[OIDCSession]:
    """Return the rows of live sessions to check, the least recently checked first.

    A session that is extended may last half its lifetime longer than its row says.
    """
    providers = conf.OIDC_LOGOUT_PROVIDERS.items()
    aliases = [alias for alias, options in providers if options.recheck]
    now, lag = timezone.now(), timedelta(seconds=conf.SESSION_COOKIE_AGE / 2)
    rows = OIDCSession.objects.using(index.database())
    unexpired = rows.filter(expires_at__gt=now - lag).exclude(ends_at__lte=now)
    live = unexpired.filter(provider__in=aliases).exclude(refresh_token="")
    return live.order_by(F("rechecked_at").asc(nulls_first=True), "pk")


def _claim(pk: int) -> OIDCSession | None:
    """Return a row, unless it no longer exists or another run checks it."""
    rows = OIDCSession.objects.using(index.database()).filter(pk=pk)
    row = rows.first()
    if row is None or not row.refresh_token:  # an older SECRET_KEY may have encrypted it
        return None
    is_claimed = rows.filter(rechecked_at=row.rechecked_at).update(rechecked_at=timezone.now())
    return row if is_claimed else None


def _check(row: OIDCSession, result: Result, failures: Counter[str]) -> None:
    try:
        options = configured.provider_of_session(row.provider, row.issuer).options
        answer = confirmation.ask(options, row.refresh_token)
    except ProviderUnavailable as exc:
        failures[row.provider] += 1
        result.unanswered += 1
        logger.warning(
            "Could not recheck a session at its provider, it stays signed in: issuer=%s reason=%s",
            row.issuer,
            exc,
            extra=LogCode.NOT_RECHECKED.extra(provider=row.provider),
        )
        return
    failures[row.provider] = 0
    if answer.is_good:
        result.confirmed += 1
        _store(row, answer.refresh_token)
        return
    if _has_other_token(row):  # the answer was about the old one
        result.left += 1
        return
    try:
        result.ended += end.end_rows([row], code=EndedCode.NOT_CONFIRMED)
    except SessionsNotEnded:  # it is logged, and the row remains for the next run
        result.left += 1


def _store(row: OIDCSession, refresh_token: str) -> None:
    if refresh_token and refresh_token != row.refresh_token and not _has_other_token(row):
        _current(row).update(refresh_token=refresh_token)


def _has_other_token(row: OIDCSession) -> bool:
    """Return whether a renewal has replaced a row's refresh token since the row was read."""
    current = _current(row).first()
    return current is not None and current.refresh_token != row.refresh_token


def _current(row: OIDCSession) -> QuerySet[OIDCSession]:
    return OIDCSession.objects.using(index.database()).filter(pk=row.pk)
