"""Ending many sessions: in batches, to limit memory, and to keep progress if it is interrupted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Max

from ..codes import EndedCode
from ..exceptions import SessionsNotEnded
from . import end, index, reauthentication

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

    from ..models import OIDCSession


def existing(rows: QuerySet[OIDCSession]) -> QuerySet[OIDCSession]:
    """Return the rows that exist now, without those of sessions that begin in the meantime.

    Raises:
        DatabaseError: the index cannot be read.
    """
    newest = rows.aggregate(newest=Max("pk"))["newest"] or 0
    return rows.filter(pk__lte=newest)


def end_in_batches(
    rows: QuerySet[OIDCSession], *, reauthenticate: bool = False
) -> Iterator[tuple[int, int]]:
    """End the sessions of rows. Yield how many ended and failed in each batch.

    If the call is interrupted, the same call can end the other sessions later.

    Raises:
        DatabaseError: the index cannot be read.
    """
    for batch in index.pages(rows):
        try:
            if reauthenticate:
                reauthentication.require((row.issuer, row.sub) for row in batch)
            yield end.end_rows(batch, code=EndedCode.BY_SITE), 0
        except SessionsNotEnded as exc:  # it is logged, and these rows remain
            yield exc.ended, exc.failed
