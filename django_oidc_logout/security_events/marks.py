"""Marks of events: the person must authenticate again at the provider, after the event.

An event may arrive late, and in another order than it occurred. So a mark has the time of its
event, which spares people who have authenticated since, and it is never moved back.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..fields import digest
from ..models import ReauthenticationMark
from ..sessions import entry, index, sql

if TYPE_CHECKING:
    from collections.abc import Collection


def require(people: Collection[tuple[str, str]], at: float) -> None:
    """Require these people, each an issuer and a subject, to authenticate after an event.

    Args:
        people: the people.
        at: when the event occurred, in seconds since the epoch. If the provider's clock is ahead,
            the present counts.

    Raises:
        DatabaseError: the marks cannot be written.
    """
    not_before, using = entry.moment(min(at, time.time())), index.database()
    digests = sorted({digest(issuer, sub) for issuer, sub in people})
    marks = ReauthenticationMark.objects.using(using)
    with sql.savepoint(using):
        marks.bulk_create(
            [ReauthenticationMark(sub_digest=each, not_before=not_before) for each in digests],
            ignore_conflicts=True,
        )
        older = marks.filter(sub_digest__in=digests, not_before__lt=not_before)
        older.update(not_before=not_before)
