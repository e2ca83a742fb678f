"""Django's cache, which may be down: that costs memory of the past, and never a sign-out."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

from django.core.cache import cache, caches
from django.core.cache.backends.dummy import DummyCache
from django.utils.crypto import get_random_string

logger = logging.getLogger(__name__)


def key(kind: str, *parts: str) -> str:
    """Return a cache key that any text may be part of, of any length."""
    digest = hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()
    return f"oidc_logout:{kind}:{digest}"


def get(name: str) -> Any:
    """Return what is cached, or None."""
    try:
        return cache.get(name)
    except Exception as exc:  # noqa: BLE001  # each backend raises its own; none may get in the way
        logger.warning("The cache cannot be read: error=%s", type(exc).__name__)
        return None


def put(name: str, value: object, seconds: float) -> None:
    """Cache `value` for `seconds`, if that is possible."""
    try:
        cache.set(name, value, seconds)
    except Exception as exc:  # noqa: BLE001  # as above
        logger.warning("The cache cannot be written: error=%s", type(exc).__name__)


def add(name: str, seconds: float) -> bool:
    """Claim `name` for `seconds`; False if somebody has. A cache that is down grants it."""
    try:
        return bool(cache.add(name, 1, seconds)) or cache.get(name) is None
    except Exception as exc:  # noqa: BLE001  # as above
        logger.warning("The cache cannot be written: error=%s", type(exc).__name__)
        return True


def answers(alias: str) -> bool:
    """Tell whether a cache is up: some clients of Memcached say nothing if it is not."""
    name = key("probe", get_random_string(32))
    if isinstance(caches[alias], DummyCache):
        return True  # it keeps nothing, so no session is in it
    try:
        caches[alias].set(name, 1, 10)
        is_kept = bool(caches[alias].get(name))
        caches[alias].delete(name)  # many of them would push out what the cache is there for
    except Exception as exc:  # noqa: BLE001  # as above
        logger.warning("The cache cannot be written: error=%s", type(exc).__name__)
        return False
    return is_kept


def drop(name: str) -> None:
    """Forget what is cached, if that is possible."""
    try:
        cache.delete(name)
    except Exception as exc:  # noqa: BLE001  # as above
        logger.warning("The cache cannot be written: error=%s", type(exc).__name__)
