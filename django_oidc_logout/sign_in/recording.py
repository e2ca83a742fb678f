"""Recording a sign-in, so that its sign-out has what it needs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ..codes import LogCode, SignInCode
from ..conf import conf
from ..exceptions import OIDCLogoutError
from ..framework import request_scope
from ..providers import configured
from ..sessions import admission, end, engines, entry, index, pending, tombstones, unrecorded
from ..sessions import record as rows
from ..signals import signed_in
from ..tokens import id_token
from . import warming

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest

    from ..models import OIDCSession
    from ..sessions.pending import PendingTokens
    from ..tokens.id_token import IDToken

logger = logging.getLogger("django_oidc_logout")

ANNOUNCED = "_oidc_logout_announced"
"""The attribute of a request with the handle of the session whose sign-in was announced."""


@request_scope.within
def record(
    request: HttpRequest, tokens: PendingTokens, *, renewal: bool = False
) -> OIDCSession | None:
    """Write the row of the request's session. A failure is logged and does not break the sign-in.

    Before the token is read, the session is marked as one that a provider began. So its sign-out
    redirects to the provider even if something fails here.

    Args:
        request: the request that has just been signed in.
        tokens: the verified tokens.
        renewal: whether the session was signed in before. If it has ended in the meantime, it is
            flushed instead. The token of another person, by its issuer and subject, is a sign-in.

    Returns:
        The row, or None if it could not be written, the sign-in was refused, or the session ended.
    """
    is_sign_in = not renewal or not entry.row_key(request.session)
    try:
        unrecorded.settle(request)
        provider = _named(tokens.provider)
        entry.mark_provider(request.session, provider or configured.only_alias())
        token = id_token.read_verified(tokens.id_token, tokens.claims, provider)
        entry.mark_provider(request.session, token.alias)
        if renewal and _is_of_another(request, token):
            renewal, is_sign_in = False, True
        if not admission.limit(request, token, renewal=renewal):
            return None
        row = rows.record(
            request,
            token,
            sid=token.sid or id_token.read_sid(tokens.access_token),
            refresh_token=(tokens.refresh_token or "") if _keeps_refresh_token(token) else "",
            renewal=renewal,
        )
        if row is not None and is_sign_in and admission.enforce(request, token):
            return None
    except Exception as exc:  # noqa: BLE001  # recording must not break the sign-in
        _log_failure(exc)
        if is_sign_in:
            unrecorded.announce(request)
        return None
    if row is not None and tombstones.enforce(request, row, token.issued_at):
        row = None
    if row is not None and row.user_id is not None and is_sign_in:
        _announce(row, request)
    warming.warm(token)
    return row


def _is_of_another(request: HttpRequest, token: IDToken) -> bool:
    """Return whether the session's row has another subject than a token."""
    row = index.current(request)
    return row is not None and (row.issuer, row.sub) != (token.issuer, token.subject)


def _announce(row: OIDCSession, request: HttpRequest) -> None:
    """Send `signed_in`, once for a session, even if a request reports its sign-in twice."""
    if request_scope.unwrapped(request).__dict__.get(ANNOUNCED) == row.handle:
        return
    setattr(request_scope.unwrapped(request), ANNOUNCED, row.handle)
    end.announce(
        signed_in,
        sender=record,
        request=request,
        session=row,
        provider=row.provider,
        code=SignInCode.RECORDED,
    )


def remember(request: HttpRequest, tokens: PendingTokens) -> OIDCSession | None:
    """Record a sign-in that the site's code reports, before or after its `login()`.

    See `record`. If nobody is signed in yet, `login()` gives the row its user. If somebody is
    signed in, `login()` may be about to replace them.
    """
    row = record(request, tokens)
    pending.put_before_login(request, tokens)
    return row


def _keeps_refresh_token(token: IDToken) -> bool:
    """Return whether something will use the refresh token."""
    options = conf.OIDC_LOGOUT_PROVIDERS.get(token.alias)
    return conf.OIDC_LOGOUT_REVOKE_TOKENS or (options is not None and options.recheck)


def _named(provider: str) -> str:
    """Return the alias that the caller named, or the empty string if it is not configured."""
    if provider and provider not in conf.OIDC_LOGOUT_PROVIDERS:
        logger.warning(
            "OIDC_LOGOUT_PROVIDERS does not have the provider that remember_login() names: "
            "provider=%s",
            provider,
            extra=LogCode.UNKNOWN_PROVIDER.extra(),
        )
        return ""
    return provider


def _log_failure(exc: Exception) -> None:
    is_ours = isinstance(exc, OIDCLogoutError)
    logger.warning(
        "Could not record a sign-in, its sign-out will lack the hint, run oidc_logout_doctor: "
        "reason=%s",
        exc if is_ours else type(exc).__name__,
        exc_info=None if is_ours else exc,
        extra=LogCode.SIGN_IN_NOT_RECORDED.extra(),
    )


@request_scope.within
def is_refused(request: HttpRequest, encoded: str) -> bool:
    """Return whether a sign-in is refused, before it creates a user. `record` checks it again.

    Args:
        request: the request that is about to sign in.
        encoded: the verified ID Token.
    """
    token = id_token.read_or_none(encoded)
    if token is None or entry.is_signed_in(request.session):  # this may be a renewal
        return False
    return admission.refuse_if_due(request, token)


@request_scope.within
def after_login(request: HttpRequest, user: AbstractBaseUser) -> None:
    """Record the sign-in that `login()` completes, or give the browser's row to its session."""
    if admission.of(request) is not None:
        entry.flush(request)
        return
    pending.note_login(request)
    tokens, row_key = _tokens(request, user), pending.take_row_key(request)
    if tokens is None:
        _follow(request, user)
        return
    renewal = False
    try:
        renewal = _is_renewal(request, user)
        if renewal:
            rows.follow_login(request, user)
        else:
            rows.remove_replaced(request)
        is_replaced = row_key and row_key != entry.row_key(request.session)
        if is_replaced and engines.delete_hidden(row_key):
            index.remove_key(row_key)
    except Exception:  # this must not break the sign-in either
        logger.exception(
            "Could not remove the row of a replaced session",
            extra=LogCode.REPLACED_ROW_NOT_REMOVED.extra(),
        )
    record(request, tokens, renewal=renewal)


def _is_renewal(request: HttpRequest, user: AbstractBaseUser) -> bool:
    """Return whether the person of the browser's session got new tokens while impersonating.

    Then mozilla-django-oidc calls `login()`, as it does for a sign-in. django-hijack changes the
    session's user, and django-impersonate only the request's.
    """
    row = rows.row_before_login(request)
    if row is None or row.user_id != user.pk:
        return False
    return row.acts_as_id is not None or bool(entry.new_id_token(request.session))


def _tokens(request: HttpRequest, user: AbstractBaseUser) -> PendingTokens | None:
    try:
        return pending.take(request, user)
    except Exception as exc:  # noqa: BLE001  # a login library may have changed
        _log_failure(exc)
        return None


def _follow(request: HttpRequest, user: AbstractBaseUser) -> None:
    try:
        row, is_sign_in = rows.follow_login(request, user)
        is_ended = row is not None and _ended_meanwhile(request, row)
        unrecorded.mark(request)
        if row is None or not is_sign_in or is_ended:
            return
        if not admission.enforce(request, _token_of(row)):
            _announce(row, request)
    except Exception:  # this must not break the sign-in either
        rows.follow_later(request.session)
        logger.exception(
            "Could not record who uses a session now, run oidc_logout_doctor",
            extra=LogCode.USER_SWITCH_NOT_RECORDED.extra(),
        )


def _token_of(row: OIDCSession) -> IDToken:
    """Return the ID Token of a sign-in that waited for a second factor.

    A sign-in without an `auth_time` was allowed when its row was written, so that time counts.
    """
    claims = {"iss": row.issuer, "sub": row.sub, "auth_time": row.signed_in_at.timestamp()}
    return id_token.read_verified(row.id_token, claims, row.provider)


def _ended_meanwhile(request: HttpRequest, row: OIDCSession) -> bool:
    """Return whether a session ended between its `logout()` and `login()` in one request."""
    if not hasattr(request, rows.ENDED_ROW):  # a logout token would have found it
        return False
    issued_at = id_token.read(row.id_token).issued_at if row.id_token else None
    return tombstones.enforce(request, row, issued_at)
