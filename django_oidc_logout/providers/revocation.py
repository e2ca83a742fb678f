"""Token revocation (RFC 7009), which `OIDC_LOGOUT_REVOKE_TOKENS` switches on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ..codes import LogCode
from ..conf import conf
from ..framework.savepoints import savepoints
from . import client, configured, fetch, metadata

if TYPE_CHECKING:
    from ..conf import ProviderOptions
    from ..models import OIDCSession
    from ..outcome import TokensOutcome

logger = logging.getLogger("django_oidc_logout")


def revoke(row: OIDCSession | None) -> TokensOutcome:
    """Revoke the refresh token of an ended session. Log a failure, and return `failed`."""
    if row is None or not row.refresh_token or not conf.OIDC_LOGOUT_REVOKE_TOKENS:
        return "skipped"
    try:
        with savepoints():  # the provider's metadata may be cached in a database
            provider = configured.provider_of_session(row.provider, row.issuer)
            _revoke(provider.options, row.refresh_token)
    except Exception as exc:  # noqa: BLE001  # the person is signed out whatever happens here
        logger.warning(
            "Could not revoke a refresh token: issuer=%s reason=%s",
            row.issuer,
            exc,
            extra=LogCode.TOKEN_NOT_REVOKED.extra(provider=row.provider),
        )
        return "failed"
    return "revoked"


def _revoke(options: ProviderOptions, refresh_token: str) -> None:
    url = options.revocation_endpoint or metadata.endpoint(options, "revocation_endpoint")
    data = {"token": refresh_token, "token_type_hint": "refresh_token"}
    form, auth = client.authenticated(
        options, data, "revocation_endpoint", is_known=not options.revocation_endpoint
    )
    fetch.post_form(url, options, form, auth)
