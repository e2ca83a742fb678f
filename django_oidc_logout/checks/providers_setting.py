"""System checks of providers that a function returns, that have tenants, or that mozilla reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.checks import CheckMessage, Error
from django.utils.functional import Promise

from ..conf import from_callable
from ..conf.options import ALL_TENANTS, PLACEHOLDER, TENANT
from . import lookup


def check_callable(path: str) -> list[CheckMessage]:
    """Check that the path names a function. It is not called, since it may need the database."""
    try:
        from_callable.load(path)
    except Exception as exc:  # noqa: BLE001  # the site's own module may raise anything
        return [
            Error(
                f"OIDC_LOGOUT_PROVIDERS is {path!r}, which cannot be used: {exc}.",
                hint="Set it to the dotted path of a function, not a coroutine function, that "
                "returns a dict of options by alias. Or set it to the dict itself.",
                id="oidc_logout.E028",
            )
        ]
    return []


def check_tenants() -> list[CheckMessage]:
    """Check that an issuer has a placeholder if, and only if, it has tenants."""
    return [
        Error(
            f"OIDC_LOGOUT_PROVIDERS[{alias!r}]['ISSUER'] does not fit TENANTS.",
            hint=f"Put {PLACEHOLDER} once into the path of ISSUER, never into its host, and set "
            'TENANTS to a list of tenant ids or "*". Or leave out both.',
            id="oidc_logout.E029",
        )
        for alias, entry, options in lookup.provider_entries()
        if ("TENANTS" in entry or {"{", "}"} & set(str(options.issuer)))
        and not ("TENANTS" in entry and options.is_template)
    ]


def is_name(value: Any) -> bool:
    """Return whether a value can be shown as a name."""
    return isinstance(value, str | Promise)  # a lazy translation


def is_tenants(value: Any) -> bool:
    """Return whether a value names tenants."""
    is_list = isinstance(value, list | tuple | set) and bool(value)
    return value == ALL_TENANTS or (
        is_list and all(isinstance(each, str) and TENANT.fullmatch(each) for each in value)
    )


def is_signals(value: Any) -> bool:
    """Return whether a value can be the option `SHARED_SIGNALS`."""
    return isinstance(value, Mapping)


KINDS = {
    "name": (is_name, "a string"),
    "shared_signals": (is_signals, "a dict, which may be empty"),
    "tenants": (is_tenants, 'a list of tenant ids, or "*" for all tenants'),
}

CHECKS = (check_tenants,)
