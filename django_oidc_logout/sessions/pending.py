"""The tokens of a sign-in, kept on its request until the session is final."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..framework.request_scope import unwrapped
from . import entry, flushed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest

    Source = Callable[["HttpRequest", "AbstractBaseUser"], "PendingTokens | None"]

ATTRIBUTE = "_oidc_logout_tokens"
ROW_KEY = "_oidc_logout_row_key"
LOGGED_IN = "_oidc_logout_logged_in"


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingTokens:
    """The tokens of a sign-in that is not recorded yet, or not yet for its user."""

    id_token: str | None = field(default=None, repr=False)
    claims: Mapping[str, Any] | None = field(default=None, repr=False)
    access_token: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    provider: str = ""
    """The alias of the provider, if the caller knows it."""


def put(request: HttpRequest, tokens: PendingTokens) -> None:
    """Keep the tokens of a sign-in on its request."""
    setattr(unwrapped(request), ATTRIBUTE, tokens)


def put_before_login(request: HttpRequest, tokens: PendingTokens) -> None:
    """Keep tokens that were recorded while a user is signed in, in case `login()` follows.

    If `login()` signs in somebody else, it flushes the session, and the tokens are the new user's.
    """
    if LOGGED_IN not in unwrapped(request).__dict__ and entry.is_signed_in(request.session):
        put(request, tokens)
        setattr(unwrapped(request), ROW_KEY, entry.row_key(request.session))


def take_row_key(request: HttpRequest) -> str:
    """Return the key of the row that was written before `login()`, or the empty string."""
    return str(unwrapped(request).__dict__.pop(ROW_KEY, ""))


def note_login(request: HttpRequest) -> None:
    """Remember that `login()` has been called for a request."""
    setattr(unwrapped(request), LOGGED_IN, True)


_sources: dict[Source, None] = {}


def add_source(source: Source) -> None:
    """Register a source, which `take` calls for a `login()` whose tokens were not kept."""
    _sources[source] = None


def take(request: HttpRequest, user: AbstractBaseUser) -> PendingTokens | None:
    """Return the tokens that were kept, or those of a source, or mozilla-django-oidc's ID Token.

    mozilla-django-oidc stores its ID Token in the session, which `login()` may have just flushed.
    """
    tokens: PendingTokens | None = unwrapped(request).__dict__.pop(ATTRIBUTE, None)
    if tokens is not None:
        return tokens
    for source in _sources:
        if (tokens := source(request, user)) is not None:
            return tokens
    session = request.session
    of_mozilla = entry.new_id_token if entry.row_key(session) else entry.mozilla_id_token
    id_token = of_mozilla(session) or flushed.of(session).id_token
    return PendingTokens(id_token=id_token) if id_token else None
