"""Token revocation (RFC 7009), which `OIDC_LOGOUT_REVOKE_TOKENS` switches on."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from ..codes import LogCode
from ..conf import conf
from ..framework.savepoints import savepoints
from . import client, configured, fetch, metadata

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..conf import ProviderOptions
    from ..models import OIDCSession
    from ..outcome import TokensOutcome

logger = logging.getLogger("django_oidc_logout")

MAX_FAILURES = 2  # in a row; the provider's other tokens are then skipped


def revoke(row: OIDCSession | None) -> TokensOutcome:
    """Revoke the refresh token of an ended session. Log a failure, and return `failed`."""
    if row is None or not _has_token(row):
        return "skipped"
    try:
        with savepoints():  # the provider's metadata may be cached in a database
            provider = configured.provider_of_session(row.provider, row.issuer)
            _revoke(provider.options, row.refresh_token)
    except Exception as exc:  # noqa: BLE001  # the person is signed out whatever happens here
        _log(row, exc)
        return "failed"
    return "revoked"


def revoke_all(rows: Iterable[OIDCSession]) -> None:
    """Revoke the refresh tokens of ended sessions, but skip a provider that fails in a row.

    Otherwise, if it does not respond, the caller would wait for its timeout for each token.
    """
    failures = Counter[str]()
    for row in filter(_has_token, rows):
        if failures[row.provider] >= MAX_FAILURES:
            _log(row, "the provider has failed before")
        elif revoke(row) == "failed":
            failures[row.provider] += 1
        else:
            failures[row.provider] = 0


def _has_token(row: OIDCSession) -> bool:
    return bool(row.refresh_token) and conf.OIDC_LOGOUT_REVOKE_TOKENS


def _log(row: OIDCSession, reason: object) -> None:
    logger.warning(
        "Could not revoke a refresh token: issuer=%s reason=%s",
        row.issuer,
        reason,
        extra=LogCode.TOKEN_NOT_REVOKED.extra(provider=row.provider),
    )


def _revoke(options: ProviderOptions, refresh_token: str) -> None:
    url = options.revocation_endpoint or metadata.endpoint(options, "revocation_endpoint")
    data = {"token": refresh_token, "token_type_hint": "refresh_token"}
    form, auth = client.authenticated(
        options, data, "revocation_endpoint", is_known=not options.revocation_endpoint
    )
    fetch.post_form(url, options, form, auth)
