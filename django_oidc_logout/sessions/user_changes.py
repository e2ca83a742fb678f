"""Ending the sessions of a user who was deactivated or deleted, or whose password has changed.

The sessions end after the transaction of the save or the deletion has committed. Django's signal
does not say which request it belongs to, so the middleware keeps the current request:

- A changed password ends the user's other sessions. The request's own session stays: its hash is
  renewed only after the save, by `update_session_auth_hash()`. Without a request (in a command),
  and without the middleware, all sessions with the old password's hash end.
- If people deactivate or delete their own account, their own session ends after the response, so
  that the view can still use it.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction

from ..codes import EndedCode, LogCode
from ..framework import request_scope
from . import end, entry, index, sql, validity

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest

    from ..models import OIDCSession

logger = logging.getLogger("django_oidc_logout")


HANDLED = "_oidc_logout_handled"
"""The attribute of a request while the middleware waits for its response."""

END_OWN = "_oidc_logout_end_own"
"""The attribute of a request whose own session must end after the response."""


def end_own(request: HttpRequest) -> None:
    """End the request's own session, unless its view signed out or signed in somebody else."""
    is_ended = _safely(request.__dict__.pop(END_OWN))
    if not is_ended or index.is_orphan(entry.row_key(request.session)):
        entry.flush(request)


def saved(user: AbstractBaseUser, fields: Collection[str] | None, *, using: str) -> None:
    """End sessions after the transaction, if this save deactivated a user or set their password.

    A save that does neither does not cost a query. `set_password()` marks the user until the end of
    `save()`. A password that is set in another way counts if `update_fields` names it.

    Args:
        user: the user who was saved.
        fields: the save's `update_fields`.
        using: the database.
    """
    is_password_set = fields is not None or getattr(user, "_password", None) is not None
    if _writes("is_active", user, fields) and not getattr(user, "is_active", True):
        change = partial(_end_all, user)
    elif _writes("password", user, fields) and is_password_set:
        change = partial(_end_others, user)
    else:
        return
    transaction.on_commit(partial(_safely, change), using=using)


def _writes(name: str, user: AbstractBaseUser, fields: Collection[str] | None) -> bool:
    """Return whether a save may have changed an attribute, be it a field or a property."""
    if fields is None or name in fields:
        return True
    return all(field.attname != name for field in user._meta.concrete_fields)


def deleted(user: AbstractBaseUser, *, using: str) -> None:
    """End a deleted user's sessions after the transaction, which also deletes their rows."""
    rows: list[OIDCSession] = []
    _safely(partial(_collect, user, rows))
    if rows:
        change = partial(_end_or_leave, rows, partial(end.end_removed, code=EndedCode.USER_DELETED))
        transaction.on_commit(partial(_safely, change), using=using)


def _collect(user: AbstractBaseUser, rows: list[OIDCSession]) -> None:
    found = index.matching(user=user)
    with sql.savepoint(found.db):
        rows.extend(found)


def _end_all(user: AbstractBaseUser) -> None:
    end_deactivated = partial(end.end_rows, code=EndedCode.USER_DEACTIVATED)
    _end_or_leave(list(index.matching(user=user)), end_deactivated)


def _end_or_leave(rows: list[OIDCSession], end: Callable[[list[OIDCSession]], object]) -> None:
    """End sessions now, but the request's own after the response."""
    own = [row for row in rows if _is_own(row)]
    request = _handled_request()
    if request is not None and own:
        setattr(request, END_OWN, partial(end, own))
    end([row for row in rows if row not in own])


def _end_others(user: AbstractBaseUser) -> None:
    others = [row for row in index.matching(user=user) if not _is_own(row)]
    validity.end_if_password_changed(others, user)


def _is_own(row: OIDCSession) -> bool:
    """Return whether a row belongs to the session of the current request."""
    request = _handled_request()
    return request is not None and row.session_key == entry.row_key(request.session)


def _handled_request() -> HttpRequest | None:
    request = request_scope.request()
    return request if request is not None and HANDLED in request.__dict__ else None


def _safely(change: Callable[[], object]) -> bool:
    """Run a change. Return whether it succeeded; a failure is logged."""
    try:
        change()
    except Exception:  # every store raises its own exceptions, and the save must succeed
        logger.exception(
            "Could not end the sessions of a changed account, run oidc_logout_clear_sessions",
            extra=LogCode.ACCOUNT_NOT_FOLLOWED.extra(),
        )
        return False
    return True
