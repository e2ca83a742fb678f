"""The tokens of a sign-in, kept on its request until the session is final."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import entry

if TYPE_CHECKING:
    from django.http import HttpRequest

ATTRIBUTE = "_oidc_logout_tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingTokens:
    """The tokens of a sign-in that is not recorded yet."""

    id_token: str = field(repr=False)
    access_token: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)


def put(request: HttpRequest, tokens: PendingTokens) -> None:
    """Keep the tokens of a sign-in on its request."""
    setattr(request, ATTRIBUTE, tokens)


def take(request: HttpRequest) -> PendingTokens | None:
    """Return the tokens that were kept, or the ID Token that mozilla-django-oidc stored.

    `login()` may just have flushed the latter, together with the session of somebody else.
    """
    tokens: PendingTokens | None = request.__dict__.pop(ATTRIBUTE, None)
    if tokens is not None:
        return tokens
    id_token = entry.mozilla_id_token(request.session) or entry.flushed(request.session).id_token
    return PendingTokens(id_token=id_token) if id_token else None
