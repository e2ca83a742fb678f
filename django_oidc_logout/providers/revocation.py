"""Token revocation (RFC 7009), which `OIDC_LOGOUT_REVOKE_TOKENS` switches on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import quote

from ..codes import LogCode
from ..conf import conf
from . import configured, fetch, metadata

if TYPE_CHECKING:
    from ..conf import ProviderOptions
    from ..models import OIDCSession
    from ..outcome import TokensOutcome

logger = logging.getLogger("django_oidc_logout")


def revoke(row: OIDCSession | None) -> TokensOutcome:
    """Revoke the refresh token of an ended session. A failure is logged and returned."""
    if row is None or not row.refresh_token or not conf.OIDC_LOGOUT_REVOKE_TOKENS:
        return "skipped"
    try:
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
    if options.client_secret and _uses_basic_auth(options):
        # RFC 6749, section 2.3.1: both are form-encoded first.
        auth = (quote(options.client_id, safe=""), quote(options.client_secret, safe=""))
        fetch.post_form(url, options, data, auth)
    else:
        data["client_id"] = options.client_id
        if options.client_secret:
            data["client_secret"] = options.client_secret
        fetch.post_form(url, options, data, None)


def _uses_basic_auth(options: ProviderOptions) -> bool:
    """Return whether to use basic authentication, which is OpenID Connect's default."""
    if options.basic_auth is not None:
        return options.basic_auth
    if options.revocation_endpoint:
        return True
    published = metadata.document(options)
    methods = published.get("revocation_endpoint_auth_methods_supported") or published.get(
        "token_endpoint_auth_methods_supported"
    )
    return not methods or "client_secret_basic" in methods
