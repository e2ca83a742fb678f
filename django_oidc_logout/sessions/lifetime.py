"""The end of a session that is in use: the provider and the settings limit its lifetime.

The provider states the end in the ID Token (`session_expiry`, OpenID IPSIE SL1). The setting is
`MAX_SESSION_AGE`. The claim `exp` is not used: it limits the token, not the session (NIST SP
800-63C-4, section 4.9). The session itself stores its end, so a request does not query for it.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from ..codes import EndedCode, LogCode
from ..conf import conf
from ..models import OIDCSession
from ..tokens import id_token
from . import end, engines, entry, index, sql

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from django.contrib.sessions.backends.base import SessionBase

    from ..tokens.id_token import IDToken

logger = logging.getLogger("django_oidc_logout")

LEEWAY = 30  # seconds by which the provider's clock may differ
FIRST_MILLISECOND = 10_000_000_000  # a time in seconds is smaller, until the year 2286


def may_begin(token: IDToken) -> bool:
    """Return False if the session of a sign-in or a renewal would already be over."""
    stated = _session_expiry(token)
    if stated is not None and token.issued_at is not None and stated <= token.issued_at:
        return False
    end_of_session = _end(token, time.time())
    return end_of_session is None or end_of_session > time.time()


def pin(session: SessionBase, token: IDToken, *, renewal: bool) -> None:
    """Store in a session when it ends. A renewal can make that earlier, not later."""
    ends = [_end(token, time.time()), entry.ends_at(session) if renewal else None]
    entry.limit(session, min((end for end in ends if end is not None), default=None))


def _end(token: IDToken, signed_in_at: float) -> float | None:
    """Return when the session must end, by the site's clock; None if it is not limited."""
    stated, options = _session_expiry(token), conf.OIDC_LOGOUT_PROVIDERS.get(token.alias)
    ends: list[float] = [] if stated is None else [stated + LEEWAY]
    if options is not None and options.max_session_age is not None:
        began = min(token.auth_time or signed_in_at, signed_in_at)
        ends.append(began + options.max_session_age)
    return float(min(*ends, FIRST_MILLISECOND)) if ends else None


def _session_expiry(token: IDToken) -> int | None:
    """Return the claim if it is a time, in whole seconds since the epoch."""
    value: Any = token.session_expiry
    return max(value, 0) if type(value) is int and value < FIRST_MILLISECOND else None


def log_unusable(token: IDToken) -> None:
    """Log it if a token's `session_expiry` is ignored."""
    if token.session_expiry is not None and _session_expiry(token) is None:
        logger.warning(
            "The session_expiry of an ID Token is ignored, it must be an integer in seconds, not "
            "milliseconds, ask the provider: issuer=%s",
            token.issuer,
            extra=LogCode.EXPIRY_IGNORED.extra(provider=token.alias),
        )


def hard_end(session: SessionBase) -> datetime | None:
    """Return when a session ends even if it is in use, for its row."""
    ends_at = entry.ends_at(session)
    return None if ends_at is None else entry.moment(ends_at)


def carry_over(session: SessionBase, row: OIDCSession) -> None:
    """Apply the limit in a row to the session that continues the row's session."""
    entry.limit(session, row.ends_at.timestamp() if row.ends_at else None)


def is_overdue(data: SessionBase | Mapping[str, Any]) -> bool:
    """Return whether a session has reached its end."""
    ends_at = entry.ends_at(data)
    return ends_at is not None and ends_at <= time.time()


def end_overdue(data: SessionBase | Mapping[str, Any], key: str) -> OIDCSession | None:
    """End an overdue session. A failure is logged.

    Args:
        data: what the session contains.
        key: its session key.

    Returns:
        The row that it had, which a sign-out of this request needs, if it could be read.
    """
    rows: list[OIDCSession] = []
    try:
        with sql.savepoints():
            engines.delete(key)
            rows = list(sql.select(OIDCSession, session_key=[entry.row_key(data) or key]))
            end.end_rows(rows, code=EndedCode.OVERDUE)
    except Exception:  # every store raises its own exceptions; the person is signed out anyway
        logger.exception(
            "Could not end an overdue session, run oidc_logout_clear_sessions",
            extra=LogCode.OVERDUE_NOT_ENDED.extra(),
        )
    return next(iter(rows), None)


def clear() -> int:
    """End all overdue sessions. Return how many ended.

    Raises:
        SessionsNotEnded: a session store failed. The other sessions have ended.
    """
    for page in index.pages(index.matching().filter(provider="")):
        for row in page:
            _find_provider(row)
    rows = index.matching().filter(ends_at__lte=entry.moment(time.time()))
    return end.end_groups((EndedCode.OVERDUE, page) for page in index.pages(rows))


def _find_provider(row: OIDCSession) -> None:
    """Write the provider of a sign-in whose callable had failed into its row, and its limit."""
    token = id_token.read_verified(row.id_token, {"iss": row.issuer, "sub": row.sub})
    if not token.alias:
        return
    limit = _end(token, row.signed_in_at.timestamp())
    limits = [row.ends_at, None if limit is None else entry.moment(limit)]
    row.provider = token.alias
    row.ends_at = min((limit for limit in limits if limit is not None), default=None)
    row.save(update_fields=["provider", "ends_at"])
