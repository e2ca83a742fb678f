"""Sign-ins that are refused although the provider has authenticated the person."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from django.db import Error, connections, transaction

from ..codes import EndedCode, LogCode, RefusedCode
from ..exceptions import SessionsNotEnded
from ..fields import digest
from ..framework.request_scope import unwrapped
from ..signals import sign_in_refused
from . import end, engines, entry, index, lifetime, reauthentication, sql

if TYPE_CHECKING:
    from django.http import HttpRequest

    from ..tokens.id_token import IDToken

logger = logging.getLogger("django_oidc_logout")

REFUSAL = "_oidc_logout_refusal"
MOZILLA_NEXT = "oidc_login_next"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a sign-in was refused, for the refusal page."""

    code: RefusedCode
    alias: str
    """The alias of the provider; empty if it is not configured."""
    next: str = ""
    """The target of the sign-in, which the login library has checked."""


def of(request: HttpRequest) -> Refusal | None:
    """Return why the sign-in of this request was refused, or None."""
    refusal: Refusal | None = getattr(unwrapped(request), REFUSAL, None)
    return refusal


def reason(request: HttpRequest, token: IDToken) -> Refusal | None:
    """Return why a sign-in must be refused, or None.

    Raises:
        DatabaseError: the marks cannot be read.
    """
    if not lifetime.may_begin(token):
        return Refusal(code=RefusedCode.SESSION_OVER, alias=token.alias)
    if reauthentication.is_required(request, token):
        return Refusal(code=RefusedCode.REAUTHENTICATION_REQUIRED, alias=token.alias)
    return None


def refuse_if_due(request: HttpRequest, token: IDToken) -> bool:
    """Refuse a sign-in if `reason` returns a refusal. Return whether it was refused.

    If the marks cannot be read, the failure is logged, and the sign-in is allowed.
    """
    try:
        with sql.savepoint(index.database()):
            refusal = reason(request, token)
    except Error:
        logger.exception(
            "Could not check whether a sign-in needs a new authentication, run migrate",
            extra=LogCode.REAUTHENTICATION_NOT_CHECKED.extra(provider=token.alias),
        )
        return False
    if refusal is not None:
        refuse(request, token, refusal)
    return refusal is not None


def enforce(request: HttpRequest, token: IDToken) -> bool:
    """Refuse a sign-in that has just been recorded, if necessary. Return whether it was refused.

    A sign-in writes its row before it looks for a mark. Whoever ends sessions sets the mark before
    looking for rows. So one of the two finds the other. Inside a transaction, others cannot see the
    row yet, so this checks again after the commit.
    """
    if refuse_if_due(request, token):
        return True
    reauthentication.satisfy(request)
    using = index.database()
    if connections[using].in_atomic_block:
        again = partial(refuse_if_due, request, token)
        transaction.on_commit(again, using=using, robust=True)
    return False


def limit(request: HttpRequest, token: IDToken, *, renewal: bool) -> bool:
    """Limit the session that a token begins or renews. Return False if it would already be over.

    The sign-in is then refused.
    """
    if not renewal:
        lifetime.log_unusable(token)
    if not lifetime.may_begin(token):
        refuse(request, token, Refusal(code=RefusedCode.SESSION_OVER, alias=token.alias))
        return False
    lifetime.pin(request.session, token, renewal=renewal)
    return True


def refuse(request: HttpRequest, token: IDToken, refusal: Refusal) -> None:
    """Sign the request out, and store the reason for the refusal page."""
    logger.warning(
        "Refused a sign-in, the person must authenticate again: issuer=%s reason=%s",
        token.issuer,
        refusal.code.sentence,
        extra=refusal.code.extra(provider=token.alias),
    )
    _log_ignored(request, token)
    end.announce(
        sign_in_refused,
        sender=refuse,
        request=request,
        provider=token.alias,
        sub_digest=digest(token.issuer, token.subject),
        code=refusal.code,
    )
    requested = str(request.session.get(MOZILLA_NEXT) or "")
    if row := index.current(request):
        try:
            end.end_rows([row], code=EndedCode.SIGN_IN_REFUSED)
        except SessionsNotEnded:  # it is logged, and the row remains
            unwrapped(request).session = engines.store()()
    entry.flush(request)
    setattr(unwrapped(request), REFUSAL, replace(refusal, next=requested))


def _log_ignored(request: HttpRequest, token: IDToken) -> None:
    """Log it if the provider was asked for a new authentication, and ignored that."""
    if reauthentication.asked_at(request) is not None:
        logger.warning(
            "The provider was asked for a new authentication, but the ID Token does not show one, "
            "set REAUTHENTICATE_WITH: issuer=%s",
            token.issuer,
            extra=LogCode.REAUTHENTICATION_IGNORED.extra(provider=token.alias),
        )
