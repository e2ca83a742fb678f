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


def address(options: ProviderOptions) -> str:
    """Return where the provider publishes its metadata (section 4).

    Raises:
        ProviderUnavailable: no issuer is configured.
    """
    if not options.issuer:
        raise ProviderUnavailable(f"OIDC_LOGOUT_PROVIDERS[{options.alias!r}] has no ISSUER")
    return f"{options.issuer.removesuffix('/')}/.well-known/openid-configuration"


def endpoint(options: ProviderOptions, name: str) -> str:
    """Return the address that the provider publishes as `name`, such as `end_session_endpoint`.

    Raises:
        ProviderUnavailable: it publishes none, or none that may be used, or cannot be reached.
    """
    published = metadata(options).get(name)
    if not published:
        raise ProviderUnavailable(f"{options.issuer} publishes no {name}")
    if not isinstance(published, str) or not _may_be_asked(published, options):
        what = f"publishes under {name} something that is no https address"
        raise ProviderUnavailable(f"{options.issuer} {what}")
    return published


def _may_be_asked(address: str, options: ProviderOptions) -> bool:
    """Tell whether an address is https, or, of a provider that is on loopback itself, there too.

    A provider elsewhere must not make the site call its own neighbours on this machine.
    """
    is_there = options.issuer.startswith("http:")
    return transport.is_secure(address) and (is_there or address.lower().startswith("https:"))


def metadata(options: ProviderOptions, *, renew: bool = False) -> dict[str, Any]:
    """Return the provider's metadata: the copy that is there, or else fetched.

    With `renew`, a copy past its freshness is fetched again, and serves on if that fails. A failure
    is remembered for `FAILURE` seconds, so that an outage costs one time-out and not one a click.

    Raises:
        ProviderUnavailable: there is no copy, and none can be had.
    """
    return _document("metadata", options, renew=renew)


def keys(options: ProviderOptions, *, renew: bool = False) -> list[Any]:
    """Return the provider's public keys, as it published them: kept and renewed as `metadata`.

    Raises:
        ProviderUnavailable: there is no copy, and none can be had.
    """
    key_set = _document("keys", options, renew=renew).get("keys")
    return key_set if isinstance(key_set, list) else []


def newest_keys(options: ProviderOptions) -> list[Any]:
    """Fetch the provider's keys now: one of them is said to be new.

    Once in `FAILURE` seconds, whoever says so: forged tokens name new keys, too, and a flood of
    them is to cost the provider nothing. In between, the copy has to do.

    Raises:
        ProviderUnavailable: they cannot be had.
    """
    if caching.add(caching.key("keys-asked", options.issuer, options.jwks_uri), FAILURE):
        _fetch("keys", options)
    return keys(options)


def _document(kind: str, options: ProviderOptions, *, renew: bool) -> dict[str, Any]:
    copy = caching.get(_name(kind, options))
    if copy and not (renew and copy["fresh_until"] < time.time()):
        return dict(copy["document"])
    try:
        return _fetch(kind, options)
    except ProviderUnavailable:
        if not copy:
            raise
        return dict(copy["document"])


def _name(kind: str, options: ProviderOptions) -> str:
    return caching.key(kind, options.issuer, options.jwks_uri if kind == "keys" else "")


def _fetch(kind: str, options: ProviderOptions) -> dict[str, Any]:
    failed = f"{_name(kind, options)}:failed"
    if reason := caching.get(failed):
        raise ProviderUnavailable(reason)
    try:
        document, cache_control = transport.get_json(_address(kind, options), options)
        if kind == "metadata":
            _require_issuer(document, options)
    except ProviderUnavailable as exc:
        caching.put(failed, str(exc), FAILURE)
        raise
    fresh_until = time.time() + _freshness(cache_control)
    caching.put(_name(kind, options), {"document": document, "fresh_until": fresh_until}, KEEP)
    return document


def _address(kind: str, options: ProviderOptions) -> str:
    if kind == "keys":
        return options.jwks_uri or endpoint(options, "jwks_uri")
    return address(options)


def _require_issuer(document: dict[str, Any], options: ProviderOptions) -> None:
    if document.get("issuer") != options.issuer:
        raise ProviderUnavailable(
            f"the discovery document of {options.issuer} names another issuer"
        )


def _freshness(cache_control: str) -> float:
    match = MAX_AGE.search(cache_control)
    seconds = int(match[1]) if match else FRESH_DEFAULT
    return min(max(seconds, FRESH_MINIMUM), FRESH_MAXIMUM)
