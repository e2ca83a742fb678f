"""The index: a row for each session that was signed in through an identity provider."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError, transaction
from django.utils import timezone

from . import sessions
from .conf import conf
from .models import OIDCSession

if TYPE_CHECKING:
    from django.contrib.sessions.backends.base import SessionBase
    from django.http import HttpRequest

    from .tokens import IDToken

logger = logging.getLogger(__name__)


def remember(
    request: HttpRequest, token: IDToken, *, provider: str, sid: str, refresh_token: str
) -> OIDCSession:
    """File the request's session, in place of what was filed for it before.

    Raises:
        DatabaseError: the index cannot be written; a surrounding transaction is unharmed.
    """
    session = request.session
    key = sessions.final_key(session)
    with transaction.atomic():
        row, _ = OIDCSession.objects.update_or_create(
            session_key=sessions.filed_key(session) or key,
            defaults={
                "session_key": key,
                "provider": provider,
                "issuer": token.issuer,
                "sub": token.subject,
                "sid": sid,
                "user": cast("Any", sessions.signed_in_user(request)),
                "signed_in_at": timezone.now(),
                "expires_at": session.get_expiry_date(),
                "id_token": token.encoded,
                "refresh_token": refresh_token,
            },
        )
    sessions.mark_filed(session, key, token.encoded)
    return row


def current(session: SessionBase) -> OIDCSession | None:
    """Return the row of a session, if it was signed in through an identity provider.

    An index that cannot be read is logged: it keeps nobody from signing out.
    """
    own_key = None if sessions.in_cookies() else session.session_key
    key = sessions.filed_key(session) or own_key
    if not key:
        return None
    try:
        return OIDCSession.objects.filter(session_key=key).first()
    except DatabaseError:
        logger.exception("The index of sessions cannot be read")
        return None


def forget(row: OIDCSession) -> None:
    """Remove the row of a session that has ended. A failure is logged: the session is gone."""
    try:
        row.delete()
    except DatabaseError:
        logger.exception("A session has ended, but its row remains for clear_oidc_sessions")


def forget_filed(session: SessionBase) -> None:
    """Remove the row under which `session` is filed, if it is. A failure is logged."""
    if key := sessions.filed_key(session):
        _forget_key(key)


def forget_replaced(request: HttpRequest) -> None:
    """Remove the row of the session that a sign-in has just replaced by another.

    `login()` flushes the session of whoever was signed in before, without a signal; the cookie that
    came with the request still names it.
    """
    cookie = request.COOKIES.get(conf.SESSION_COOKIE_NAME)
    if not cookie or cookie == request.session.session_key:
        return
    if sessions.in_cookies():
        replaced = sessions.filed_key(sessions.store()(cookie))
        if replaced != sessions.filed_key(request.session):
            _forget_key(replaced)
    else:
        _forget_key(cookie)


def _forget_key(key: str) -> None:
    try:
        with transaction.atomic():
            OIDCSession.objects.filter(session_key=key).delete()
    except DatabaseError:
        logger.exception("A session ends, but its row remains for clear_oidc_sessions")


def refile(session: SessionBase) -> None:
    """File a session that has moved under its new key. A failure is logged."""
    try:
        with transaction.atomic():
            OIDCSession.objects.filter(session_key=sessions.filed_key(session)).update(
                session_key=session.session_key
            )
    except DatabaseError:
        logger.exception("A session has got a new key, of which the index does not know")
    else:
        sessions.mark_moved(session)


def bind(request: HttpRequest) -> None:
    """Where sessions live in cookies, let the request's live only while its row does."""
    if not sessions.in_cookies():
        return
    if not request.session.accessed:
        request.session = _row_bound(type(request.session))(request.session.session_key)
    elif _is_orphan(sessions.filed_key(request.session)):
        request.session.flush()
        request.user = AnonymousUser()


def _is_orphan(key: str) -> bool:
    return bool(key) and not OIDCSession.objects.filter(session_key=key).exists()


class _RowBound:
    """Mixed into a session store: what is loaded after its row has gone is an empty session."""

    def load(self: Any) -> dict[str, Any]:
        data: dict[str, Any] = super().load()  # type: ignore[misc]  # the store's
        if not _is_orphan(data.get(sessions.ENTRY, {}).get("key", "")):
            return data
        self._session_key = None
        return {}

    async def aload(self) -> dict[str, Any]:
        return await sync_to_async(self.load)()


@cache
def _row_bound(engine: type[SessionBase]) -> type[SessionBase]:
    return type("RowBoundStore", (_RowBound, engine), {})
