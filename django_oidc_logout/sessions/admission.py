"""Sign-ins that are refused although the provider vouches for the person."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from django.db import Error, connections, transaction

from ..codes import EndedCode, LogCode, RefusedCode
from ..exceptions import SessionsNotEnded
from ..fields import digest
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
    """Why a sign-in was refused, for the page that says so."""

    code: RefusedCode
    alias: str
    """The alias of the provider; empty if it is not configured."""
    next: str = ""
    """Where the person wanted to go, as the login library has checked it."""


def of(request: HttpRequest) -> Refusal | None:
    """Return why the sign-in of this request was refused, or None."""
    refusal: Refusal | None = getattr(request, REFUSAL, None)
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
    """Refuse a sign-in if it must be. Return whether it was.

    If the marks cannot be read, this is logged, and the sign-in goes on.
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
    """Refuse a sign-in that has just been recorded, if it must be. Return whether it was.

    Its row is written first, and a mark is set before rows are looked for, so one of the two finds
    the other. Inside a transaction, the mark cannot see the row yet, so this looks again after it.
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
    """Limit the session that a token begins or renews. Return False if it has no future.

    It is ended then.
    """
    lifetime.log_unusable(token)
    if not lifetime.may_begin(token):
        refuse(request, token, Refusal(code=RefusedCode.SESSION_OVER, alias=token.alias))
        return False
    lifetime.pin(request.session, token, renewal=renewal)
    return True


def refuse(request: HttpRequest, token: IDToken, refusal: Refusal) -> None:
    """Sign the request out, and note why for the page that says so."""
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
            request.session = engines.store()()
    entry.flush(request)
    setattr(request, REFUSAL, replace(refusal, next=requested))


def _log_ignored(request: HttpRequest, token: IDToken) -> None:
    """Log that the provider was asked for a new authentication, in vain."""
    if reauthentication.asked_at(request) is not None:
        logger.warning(
            "The provider was asked for a new authentication, but the ID Token does not show one, "
            "set REAUTHENTICATE_WITH: issuer=%s",
            token.issuer,
            extra=LogCode.REAUTHENTICATION_IGNORED.extra(provider=token.alias),
        )
