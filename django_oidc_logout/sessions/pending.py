"""The tokens of a sign-in, kept on its request until the session is final."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import entry

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
    """The tokens of a sign-in that is not recorded yet, or not for its user."""

    id_token: str | None = field(default=None, repr=False)
    claims: Mapping[str, Any] | None = field(default=None, repr=False)
    access_token: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    provider: str = ""
    """The alias of the provider, if the caller knows it."""


def put(request: HttpRequest, tokens: PendingTokens) -> None:
    """Keep the tokens of a sign-in on its request."""
    setattr(request, ATTRIBUTE, tokens)


def put_before_login(request: HttpRequest, tokens: PendingTokens) -> None:
    """Keep tokens that were recorded for a signed-in user, in case `login()` is still to come.

    `login()` flushes the session if it signs in somebody else, and the tokens are theirs then.
    """
    if LOGGED_IN not in request.__dict__ and entry.is_signed_in(request.session):
        put(request, tokens)
        setattr(request, ROW_KEY, entry.row_key(request.session))


def take_row_key(request: HttpRequest) -> str:
    """Return the key of the row that was written before `login()`, or the empty string."""
    return str(request.__dict__.pop(ROW_KEY, ""))


def note_login(request: HttpRequest) -> None:
    """Note that `login()` has been called for a request."""
    setattr(request, LOGGED_IN, True)


_sources: dict[Source, None] = {}


def add_source(source: Source) -> None:
    """Ask `source` for the tokens of each `login()` for which nothing was kept."""
    _sources[source] = None


def take(request: HttpRequest, user: AbstractBaseUser) -> PendingTokens | None:
    """Return the tokens that were kept, or what a source or mozilla-django-oidc has stored.

    `login()` may just have flushed the latter's, together with the session of somebody else.
    """
    tokens: PendingTokens | None = request.__dict__.pop(ATTRIBUTE, None)
    if tokens is not None:
        return tokens
    for source in _sources:
        if (tokens := source(request, user)) is not None:
            return tokens
    id_token = entry.mozilla_id_token(request.session) or entry.flushed(request.session).id_token
    return PendingTokens(id_token=id_token) if id_token else None
