"""Which tenants are known, if a provider allows all of them (`TENANTS = "*"`).

A forged token can name any tenant. Without a limit, it could make the site fetch the documents of
as many tenants as a stranger can think of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..conf.options import ALL_TENANTS
from ..exceptions import ProviderUnavailable
from ..framework import safe_cache
from .copies import FAILURE, KEEP

if TYPE_CHECKING:
    from ..conf import ProviderOptions


def note(options: ProviderOptions) -> None:
    """Remember that a verified token names this tenant, so that its tokens are not limited."""
    if _is_any_allowed(options):
        safe_cache.put(_known(options), 1, KEEP)


def limit(options: ProviderOptions) -> None:
    """Limit how many unknown tenants' documents unverified tokens can make the site fetch.

    If the settings have the keys' URL and the algorithms, there is no document of the tenant to
    fetch.

    Raises:
        ProviderUnavailable: another token has named an unknown tenant within `FAILURE` seconds.
    """
    if not _is_any_allowed(options) or (options.jwks_uri and options.algorithms):
        return
    if safe_cache.get(_known(options)):
        return
    share = safe_cache.key("tenant", options.issuer)[-1]  # a sixteenth of the tenants
    if not safe_cache.add(safe_cache.key("tenants-asked", options.template, share), FAILURE):
        raise ProviderUnavailable(f"too many tenants of {options.template} are named")


def _is_any_allowed(options: ProviderOptions) -> bool:
    return bool(options.template) and options.tenants == ALL_TENANTS


def _known(options: ProviderOptions) -> str:
    return safe_cache.key("tenant-known", options.issuer)
