"""An inspection of the sign-ins: how many of the live sessions are recorded."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from ..conf import conf
from ..models import OIDCSession
from ..sessions import engines, entry
from .findings import Finding, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

SESSIONS_TO_READ = 1000


def sign_ins(_: None) -> Iterator[Finding]:
    """Inspect how many of the live sessions that began through a provider are recorded."""
    model = getattr(engines.store(), "get_model_class", lambda: None)()
    if model is None:
        yield from _rows()
        return
    counted = Counter(_kinds(model))
    if counted[False]:
        yield warning(
            "sessions",
            f"{_sentence(counted)} {counted[False]} are not: their sign-outs have no hint, and the "
            "provider cannot end them.",
            "Do what the log says at a sign-in: Nothing recorded a sign-in, or Could not record a "
            "sign-in. Sessions that began before that stay as they are.",
        )
    elif counted:
        yield ok("sessions", _sentence(counted))


def _sentence(counted: Counter[bool]) -> str:
    return (
        f"Of the {SESSIONS_TO_READ} sessions that last longest, {counted.total()} began through a "
        f"provider, and {counted[True]} of these are recorded."
    )


def _kinds(model: Any) -> Iterator[bool]:
    """Yield whether each live session that began through a provider is recorded."""
    store = engines.store()()
    live = model.objects.filter(expire_date__gt=timezone.now()).order_by("-expire_date")
    for text in live.values_list("session_data", flat=True)[:SESSIONS_TO_READ]:
        data = store.decode(text)
        if entry.is_signed_in(data) and entry.is_from_provider(data):
            yield bool(entry.row_key(data))


def _rows() -> Iterator[Finding]:
    """Report only the rows, because sessions in a cache, files or cookies cannot be listed."""
    count = OIDCSession.objects.filter(expires_at__gt=timezone.now()).count()
    if count:
        engine = conf.SESSION_ENGINE.removeprefix("django.contrib.sessions.backends.")
        yield ok(
            "sessions",
            f"{count} sign-ins are recorded. {engine} cannot list sessions, so only the log says "
            "which sign-ins are not.",
        )


INSPECTIONS = (sign_ins,)
