"""How the site's client authenticates at the provider's endpoints (RFC 6749, section 2.3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from . import metadata

if TYPE_CHECKING:
    from ..conf import ProviderOptions

Credentials = tuple[str, str]


def authenticated(
    options: ProviderOptions, data: dict[str, str], endpoint: str, *, is_known: bool = True
) -> tuple[dict[str, str], Credentials | None]:
    """Return the form, and the client's credentials unless the form contains them.

    Args:
        options: the provider's options.
        data: the form.
        endpoint: the endpoint's name in the metadata, such as `revocation_endpoint`.
        is_known: whether the endpoint comes from the metadata. If not, the metadata is not fetched.
    """
    if options.client_secret and _uses_basic_auth(options, endpoint, is_known=is_known):
        # The standard requires form encoding of both values.
        return data, (quote(options.client_id, safe=""), quote(options.client_secret, safe=""))
    secret = {"client_secret": options.client_secret} if options.client_secret else {}
    return {**data, "client_id": options.client_id, **secret}, None


def _uses_basic_auth(options: ProviderOptions, endpoint: str, *, is_known: bool) -> bool:
    """Return whether to use basic authentication, which is OpenID Connect's default."""
    if options.basic_auth is not None:
        return options.basic_auth
    if not is_known:
        return True
    published = metadata.document(options)
    methods = published.get(f"{endpoint}_auth_methods_supported") or published.get(
        "token_endpoint_auth_methods_supported"
    )
    return not methods or "client_secret_basic" in methods
