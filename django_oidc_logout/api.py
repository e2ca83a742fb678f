"""The public functions."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from asgiref.sync import sync_to_async
from django.core.exceptions import ImproperlyConfigured

from .codes import EndedCode, OutcomeCode
from .framework import request_scope
from .outcome import Outcome
from .providers import configured, revocation
from .rp_initiated import destination, responses
from .sessions import admission, end, end_own, entry, handles, index, reauthentication
from .sessions.handles import session_handle  # noqa: F401  # public here
from .sessions.pending import PendingTokens
from .sign_in import recording, refusals
from .signals import signed_out
from .tokens import id_token

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest, HttpResponse

    from .models import OIDCSession


@request_scope.within
def sign_out(
    request: HttpRequest, *, return_to: object = None, local_only: bool = False
) -> HttpResponse:
    """Sign the person out and return the response that redirects the browser to the provider.

    This does not raise, and the session ends even if the provider, the network, the cache or a
    signal receiver fails. The signal `signed_out` carries the `Outcome`.

    Args:
        request: the request of the person to sign out. It may be anonymous.
        return_to: the target after sign-out: a URL on an allowed host, a path, or a view name.
        local_only: sign out of this site only, and keep the session at the provider.
    """
    row = None
    try:
        row = index.current(request)
        user, handle = entry.known_user(request), handles.of_request(request, row)
        chosen = destination.choose(request, row, requested=return_to, local_only=local_only)
        destination.hand_out(request, chosen)
    finally:  # even if the server stops this request, as gunicorn does with SystemExit
        is_ended = end_own.end_current(request, row)
    outcome = Outcome(
        provider=chosen.provider_outcome,
        tokens=revocation.revoke(row),
        recorded=chosen.is_recorded,
        code=chosen.code,
        reason=chosen.reason,
        alias=chosen.alias,
    )
    if not is_ended:
        failed = OutcomeCode.STORE_FAILED
        outcome = replace(outcome, code=failed, reason=f"{outcome.reason} {failed.sentence}")
    end.announce(
        signed_out,
        sender=sign_out,
        request=request,
        user=user,
        session=row,
        outcome=outcome,
        handle=handle,
    )
    warning = chosen.warning if user is not None else ""
    return responses.build(request, chosen.url, outcome=outcome, warning=warning)


async def asign_out(
    request: HttpRequest, *, return_to: object = None, local_only: bool = False
) -> HttpResponse:
    """See `sign_out`."""
    call = sync_to_async(sign_out)(request, return_to=return_to, local_only=local_only)
    return await asyncio.shield(call)  # Django cancels the view if the browser disconnects


def end_sessions(
    *,
    issuer: str | None = None,
    sub: str | None = None,
    sid: str | None = None,
    user: AbstractBaseUser | None = None,
    reauthenticate: bool = False,
) -> int:
    """End all sessions that match all criteria, on every device. Return how many ended.

    Args:
        issuer: the provider's issuer; optional if one provider is configured.
        sub: the person's subject identifier at the issuer.
        sid: the session ID at the issuer.
        user: the user whose sessions end.
        reauthenticate: whether people must authenticate again at the provider before their next
            sign-in. It applies to the people whose sessions end, and to `sub`. A user without a
            session is not required to, which is logged: pass their `issuer` and `sub`.

    Raises:
        ValueError: the criteria are missing, one is empty, the user is anonymous, or `sub` or `sid`
            lacks an issuer.
        SessionsNotEnded: a session store failed. The other sessions have ended.
    """
    criteria = (issuer, sub, sid, user)
    if "" in (issuer, sub, sid) or all(value is None for value in criteria):
        raise ValueError("end_sessions() needs an issuer, sub, sid or user that is not empty")
    if user is not None and user.is_anonymous:
        raise ValueError("end_sessions() cannot end the sessions of an anonymous user")
    if issuer is None and (sub or sid):
        issuer = configured.only_issuer()
    rows = index.matching(issuer=issuer or "", sub=sub or "", sid=sid or "", user=user)
    if reauthenticate:
        named = [(issuer, sub)] if issuer and sub else []
        reauthentication.require_before_end(rows, named)
    return end.end_rows(rows, code=EndedCode.BY_SITE)


async def aend_sessions(
    *,
    issuer: str | None = None,
    sub: str | None = None,
    sid: str | None = None,
    user: AbstractBaseUser | None = None,
    reauthenticate: bool = False,
) -> int:
    """See `end_sessions`."""
    call = sync_to_async(end_sessions)(
        issuer=issuer, sub=sub, sid=sid, user=user, reauthenticate=reauthenticate
    )
    return await asyncio.shield(call)


@request_scope.within
def check_reauthentication(
    request: HttpRequest, claims: Mapping[str, Any], *, provider: str | None = None
) -> HttpResponse | None:
    """Return the response that refuses a sign-in, or None if the sign-in is allowed.

    Call it before `login()`. A sign-in is refused if the person must authenticate again, or if its
    session would already be over. mozilla-django-oidc's views do not need this call.

    Args:
        request: the request that is about to sign in.
        claims: the claims of the ID Token, verified by the caller.
        provider: the alias in `OIDC_LOGOUT_PROVIDERS`. By default, the issuer and the audience
            decide.

    Raises:
        TokenUnreadable: the claims lack a usable `iss` or `sub`.
    """
    admission.refuse_if_due(request, id_token.read_verified(None, claims, provider or ""))
    refusal = admission.of(request)
    return refusals.page(request, refusal) if refusal else None


async def acheck_reauthentication(
    request: HttpRequest, claims: Mapping[str, Any], *, provider: str | None = None
) -> HttpResponse | None:
    """See `check_reauthentication`."""
    return await sync_to_async(check_reauthentication)(request, claims, provider=provider)


def remember_login(  # noqa: PLR0913  # all but the first two are keyword-only
    request: HttpRequest,
    id_token: str | None = None,
    *,
    claims: Mapping[str, Any] | None = None,
    access_token: str | None = None,
    refresh_token: str | None = None,
    provider: str | None = None,
) -> OIDCSession | None:
    """Record the provider through which a person signed in.

    Call it after `login()`. If a second factor delays `login()`, call it before: `login()` then
    gives the row its user. If somebody else is signed in then, call Django's `logout()` first.

    Pass the ID Token, its claims, or both. A failure is logged and does not break the sign-in. With
    a `provider` alone, the sign-in does not get a row, but its sign-out still redirects to the
    provider, without a hint.

    Args:
        request: the request of the person who signs in.
        id_token: the ID Token as the provider sent it, verified by the caller. It serves as the
            hint, unless it is encrypted.
        claims: the verified claims of the ID Token. Without an `iss`, the issuer is that of
            `provider`.
        access_token: only searched for a `sid` that the ID Token lacks; never stored.
        refresh_token: stored, encrypted, if `OIDC_LOGOUT_REVOKE_TOKENS` or the provider's
            `RECHECK` is on.
        provider: the alias in `OIDC_LOGOUT_PROVIDERS`. By default, the issuer and the audience
            decide.

    Returns:
        The row of the session in the index, or None if it was not recorded.

    Raises:
        ImproperlyConfigured: the request does not have a session, so `login()` fails as well.
    """
    _require_session(request)
    return recording.remember(
        request,
        PendingTokens(
            id_token=id_token,
            claims=claims,
            access_token=access_token,
            refresh_token=refresh_token,
            provider=provider or "",
        ),
    )


def renew_login(  # noqa: PLR0913  # all but the first two are keyword-only
    request: HttpRequest,
    id_token: str | None = None,
    *,
    claims: Mapping[str, Any] | None = None,
    access_token: str | None = None,
    refresh_token: str | None = None,
    provider: str | None = None,
) -> OIDCSession | None:
    """Record new tokens of a session that is already signed in. See `remember_login`.

    New tokens do not revive a session that has ended in the meantime: it is flushed. If they lack
    a `sid`, a refresh token or a hint, the row keeps the old value.
    """
    _require_session(request)
    tokens = PendingTokens(
        id_token=id_token,
        claims=claims,
        access_token=access_token,
        refresh_token=refresh_token,
        provider=provider or "",
    )
    return recording.record(request, tokens, renewal=True)


def _require_session(request: HttpRequest) -> None:
    if not hasattr(request, "session"):
        raise ImproperlyConfigured(
            "A sign-in can be recorded only in a session: put SessionMiddleware into MIDDLEWARE, "
            "before the middleware or view that signs in."
        )
