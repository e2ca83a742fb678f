"""Ask a provider whether a sign-in is still valid, with its refresh token.

Some providers do not notify a site when an account is disabled or deleted. If the client has a
secret and the provider supports introspection (RFC 7662), this uses it, because it does not change
the token. Otherwise this uses the refresh grant (RFC 6749, section 6), which may replace the token.
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
    """The provider's response."""

    is_good: bool
    refresh_token: str = field(default="", repr=False)
    """The token that replaces the old refresh token; empty if the old one remains valid."""


def ask(options: ProviderOptions, refresh_token: str) -> Confirmation:
    """Ask the provider whether a sign-in is still valid.

    Raises:
        ProviderUnavailable: the provider does not respond, or its response is not conclusive.
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
    """Return a message with the OAuth error's code. Its description could repeat a token."""
    code = str(document.get("error") or "")
    return f"{options.issuer} responded with {code if CODE.fullmatch(code) else 'no error code'}"
