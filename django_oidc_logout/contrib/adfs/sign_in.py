"""Keeps the tokens of a sign-in through django-auth-adfs, which does not store them.

The library verifies the access token. The ID Token comes with it, directly from the provider
(OpenID Connect Core 1.0, section 3.1.3.7). If a site's subclass overrides `exchange_auth_code`, it
must call `super()`.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django_auth_adfs.backend import AdfsBaseBackend

from ...sessions import pending

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

    Exchange = Callable[..., dict[str, Any]]

KEEPS = "_oidc_logout_keeps"


def connect() -> None:
    """Make every backend of the library keep the tokens that it gets for a code."""
    exchange = AdfsBaseBackend.exchange_auth_code
    if not hasattr(exchange, KEEPS):
        AdfsBaseBackend.exchange_auth_code = _keeping(exchange)


def _keeping(exchange: Exchange) -> Exchange:
    @wraps(exchange)
    def wrapper(
        backend: AdfsBaseBackend, authorization_code: str, request: HttpRequest | None = None
    ) -> dict[str, Any]:
        response = exchange(backend, authorization_code, request)
        if request is not None:
            tokens = pending.PendingTokens(
                id_token=response.get("id_token"),
                access_token=response.get("access_token"),
                refresh_token=response.get("refresh_token"),
            )
            pending.put(request, tokens)
        return response

    setattr(wrapper, KEEPS, True)
    return wrapper
