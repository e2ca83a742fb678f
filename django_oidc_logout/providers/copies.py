"""Copies of a provider's metadata and keys in Django's cache, and of the failures to fetch them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from ..framework import request_scope, safe_cache

if TYPE_CHECKING:
    from ..conf import ProviderOptions

    Kind = Literal["metadata", "keys"]

# All in seconds.
KEEP = 30 * 24 * 60 * 60
FAILURE = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """What a provider published. Times are in seconds since the epoch."""

    document: dict[str, Any]
    fetched_at: float
    fresh_until: float

    @property
    def is_fresh(self) -> bool:
        """Whether the copy need not be fetched again."""
        return self.fresh_until >= time.time()


def get(kind: Kind, options: ProviderOptions) -> Copy | None:
    """Return the copy that the cache has now."""
    return _copy(safe_cache.get(_name(kind, options)))


def of_request(kind: Kind, options: ProviderOptions) -> Copy | None:
    """Return the copy that the cache had when this request first asked for either kind.

    A sign-out needs both kinds, and gets them with one call to the cache.
    """
    return _copy(_of_request(options).get(_name(kind, options)))


def put(kind: Kind, options: ProviderOptions, document: dict[str, Any], fresh: float) -> None:
    """Keep a copy of a document, which is fresh for `fresh` seconds."""
    now, name = time.time(), _name(kind, options)
    values = {"document": document, "fetched_at": now, "fresh_until": now + fresh}
    safe_cache.put(name, values, KEEP)
    _of_request(options)[name] = values


def failure(kind: Kind, options: ProviderOptions) -> str | None:
    """Return why a recent fetch failed, or None."""
    reason: str | None = safe_cache.get(f"{_name(kind, options)}:failed")
    return reason


def claim(kind: Kind, options: ProviderOptions) -> str:
    """Return the cache key under which a request claims the right to fetch before the others."""
    return f"{_name(kind, options)}:asked"


def put_failure(kind: Kind, options: ProviderOptions, reason: str) -> None:
    """Remember for `FAILURE` seconds why a fetch failed."""
    safe_cache.put(f"{_name(kind, options)}:failed", reason, FAILURE)


def _of_request(options: ProviderOptions) -> dict[str, Any]:
    names = _name("metadata", options), _name("keys", options)
    return request_scope.once(names, partial(safe_cache.get_many, names))


def _copy(values: dict[str, Any] | None) -> Copy | None:
    return Copy(**values) if values else None


def _name(kind: Kind, options: ProviderOptions) -> str:
    address = options.jwks_uri if kind == "keys" else ""
    # All tenants have the keys at a URL in the settings, so one copy is enough.
    issuer = (options.template if address else "") or options.issuer
    return safe_cache.key(kind, issuer, address, options.discovery_url)
