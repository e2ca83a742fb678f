"""The settings: `conf` reads them. The constants name their keys and valid values."""

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
    MAX_HISTORY_DAYS,
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
    "MAX_HISTORY_DAYS",
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
