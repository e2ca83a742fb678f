"""Finds the tokens of a sign-in through social-auth-app-django.

The library keeps the ID Token in the `extra_data` of the account, where the next sign-in in any
browser replaces it. So this reads it while `login()` runs, and uses it only if its claims are those
that the backend has just verified.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ...codes import LogCode
from ...conf import conf
from ...exceptions import TokenUnreadable
from ...providers import configured
from ...sessions import entry, origin
from ...sessions.pending import PendingTokens
from ...tokens import jws

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest

logger = logging.getLogger("django_oidc_logout")

COMPARED = ("iss", "sub", "sid", "iat", "nonce")

reported: set[str] = set()
"""The names of the backends whose missing ID Token this process has already logged."""


def tokens_of(request: HttpRequest, user: AbstractBaseUser) -> PendingTokens | None:
    """Return the tokens of the sign-in that `login()` completes, or None."""
    social_user: Any = getattr(user, "social_user", None)
    if social_user is None or not origin.is_provider_backend(origin.backend(request.session)):
        return None
    claims = _verified_claims(request)
    data = social_user.extra_data if isinstance(social_user.extra_data, dict) else {}
    id_token = _current(data.get("id_token"), claims)
    if not id_token:
        _report(social_user.provider)
        if not claims:
            entry.mark_provider(request.session, _probable_alias(request))
            return None
    return PendingTokens(
        id_token=id_token,
        claims=claims,
        access_token=data.get("access_token"),
        refresh_token=data.get("refresh_token"),
        provider=_alias(social_user.provider, claims),
    )


def _verified_claims(request: HttpRequest) -> Mapping[str, Any] | None:
    """Return the claims of the ID Token that the request's backend has verified, if any."""
    claims = getattr(getattr(request, "backend", None), "id_token", None)
    return claims if isinstance(claims, dict) else None


def _current(encoded: object, claims: Mapping[str, Any] | None) -> str | None:
    """Return the ID Token that was kept, unless it belongs to another sign-in."""
    if not isinstance(encoded, str) or claims is None:
        return encoded if isinstance(encoded, str) else None
    try:
        _, kept = jws.parse(encoded.replace("=", ""))
    except TokenUnreadable:
        return encoded  # it may be encrypted, which the recording handles
    is_current = all(kept.get(name) == claims.get(name) for name in COMPARED)
    return encoded if is_current else None


def _alias(name: str, claims: Mapping[str, Any] | None) -> str:
    """Return a backend's name if it is also an alias. An issuer may have several."""
    options = conf.OIDC_LOGOUT_PROVIDERS.get(name)
    issuer = (claims or {}).get("iss")
    return name if options and issuer in {None, options.issuer} else ""


def _probable_alias(request: HttpRequest) -> str:
    """Return the only provider's alias, or the empty string for OAuth alone, such as GitHub."""
    is_oidc = origin.is_kind(origin.backend(request.session), [origin.SOCIAL_OIDC])
    return configured.only_alias() if is_oidc else ""


def _report(name: str) -> None:
    """Log, once for each backend, that it does not keep the ID Token."""
    if name not in reported:
        reported.add(name)
        logger.warning(
            "A backend of social-auth does not keep the ID Token, its sign-outs will lack the "
            'hint, add "id_token" to SOCIAL_AUTH_%s_EXTRA_DATA: backend=%s',
            name.upper().replace("-", "_"),
            name,
            extra=LogCode.ID_TOKEN_NOT_KEPT.extra(),
        )
