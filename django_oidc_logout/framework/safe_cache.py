"""Django's cache. If it is down, cached values are lost, but people can still sign out."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING, Any

from django.core.cache import cache, caches
from django.core.cache.backends.dummy import DummyCache
from django.utils.crypto import get_random_string

from ..codes import LogCode

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

logger = logging.getLogger("django_oidc_logout")


def key(kind: str, *parts: str) -> str:
    """Return a valid cache key for any strings, whatever their characters and length."""
    digest = hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()
    return f"oidc_logout:{kind}:{digest}"


def get(name: str) -> Any:
    """Return the cached value, or None."""
    try:
        return cache.get(name)
    except Exception as exc:  # noqa: BLE001  # every backend raises its own exceptions
        _log_failure(exc)
        return None


def get_many(names: Collection[str]) -> dict[str, Any]:
    """Return the cached values by name, without the names that are not cached."""
    try:
        return dict(cache.get_many(names))
    except Exception as exc:  # noqa: BLE001  # every backend raises its own exceptions
        _log_failure(exc)
        return {}


def put(name: str, value: object, seconds: float) -> None:
    """Cache `value` for `seconds`, if the cache is up."""
    try:
        cache.set(name, value, seconds)
    except Exception as exc:  # noqa: BLE001  # every backend raises its own exceptions
        _log_failure(exc)


def put_many(values: Mapping[str, object], seconds: float) -> None:
    """Cache all `values` for `seconds`, if the cache is up."""
    if not values:  # Redis rejects an empty dict
        return
    try:
        cache.set_many(dict(values), seconds)
    except Exception as exc:  # noqa: BLE001  # every backend raises its own exceptions
        _log_failure(exc)


def add(name: str, seconds: float) -> bool:
    """Claim `name` for `seconds`. Return whether this call got it; True if the cache is down."""
    try:
        return bool(cache.add(name, 1, seconds)) or cache.get(name) is None
    except Exception as exc:  # noqa: BLE001  # every backend raises its own exceptions
        _log_failure(exc)
        return True


def delete(name: str) -> None:
    """Delete a cached value, if the cache is up."""
    try:
        cache.delete(name)
    except Exception as exc:  # noqa: BLE001  # every backend raises its own exceptions
        _log_failure(exc)


def delete_many(names: Collection[str]) -> None:
    """Delete cached values, if the cache is up."""
    try:
        cache.delete_many(names)
    except Exception as exc:  # noqa: BLE001  # every backend raises its own exceptions
        _log_failure(exc)


def is_up(alias: str) -> bool:
    """Return whether a cache stores values. Some Memcached clients hide that it is down."""
    name = key("probe", get_random_string(32))
    if isinstance(caches[alias], DummyCache):
        return True  # it does not store anything, so it is not the store of sessions
    try:
        caches[alias].set(name, 1, 10)
        is_kept = bool(caches[alias].get(name))
        caches[alias].delete(name)  # probes must not evict other values
    except Exception as exc:  # noqa: BLE001  # every backend raises its own exceptions
        _log_failure(exc)
        return False
    return is_kept


def _log_failure(exc: Exception) -> None:
    logger.warning(
        "The cache failed, check CACHES: error=%s",
        type(exc).__name__,
        extra=LogCode.CACHE_FAILED.extra(),
    )
