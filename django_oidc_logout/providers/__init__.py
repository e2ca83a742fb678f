"""Identity providers: what a sign-out sends to each, and where. A site can subclass these."""

from .base import EndSessionRequest, EndSessionURL, OIDCProvider, with_query
from .vendors import Auth0Provider, CognitoProvider, GoogleProvider, WorkOSProvider

__all__ = [
    "Auth0Provider",
    "CognitoProvider",
    "EndSessionRequest",
    "EndSessionURL",
    "GoogleProvider",
    "OIDCProvider",
    "WorkOSProvider",
    "with_query",
]
