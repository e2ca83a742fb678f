"""Events that were received. The database keeps them, because a cache may lose them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import IntegrityError, router, transaction
from django.utils import timezone

from ..fields import digest
from ..models import ReceivedEvent, SignalStream
from ..sessions import sql

if TYPE_CHECKING:
    from datetime import datetime

    from .token import SecurityEvent

KEEP = timedelta(days=7)


def is_known(event: SecurityEvent) -> bool:
    """Return whether an event has been received and processed."""
    rows = ReceivedEvent.objects.using(_database()).filter(digest=_digest(event))
    return rows.exists()


def keep(event: SecurityEvent) -> bool:
    """Store that an event has been processed. Return False if another call has just done so."""
    try:
        with transaction.atomic(using=_database()):
            ReceivedEvent.objects.create(digest=_digest(event))
    except IntegrityError:
        return False
    return True


def clear() -> int:
    """Remove the events that are older than `KEEP`. Return how many were removed."""
    old = ReceivedEvent.objects.filter(received_at__lt=timezone.now() - KEEP)
    return old.delete()[0]


def note_verification(alias: str) -> None:
    """Store that the stream of a provider has been verified now."""
    with sql.savepoint(router.db_for_write(SignalStream)):
        SignalStream.objects.update_or_create(
            provider=alias, defaults={"verified_at": timezone.now()}
        )


def verified_at(alias: str) -> datetime | None:
    """Return when the stream of a provider was last verified, or None."""
    found = SignalStream.objects.filter(provider=alias).first()
    return found.verified_at if found else None


def _digest(event: SecurityEvent) -> str:
    """Return the key of a receipt. Each provider has a feed, in which a `jti` is unique."""
    return digest(f"{event.options.alias}\0{event.transmitter.issuer}", event.jti)


def _database() -> str:
    return str(router.db_for_write(ReceivedEvent))
