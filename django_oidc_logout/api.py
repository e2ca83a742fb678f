"""The verbs. The only place that puts the steps of a sign-in or a sign-out in order."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from asgiref.sync import sync_to_async

from . import departure, index, providers, responses, revocation, sessions, tokens
from .conf import conf
from .outcome import Outcome
from .signals import signed_out

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from .models import OIDCSession
    from .tokens import IDToken

logger = logging.getLogger(__name__)


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
    user = sessions.signed_in_user(request)
    row = index.current(request.session)
    going = departure.plan(request, row, return_to=return_to, local_only=local_only)
    sessions.end_current(request)
    if row is not None:
        index.forget(row)
    outcome = Outcome(provider=going.provider, tokens=revocation.revoke(row), reason=going.reason)
    signed_out.send_robust(sender=sign_out, request=request, user=user, outcome=outcome)
    return responses.leave(request, going.url, provider=going.provider)


async def asign_out(
    request: HttpRequest, *, return_to: object = None, local_only: bool = False
) -> HttpResponse:
    """Do as `sign_out` does, without holding up the event loop."""
    return await sync_to_async(sign_out)(request, return_to=return_to, local_only=local_only)


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
    try:
        token = tokens.read_id_token(id_token)
        alias = providers.alias_of(token)
        row = index.remember(
            request,
            token,
            provider=alias,
            sid=token.sid or tokens.read_sid(access_token),
            refresh_token=refresh_token or "" if conf.OIDC_LOGOUT_REVOKE_TOKENS else "",
        )
        _warm(alias, token)
    except Exception:  # a sign-in must never fail for our record of it
        logger.exception("A sign-in could not be recorded; its sign-out will go without a hint")
        return None
    return row


def _warm(alias: str, token: IDToken) -> None:
    """Fetch now what a click on "Sign out" will need, so that the click need not wait for it."""
    if alias:
        providers.get(alias).warm()
    else:
        logger.warning("No configured provider issued an ID Token: issuer=%s", token.issuer)
