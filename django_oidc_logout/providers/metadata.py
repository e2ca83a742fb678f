"""A provider's metadata and keys (OpenID Connect Discovery 1.0, section 4).

Django's cache keeps a copy. A sign-out uses a copy of any age. A sign-in and the verification of a
logout token renew it.
"""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..conf.options import PLACEHOLDER
from ..exceptions import ProviderUnavailable
from ..framework import safe_cache
from . import copies, fetch
from .copies import FAILURE, KEEP

if TYPE_CHECKING:
    from ..conf import ProviderOptions
    from .copies import Kind

# All in seconds.
FRESH_DEFAULT = 60 * 60
FRESH_MINIMUM = 5 * 60
FRESH_MAXIMUM = 24 * 60 * 60
TRUSTED = FRESH_MAXIMUM  # a withdrawn key must not verify logout tokens for longer

SHARED_TENANT = "common"  # in the URL of the document for all tenants

MAX_AGE = re.compile(r"(?:^|[\s,])max-age=\"?(\d{1,9})", re.IGNORECASE)


def discovery_url(options: ProviderOptions) -> str:
    """Return the URL of the discovery document (section 4).

    Raises:
        ProviderUnavailable: ISSUER is not set.
    """
    return _discovery_urls(options)[0]


def _discovery_urls(options: ProviderOptions) -> list[str]:
    """Return the URLs of the document: first the tenant's own, then that of all tenants."""
    if not options.issuer:
        raise ProviderUnavailable(f"OIDC_LOGOUT_PROVIDERS[{options.alias!r}] does not set ISSUER")
    if options.discovery_url:
        return [options.discovery_url]
    issuers = filter(None, (options.issuer, options.template))
    shared = [issuer.replace(PLACEHOLDER, SHARED_TENANT).removesuffix("/") for issuer in issuers]
    return [f"{issuer}/.well-known/openid-configuration" for issuer in shared]


def endpoint(options: ProviderOptions, name: str) -> str:
    """Return the URL that the provider publishes as `name`, such as `end_session_endpoint`.

    Raises:
        ProviderUnavailable: the URL is missing or not allowed, or the provider is unreachable.
    """
    return published_url(document(options), name, options)


def published_url(published_by: dict[str, Any], name: str, options: ProviderOptions) -> str:
    """Return the URL that a document of the provider names.

    Raises:
        ProviderUnavailable: the URL is missing or not allowed.
    """
    published = published_by.get(name)
    if not published:
        raise ProviderUnavailable(f"{options.issuer} does not publish {name}")
    if options.template and isinstance(published, str):
        published = published.replace(PLACEHOLDER, options.tenant)
    if not isinstance(published, str) or not _is_allowed(published, options):
        raise ProviderUnavailable(f"the {name} of {options.issuer} is not an https URL")
    return published


def _is_allowed(url: str, options: ProviderOptions) -> bool:
    """Return whether a published URL is https, or on loopback if the issuer is as well.

    Otherwise a provider elsewhere could make the site call services on its own machine.
    """
    issuer_is_local = options.issuer.startswith("http:")
    return fetch.is_secure(url) and (issuer_is_local or url.lower().startswith("https:"))


def document(options: ProviderOptions, *, renew: bool = False) -> dict[str, Any]:
    """Return the provider's metadata, from the cache or else from the provider.

    With `renew`, a stale copy is fetched again, and still used if that fails. A failure is cached
    for `FAILURE` seconds, so that an outage costs one time-out instead of one per sign-out.

    Raises:
        ProviderUnavailable: the provider does not respond, and the cache does not have a copy.
    """
    copy = None if renew else copies.of_request("metadata", options)
    return dict(copy.document) if copy else _load("metadata", options, renew=renew)


def keys(options: ProviderOptions, *, renew: bool = False) -> list[Any]:
    """Return the provider's public keys, cached and renewed like `document`.

    Raises:
        ProviderUnavailable: see `document`.
    """
    return _keys_in(_load("keys", options, renew=renew))


def keys_after(options: ProviderOptions, instant: float) -> list[Any]:
    """Return the cached keys if they are fresh and were fetched after an instant; otherwise [].

    If a key signed a token at that instant and is not among them, it has been withdrawn. This does
    not use the network.

    Args:
        options: the provider's options.
        instant: seconds since the epoch, by the provider's clock.
    """
    copy = copies.of_request("keys", options)
    if copy is None or not copy.is_fresh or copy.fetched_at <= instant:
        return []
    return _keys_in(copy.document)


def trusted_keys(options: ProviderOptions) -> list[Any]:
    """Return the provider's public keys, to verify a signature with them now.

    A stale copy is fetched again. If that fails, the copy is used until `TRUSTED` seconds after it
    was fetched. So a withdrawn key is not trusted for longer than that, even if an attacker can
    keep the provider unreachable.

    Raises:
        ProviderUnavailable: the provider does not respond, and the copy is missing or too old.
    """
    return _keys_in(_load("keys", options, renew=True, trusted_for=TRUSTED))


def _keys_in(key_set: dict[str, Any]) -> list[Any]:
    found = key_set.get("keys")
    return list(found) if isinstance(found, list) else []


def newest_keys(options: ProviderOptions) -> list[Any]:
    """Fetch the provider's keys now, because a token names a key that the copy lacks.

    This fetches at most once per `FAILURE` seconds. Forged tokens name unknown keys too, and a
    flood of them must not become a flood of requests to the provider. Between fetches the copy is
    used. If the last fetch failed, this fails too, so that the sender of a valid token sends it
    again.

    Raises:
        ProviderUnavailable: the keys cannot be fetched.
    """
    claim = copies.claim("keys", options)
    if safe_cache.add(claim, FAILURE) or copies.failure("keys", options):
        try:
            _fetch("keys", options)
        except ProviderUnavailable:
            safe_cache.delete(claim)  # the failure is remembered instead, perhaps not as long
            raise
    return keys(options)


def _load(
    kind: Kind, options: ProviderOptions, *, renew: bool, trusted_for: float = KEEP
) -> dict[str, Any]:
    copy = copies.get(kind, options)
    if copy and (copy.is_fresh or not renew):
        return dict(copy.document)
    try:
        return _fetch(kind, options, trusted_for)
    except ProviderUnavailable:
        if not copy or copy.fetched_at + trusted_for < time.time():
            raise
        return dict(copy.document)


def _fetch(kind: Kind, options: ProviderOptions, trusted_for: float = KEEP) -> dict[str, Any]:
    if reason := copies.failure(kind, options):
        raise ProviderUnavailable(reason)
    # If this fails, "metadata" remembers it. To remember it here too would make it last longer.
    url = _jwks_uri(options, trusted_for) if kind == "keys" else ""
    try:
        fetched, cache_control = (
            fetch.get_json(url, options) if kind == "keys" else _get_metadata(options)
        )
    except ProviderUnavailable as exc:
        copies.put_failure(kind, options, str(exc))
        raise
    copies.put(kind, options, fetched, _freshness(cache_control))
    return dict(fetched)  # a cache may share the object that it was given


def _get_metadata(options: ProviderOptions) -> tuple[dict[str, Any], str]:
    first, *others = _discovery_urls(options)
    started = time.monotonic()
    try:
        return _get_metadata_at(first, options)
    except ProviderUnavailable:
        left = options.timeout - (time.monotonic() - started)
        if not others or left <= 0:
            raise
        return _get_metadata_at(others[0], replace(options, timeout=left))


def _get_metadata_at(url: str, options: ProviderOptions) -> tuple[dict[str, Any], str]:
    fetched, cache_control = fetch.get_json(url, options)
    if fetched.get("issuer") not in (options.issuer, options.template or options.issuer):
        raise ProviderUnavailable(
            f"the discovery document of {options.issuer} names another issuer"
        )
    return fetched, cache_control


def _jwks_uri(options: ProviderOptions, trusted_for: float) -> str:
    if options.jwks_uri:
        return options.jwks_uri
    published = _load("metadata", options, renew=True, trusted_for=trusted_for)
    return published_url(published, "jwks_uri", options)


def _freshness(cache_control: str) -> float:
    match = MAX_AGE.search(cache_control)
    seconds = int(match[1]) if match else FRESH_DEFAULT
    return min(max(seconds, FRESH_MINIMUM), FRESH_MAXIMUM)
