"""Recording a sign-in, so that its sign-out has what it needs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from .conf import conf
from .providers import configured
from .sessions import index, tombstones
from .tokens import id_token

if TYPE_CHECKING:
    from django.http import HttpRequest

    from .models import OIDCSession
    from .sessions.pending import PendingTokens
    from .tokens.id_token import IDToken

logger = logging.getLogger("django_oidc_logout")


def record(
    request: HttpRequest, tokens: PendingTokens, *, renewal: bool = False
) -> OIDCSession | None:
    """Write the row of the request's session. A failure is logged and does not break the sign-in.

    Args:
        request: the request that has just been signed in.
        tokens: the verified tokens.
        renewal: whether the session was signed in before. If it has ended in the meantime, it is
            flushed instead.

    Returns:
        The row, or None if it could not be written or the provider has ended the session.
    """
    try:
        token = id_token.read(tokens.id_token)
        row = index.record(
            request,
            token,
            sid=token.sid or id_token.read_sid(tokens.access_token),
            refresh_token=(tokens.refresh_token or "") if conf.OIDC_LOGOUT_REVOKE_TOKENS else "",
            renewal=renewal,
        )
    except Exception:  # recording must not break the sign-in
        logger.exception("Could not record a sign-in, its sign-out will lack the hint")
        return None
    if row is not None and tombstones.enforce(request, row, token.issued_at):
        row = None
    _warm(token)
    return row


def _warm(token: IDToken) -> None:
    """Renew the provider's cached metadata now, so that a click need not wait for it."""
    alias = token.alias
    if not alias:
        logger.warning(
            "No provider in OIDC_LOGOUT_PROVIDERS matches an ID Token: issuer=%s", token.issuer
        )
        return
    try:
        configured.provider_for(alias).warm()
    except Exception as exc:  # noqa: BLE001  # this must not break the sign-in either
        logger.warning(
            "Could not renew a provider's metadata: issuer=%s reason=%s", token.issuer, exc
        )
