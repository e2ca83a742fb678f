"""Asking a provider whether a sign-in is still good, by its refresh token.

Some providers tell nobody that an account was disabled or deleted. Introspection (RFC 7662) is
asked where the provider has it, because it changes nothing. Otherwise the token is used (RFC 6749,
section 6), which may replace it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..exceptions import ProviderUnavailable
from . import client, fetch, metadata

if TYPE_CHECKING:
    from ..conf import ProviderOptions

CODE = re.compile(r"[a-z_]{1,50}", re.ASCII)
SUCCESS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What the provider says."""

    is_good: bool
    refresh_token: str = field(default="", repr=False)
    """The token that replaces the one that was asked about; empty if none does."""


def ask(options: ProviderOptions, refresh_token: str) -> Confirmation:
    """Ask the provider whether a sign-in is still good.

    Raises:
        ProviderUnavailable: it does not answer, or not to this question.
    """
    published = metadata.document(options)
    if options.client_secret and published.get("introspection_endpoint"):
        return _introspect(options, refresh_token)
    return _refresh(options, refresh_token)


def _introspect(options: ProviderOptions, refresh_token: str) -> Confirmation:
    data = {"token": refresh_token, "token_type_hint": "refresh_token"}
    status, document = _post(options, "introspection_endpoint", data)
    active = document.get("active")
    if status != SUCCESS or not isinstance(active, bool):
        raise ProviderUnavailable(_error(options, document))
    return Confirmation(is_good=active)


def _refresh(options: ProviderOptions, refresh_token: str) -> Confirmation:
    data = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    status, document = _post(options, "token_endpoint", data)
    if status == SUCCESS:
        renewed = document.get("refresh_token")
        return Confirmation(is_good=True, refresh_token=renewed if isinstance(renewed, str) else "")
    if document.get("error") == "invalid_grant":
        return Confirmation(is_good=False)
    raise ProviderUnavailable(_error(options, document))


def _post(
    options: ProviderOptions, endpoint: str, data: dict[str, str]
) -> tuple[int, dict[str, object]]:
    url = metadata.endpoint(options, endpoint)
    form, auth = client.authenticated(options, data, endpoint)
    return fetch.post_for_json(url, options, form, auth)


def _error(options: ProviderOptions, document: dict[str, object]) -> str:
    """Return what an OAuth error says, by its code: a description may repeat a token."""
    code = str(document.get("error") or "")
    return f"{options.issuer} responded with {code if CODE.fullmatch(code) else 'no error code'}"
