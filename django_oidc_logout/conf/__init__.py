"""Settings: `conf` reads them, and the names of what they may say."""

from .options import (
    INHERITED,
    PROVIDER_KEYS,
    SIGNALS_KEYS,
    ProviderOptions,
    Providers,
    SharedSignals,
)
from .settings import (
    ADDRESSES,
    DEFAULT_ALIAS,
    DIRECTIVES,
    GET_POLICIES,
    MOZILLA_DEFAULTS,
    RESPONSES,
    Settings,
    conf,
)

__all__ = [
    "ADDRESSES",
    "DEFAULT_ALIAS",
    "DIRECTIVES",
    "GET_POLICIES",
    "INHERITED",
    "MOZILLA_DEFAULTS",
    "PROVIDER_KEYS",
    "RESPONSES",
    "SIGNALS_KEYS",
    "ProviderOptions",
    "Providers",
    "Settings",
    "SharedSignals",
    "conf",
]
