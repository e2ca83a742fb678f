"""The verbs. The only place that puts the steps of a sign-in or a sign-out in order."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from asgiref.sync import sync_to_async
from django.db import Error

from . import ending, index, sessions
from .conf import conf
from .exceptions import SessionsNotEnded
from .late import late
from .outcome import Outcome
from .signals import session_ended, signed_out

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest, HttpResponse

    from . import departure, registry, responses, revocation, tokens
    from .models import OIDCSession
else:
    departure, registry, responses = late(".departure"), late(".registry"), late(".responses")
    revocation, tokens = late(".revocation"), late(".tokens")

logger = logging.getLogger(__name__)

STORE_FAILED = "The session store failed: only the browser has forgotten the session."


def sign_out(
    request: HttpRequest, *, return_to: object = None, local_only: bool = False
) -> HttpResponse:
    """Sign the person out of the site; return the answer that takes the browser to the provider.

    What the provider, the network, the cache or anybody's signal receiver does keeps no session
    alive and raises nothing here; `Outcome`, in the signal `signed_out`, says what was done.

    Args:
        request: the request of the person to sign out; nobody need be signed in.
        return_to: where people land in the end: a URL on an allowed host, a path or a view's name.
        local_only: sign out of this site only, and leave the session at the provider alone.
    """
    user = sessions.known_user(request)
    row = index.current(request.session)
    going = departure.plan(request, row, return_to=return_to, local_only=local_only)
    reason = going.reason
    if not sessions.end_current(request):
        reason = f"{reason} {STORE_FAILED}"  # its row stays, so that it can be ended from elsewhere
    elif row is not None:
        ending.settle(row)
    outcome = Outcome(provider=going.provider, tokens=revocation.revoke(row), reason=reason)
    signed_out.send_robust(sender=sign_out, request=request, user=user, outcome=outcome)
    return responses.leave(
        request, going.url, provider=going.provider, warning=going.warning if user else ""
    )


async def asign_out(
    request: HttpRequest, *, return_to: object = None, local_only: bool = False
) -> HttpResponse:
    """Do as `sign_out` does, without holding up the event loop."""
    return await sync_to_async(sign_out)(request, return_to=return_to, local_only=local_only)


def end_sessions(
    *,
    issuer: str | None = None,
    sub: str | None = None,
    sid: str | None = None,
    user: AbstractBaseUser | None = None,
) -> int:
    """End the sessions that match all criteria, wherever they are; return how many there were.

    Args:
        issuer: the provider's issuer; may be left out where one provider is configured.
        sub: the person's identifier at the issuer.
        sid: the session's identifier at the issuer.
        user: whose sessions.

    Raises:
        ValueError: without a criterion, for an anonymous user, or if nothing says whose `sub` or
            `sid` it is.
        SessionsNotEnded: a session store failed; what could be ended is.
    """
    if "" in (issuer, sub, sid) or (issuer, sub, sid, user) == (None, None, None, None):
        raise ValueError("end_sessions() needs an issuer, sub, sid or user, and none may be empty")
    if user is not None and user.is_anonymous:
        raise ValueError("end_sessions() needs a user who has an account: this one is anonymous")
    if issuer is None and (sub or sid):
        issuer = registry.only_issuer()
    rows = index.matching(issuer=issuer or "", sub=sub or "", sid=sid or "", user=user)
    return end_rows(rows, reason="The site ended the session.")


async def aend_sessions(
    *,
    issuer: str | None = None,
    sub: str | None = None,
    sid: str | None = None,
    user: AbstractBaseUser | None = None,
) -> int:
    """Do as `end_sessions` does, without holding up the event loop."""
    return await sync_to_async(end_sessions)(issuer=issuer, sub=sub, sid=sid, user=user)


def end_rows(rows: Iterable[OIDCSession], *, reason: str) -> int:
    """End the session of each row and say so with `session_ended`; return how many there were.

    Raises:
        SessionsNotEnded: the index or a session store failed; what could be ended is.
    """
    try:
        found = list(rows)
    except Error as exc:
        raise SessionsNotEnded(ended=0, failed=1) from exc
    count = failed = 0
    for batch in index.batches(found):
        ended, not_ended = ending.end(batch)
        for row in ended:
            session_ended.send_robust(sender=type(row), session=row, reason=reason)
        count, failed = count + len(ended), failed + not_ended
    if failed:
        raise SessionsNotEnded(ended=count, failed=failed)
    return count


def remember_login(
    request: HttpRequest,
    id_token: str,
    *,
    access_token: str | None = None,
    refresh_token: str | None = None,
) -> OIDCSession | None:
    """Remember through which provider the person signed in: call it after `login()`.

    A failure is logged and never breaks the sign-in; the sign-out then goes without a hint.

    Args:
        request: the request that has just been signed in.
        id_token: the ID Token as the provider sent it, verified by the caller.
        access_token: only read for a `sid` that the ID Token lacks; never kept.
        refresh_token: kept, encrypted, only with `OIDC_LOGOUT_REVOKE_TOKENS`.

    Returns:
        The session's row in the index, or None if it could not be written.
    """
    return _record(request, id_token, access_token, refresh_token)


def renew_login(
    request: HttpRequest,
    id_token: str,
    *,
    access_token: str | None = None,
    refresh_token: str | None = None,
) -> OIDCSession | None:
    """Remember new tokens of a session that was signed in before, as `remember_login` does.

    If it was ended in the meantime, new tokens do not bring it back: it is flushed.
    """
    return _record(request, id_token, access_token, refresh_token, renewal=True)


def _record(
    request: HttpRequest,
    id_token: str,
    access_token: str | None,
    refresh_token: str | None,
    *,
    renewal: bool = False,
) -> OIDCSession | None:
    try:
        token = tokens.read_id_token(id_token)
        alias = registry.alias_of(token)
        row = index.remember(
            request,
            token,
            provider=alias,
            sid=token.sid or tokens.read_sid(access_token),
            refresh_token=(refresh_token or "") if conf.OIDC_LOGOUT_REVOKE_TOKENS else "",
            renewal=renewal,
        )
    except Exception:  # a sign-in must never fail for our record of it
        logger.exception("A sign-in could not be recorded; its sign-out will go without a hint")
        return None
    _warm(alias, token.issuer)
    return row


def _warm(alias: str, issuer: str) -> None:
    """Fetch now what a click on "Sign out" will need, so that the click need not wait for it."""
    if not alias:
        logger.warning("No configured provider issued an ID Token: issuer=%s", issuer)
        return
    try:
        registry.get(alias).warm()
    except Exception as exc:  # noqa: BLE001  # nor may it fail for what a sign-out will need
        logger.warning("A provider's metadata is not renewed: issuer=%s reason=%s", issuer, exc)
