"""What a sign-in fetches from its provider, so that the sign-out need not wait for it."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from ..codes import LogCode
from ..providers import configured
from ..tokens import id_token

if TYPE_CHECKING:
    from ..tokens.id_token import IDToken

logger = logging.getLogger("django_oidc_logout")


def warm(token: IDToken) -> None:
    """Renew the provider's cached metadata. A failure is logged."""
    alias = token.alias
    if not alias:
        logger.warning(
            "No provider in OIDC_LOGOUT_PROVIDERS matches an ID Token: issuer=%s",
            token.issuer,
            extra=LogCode.NO_MATCHING_PROVIDER.extra(),
        )
        return
    started = time.monotonic()
    try:
        provider = configured.provider_of_session(alias, token.issuer)
        provider.warm()
        left = provider.options.timeout - (time.monotonic() - started)
        id_token.learn_key(token, replace(provider.options, timeout=left))
    except Exception as exc:  # noqa: BLE001  # this must not break the sign-in either
        logger.warning(
            "Could not renew a provider's metadata: issuer=%s reason=%s",
            token.issuer,
            exc,
            extra=LogCode.METADATA_NOT_RENEWED.extra(provider=alias),
        )
