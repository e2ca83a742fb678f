"""Token revocation at the provider (RFC 7009), asked for with `OIDC_LOGOUT_REVOKE_TOKENS`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import quote

from . import discovery, registry, transport
from .conf import conf

if TYPE_CHECKING:
    from .conf import ProviderOptions
    from .models import OIDCSession
    from .outcome import Tokens

logger = logging.getLogger(__name__)


def revoke(row: OIDCSession | None) -> Tokens:
    """Revoke the refresh token of a session that has ended; a failure is logged and told."""
    if row is None or not row.refresh_token or not conf.OIDC_LOGOUT_REVOKE_TOKENS:
        return "skipped"
    try:
        _revoke(registry.of_session(row.provider, row.issuer).options, row.refresh_token)
    except Exception as exc:  # noqa: BLE001  # rule 1: the person is signed out, whatever comes of this
        logger.warning("The refresh token is not revoked: issuer=%s reason=%s", row.issuer, exc)
        return "failed"
    return "revoked"


def _revoke(options: ProviderOptions, refresh_token: str) -> None:
    url = options.revocation_endpoint or discovery.endpoint(options, "revocation_endpoint")
    data = {"token": refresh_token, "token_type_hint": "refresh_token"}
    if options.client_secret and _by_basic_auth(options):
        # RFC 6749, section 2.3.1: both are form-encoded first
        auth = (quote(options.client_id, safe=""), quote(options.client_secret, safe=""))
        transport.post_form(url, options, data, auth)
    else:
        data["client_id"] = options.client_id
        if options.client_secret:
            data["client_secret"] = options.client_secret
        transport.post_form(url, options, data, None)


def _by_basic_auth(options: ProviderOptions) -> bool:
    """Choose as at the token endpoint; basic authentication is OpenID Connect's default."""
    if options.basic_auth is not None:
        return options.basic_auth
    if options.revocation_endpoint:
        return True
    metadata = discovery.metadata(options)
    methods = metadata.get("revocation_endpoint_auth_methods_supported") or metadata.get(
        "token_endpoint_auth_methods_supported"
    )
    return not methods or "client_secret_basic" in methods
