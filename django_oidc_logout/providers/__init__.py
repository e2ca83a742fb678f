"""Identity providers: what a sign-out sends to each, and where. A site can subclass these."""

from .base import EndSessionRequest, EndSessionURL, OIDCProvider, with_query
from .dialects import Dialect
from .vendors import (
    AppleProvider,
    Auth0Provider,
    AuthentikProvider,
    CognitoProvider,
    GoogleProvider,
    OktaProvider,
    OryHydraProvider,
    PingFederateProvider,
    WorkOSProvider,
)

__all__ = [
    "AppleProvider",
    "Auth0Provider",
    "AuthentikProvider",
    "CognitoProvider",
    "Dialect",
    "EndSessionRequest",
    "EndSessionURL",
    "GoogleProvider",
    "OIDCProvider",
    "OktaProvider",
    "OryHydraProvider",
    "PingFederateProvider",
    "WorkOSProvider",
    "with_query",
]
