"""What an identity provider publishes about itself (OpenID Connect Discovery 1.0, section 4).

A copy is kept in Django's cache. A click uses the copy, however old; a sign-in renews it.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from . import caching, transport
from .exceptions import ProviderUnavailable

if TYPE_CHECKING:
    from .conf import ProviderOptions

# All in seconds.
FRESH_DEFAULT = 60 * 60
FRESH_MINIMUM = 5 * 60
FRESH_MAXIMUM = 24 * 60 * 60
KEEP = 30 * 24 * 60 * 60
FAILURE = 30

MAX_AGE = re.compile(r"(?:^|[\s,])max-age=\"?(\d{1,9})", re.IGNORECASE)


def endpoint(options: ProviderOptions, name: str) -> str:
    """Return the address that the provider publishes as `name`, such as `end_session_endpoint`.

    Raises:
        ProviderUnavailable: it publishes none, or none that may be used, or cannot be reached.
    """
    address = metadata(options).get(name)
    if not address:
        raise ProviderUnavailable(f"{options.issuer} publishes no {name}")
    if not isinstance(address, str) or not transport.is_secure(address):
        raise ProviderUnavailable(f"{options.issuer} publishes a {name} that is no https address")
    return address


def metadata(options: ProviderOptions, *, renew: bool = False) -> dict[str, Any]:
    """Return the provider's metadata: the copy that is there, or else fetched.

    With `renew`, a copy past its freshness is fetched again, and serves on if that fails. A failure
    is remembered for `FAILURE` seconds, so that an outage costs one time-out and not one a click.

    Raises:
        ProviderUnavailable: there is no copy, and none can be had.
    """
    name = caching.key("discovery", options.issuer)
    copy = caching.get(name) or {}
    if copy and not (renew and copy["fresh_until"] < time.time()):
        return dict(copy["document"])
    try:
        return _fetch(options, name)
    except ProviderUnavailable:
        if not copy:
            raise
        return dict(copy["document"])


def _fetch(options: ProviderOptions, name: str) -> dict[str, Any]:
    failed = caching.key("discovery-failed", options.issuer)
    if reason := caching.get(failed):
        raise ProviderUnavailable(reason)
    try:
        document, cache_control = transport.get_json(_address(options), options)
        _require_issuer(document, options)
    except ProviderUnavailable as exc:
        caching.put(failed, str(exc), FAILURE)
        raise
    fresh_until = time.time() + _freshness(cache_control)
    caching.put(name, {"document": document, "fresh_until": fresh_until}, KEEP)
    return document


def _address(options: ProviderOptions) -> str:
    if not options.issuer:
        raise ProviderUnavailable(f"OIDC_LOGOUT_PROVIDERS[{options.alias!r}] has no ISSUER")
    return f"{options.issuer.removesuffix('/')}/.well-known/openid-configuration"


def _require_issuer(document: dict[str, Any], options: ProviderOptions) -> None:
    if document.get("issuer") != options.issuer:
        raise ProviderUnavailable(
            f"the discovery document of {options.issuer} names another issuer"
        )


def _freshness(cache_control: str) -> float:
    match = MAX_AGE.search(cache_control)
    seconds = int(match[1]) if match else FRESH_DEFAULT
    return min(max(seconds, FRESH_MINIMUM), FRESH_MAXIMUM)
