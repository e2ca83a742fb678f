"""System checks of what tokens need: algorithms, keys, endpoints, backends that store them.

They do not use the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage, Error, Warning

from ..conf import ProviderOptions, conf
from ..models import OIDCSession
from ..providers import fetch
from ..rp_initiated import return_to
from ..tokens import jws
from . import lookup

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

BACKENDS = "AUTHENTICATION_BACKENDS"
MIXIN = "django_oidc_logout.backends.OIDCLogoutMixin"
USE_BACKEND = (
    "Use django_oidc_logout.backends.OIDCLogoutBackend, or add OIDCLogoutMixin before your "
    "backend's base class."
)
MOZILLA = "mozilla_django_oidc.auth.OIDCAuthenticationBackend"
ENDPOINTS = ("DISCOVERY_URL", "END_SESSION_ENDPOINT", "JWKS_URI", "REVOCATION_ENDPOINT")


def _texts(entry: Mapping[str, Any], names: Iterable[str]) -> Iterable[tuple[str, str]]:
    return ((name, entry[name]) for name in names if isinstance(entry.get(name), str))


def _algorithms(options: ProviderOptions) -> list[str]:
    names = options.algorithms if isinstance(options.algorithms, list | tuple) else []
    return [name for name in names if isinstance(name, str) and name.lower() != "none"]


def check_aliases() -> list[CheckMessage]:
    """Check that each alias fits into its database column."""
    column = OIDCSession._meta.get_field("provider")
    longest = column.max_length or 0
    return [
        Error(
            f"OIDC_LOGOUT_PROVIDERS has an alias of {len(alias)} characters: {alias!r}.",
            hint=f"Choose an alias of at most {longest} characters.",
            id="oidc_logout.E020",
        )
        for alias, _entry, _options in lookup.provider_entries()
        if isinstance(alias, str) and len(alias) > longest
    ]


def check_algorithms() -> list[CheckMessage]:
    """Check that each algorithm is supported."""
    known = jws.algorithms()
    return [
        Error(
            f"OIDC_LOGOUT_PROVIDERS[{alias!r}] allows the unknown algorithm {name!r}.",
            hint=f"Correct ALGORITHMS or OIDC_RP_SIGN_ALGO: use any of {', '.join(known)}.",
            id="oidc_logout.E010",
        )
        for alias, _entry, options in lookup.provider_entries()
        for name in _algorithms(options)
        if name not in known
    ]


def check_endpoints() -> list[CheckMessage]:
    """Check that each endpoint is on https or loopback."""
    return [
        Error(
            f"OIDC_LOGOUT_PROVIDERS[{alias!r}][{name!r}] is not an https URL.",
            hint="Set it to the whole https URL; http is for loopback only.",
            id="oidc_logout.E011",
        )
        for alias, entry, _options in lookup.provider_entries()
        for name, url in _texts(entry, ENDPOINTS)
        if url and not fetch.is_secure(url)
    ]


def check_callback_urls() -> list[CheckMessage]:
    """Check that each POST_LOGOUT_REDIRECT_URI is an absolute URL."""
    return [
        Error(
            f"OIDC_LOGOUT_PROVIDERS[{alias!r}][{name!r}] is not an absolute URL.",
            hint="Set it to the URL that is registered at the provider, such as "
            "https://www.example.com/oidc/logout/callback/.",
            id="oidc_logout.E012",
        )
        for alias, entry, _options in lookup.provider_entries()
        for name, url in _texts(entry, ["POST_LOGOUT_REDIRECT_URI"])
        if url and not return_to.ABSOLUTE.match(url)
    ]


def _secret_algorithms(options: ProviderOptions) -> list[str]:
    return [name for name in _algorithms(options) if name.startswith("HS")]


def check_secret() -> list[CheckMessage]:
    """Check that the client secret is set if an algorithm needs it."""
    return [
        Error(
            f"OIDC_LOGOUT_PROVIDERS[{alias!r}]['CLIENT_SECRET'] is not set, but "
            f"{_secret_algorithms(options)[0]} needs it.",
            hint="Set it. If the provider signs with a key, as most do, set ALGORITHMS to "
            '["RS256"] instead.',
            id="oidc_logout.E013",
        )
        for alias, _entry, options in lookup.provider_entries()
        if _secret_algorithms(options) and not options.client_secret
    ]


def check_mixin() -> list[CheckMessage]:
    """Check that the mixin comes before a mozilla backend."""
    return [
        Error(
            f"{path} does not have OIDCLogoutMixin before a mozilla-django-oidc backend.",
            hint="Write `class MyBackend(OIDCLogoutMixin, OIDCAuthenticationBackend)`.",
            id="oidc_logout.E014",
        )
        for path in lookup.derived(BACKENDS, MIXIN)
        if not _has_backend_after(lookup.load(path))
    ]


def _has_backend_after(backend: type) -> bool:
    bases = backend.__mro__
    after = bases[bases.index(lookup.load(MIXIN)) + 1 :]
    return any("store_tokens" in vars(base) for base in after)


def check_key_set() -> list[CheckMessage]:
    """Check that mozilla's URL of the keys, JWKS_URI's default, is on https or loopback."""
    return [
        Warning(
            "OIDC_OP_JWKS_ENDPOINT is not an https URL: django-oidc-logout does not fetch keys "
            "from it and cannot verify logout tokens.",
            hint=f"Set OIDC_LOGOUT_PROVIDERS[{alias!r}]['JWKS_URI'] to an https URL; http is for "
            "loopback only.",
            id="oidc_logout.W004",
        )
        for alias, entry, options in lookup.provider_entries()
        if entry.get("JWKS_URI") is None
        and options.jwks_uri
        and not fetch.is_secure(options.jwks_uri)
    ]


def check_duplicates() -> list[CheckMessage]:
    """Check that each alias is a different client or has a different issuer."""
    first: dict[tuple[str, str], str] = {}
    messages: list[CheckMessage] = []
    for alias, _entry, options in lookup.provider_entries():
        other = first.setdefault((str(options.issuer), str(options.client_id)), alias)
        if other != alias and options.client_id:
            messages.append(
                Warning(
                    f"OIDC_LOGOUT_PROVIDERS[{alias!r}] is the same client of the same issuer as "
                    f"{other!r}.",
                    hint=f"Remove one of the two: every session is recorded under {other!r}.",
                    id="oidc_logout.W005",
                )
            )
    return messages


def check_shared_secret() -> list[CheckMessage]:
    """Check that a provider with keys does not have an algorithm that uses the client secret."""
    return [
        Warning(
            f"OIDC_LOGOUT_PROVIDERS[{alias!r}] allows logout tokens signed with the client secret "
            f"({_secret_algorithms(options)[0]}).",
            hint="If the provider publishes keys, it signs with them: set OIDC_RP_SIGN_ALGO or "
            'ALGORITHMS to its algorithm, such as "RS256".',
            id="oidc_logout.W006",
        )
        for alias, _entry, options in lookup.provider_entries()
        if _secret_algorithms(options) and options.jwks_uri
    ]


def check_refresh_tokens() -> list[CheckMessage]:
    """Check that the backend stores refresh tokens if a setting needs them."""
    asked = [o.alias for o in conf.known_providers.values() if o.recheck]
    setting = "OIDC_LOGOUT_REVOKE_TOKENS" if conf.OIDC_LOGOUT_REVOKE_TOKENS else "RECHECK"
    if not (conf.OIDC_LOGOUT_REVOKE_TOKENS or asked) or lookup.derived(BACKENDS, MIXIN):
        return []
    return [
        Warning(
            f"{setting} is on, but {path} does not store the refresh token.",
            hint=USE_BACKEND,
            id="oidc_logout.W007",
        )
        for path in lookup.derived(BACKENDS, MOZILLA)
    ]


CHECKS = (
    check_aliases,
    check_algorithms,
    check_endpoints,
    check_callback_urls,
    check_secret,
    check_mixin,
    check_key_set,
    check_duplicates,
    check_shared_secret,
    check_refresh_tokens,
)
