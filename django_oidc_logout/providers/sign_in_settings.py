"""Values for missing mozilla-django-oidc settings, from the provider's discovery document.

Only a sign-in asks the provider: not the start of the site, not `check`, and not a request of a
signed-in person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..conf import DEFAULT_ALIAS
from . import configured, metadata

if TYPE_CHECKING:
    from ..conf import ProviderOptions

AUTHORIZATION = "OIDC_OP_AUTHORIZATION_ENDPOINT"
TOKEN = "OIDC_OP_TOKEN_ENDPOINT"  # noqa: S105  # the name of a setting
USERINFO = "OIDC_OP_USER_ENDPOINT"
KEYS = "OIDC_OP_JWKS_ENDPOINT"
ALGORITHM = "OIDC_RP_SIGN_ALGO"

ENDPOINTS = {
    AUTHORIZATION: "authorization_endpoint",
    TOKEN: "token_endpoint",
    USERINFO: "userinfo_endpoint",
    KEYS: "jwks_uri",
}
"""The settings, and the names in the metadata (OpenID Connect Discovery 1.0, section 3)."""

USUAL_ALGORITHM = "RS256"
"""What providers must support (section 3), and what clients get by default."""


class _UntilPublished(str):
    """The algorithm of a backend that has not yet read which one the provider uses."""

    __slots__ = ()


UNTIL_PUBLISHED = _UntilPublished(USUAL_ALGORITHM)

VERIFIABLE = ("RS", "ES")  # the algorithms with keys that mozilla-django-oidc verifies


def endpoint(setting: str) -> str:
    """Return the URL for a missing setting, as the provider publishes it.

    Raises:
        ProviderUnavailable: the URL is missing or not allowed, or the provider is unreachable.
    """
    options = _options()
    if setting == KEYS and options.jwks_uri:
        return options.jwks_uri
    document = metadata.document(options, renew=True)
    return metadata.published_url(document, ENDPOINTS[setting], options)


def algorithm() -> str:
    """Return the algorithm with which the provider signs ID Tokens, never a symmetric one.

    Raises:
        ProviderUnavailable: the provider is unreachable.
    """
    offered = metadata.document(_options()).get("id_token_signing_alg_values_supported")
    names = [name for name in offered if isinstance(name, str)] if isinstance(offered, list) else []
    fitting = [name for name in names if name.startswith(VERIFIABLE)]
    if USUAL_ALGORITHM in fitting or not fitting:
        return USUAL_ALGORITHM
    return fitting[0]


def _options() -> ProviderOptions:
    """Return the options of the provider to which mozilla's settings belong."""
    return configured.provider_for(DEFAULT_ALIAS).options
