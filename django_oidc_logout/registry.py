"""Which of the configured providers is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.utils.module_loading import import_string

from .conf import DEFAULT_ALIAS, ProviderOptions, conf
from .exceptions import ProviderUnavailable

if TYPE_CHECKING:
    from collections.abc import Collection

    from .providers import OIDCProvider
    from .tokens import IDToken


def get(alias: str) -> OIDCProvider:
    """Return the provider configured as `alias`.

    Raises:
        ProviderUnavailable: there is none, or its class cannot be used.
    """
    options = conf.OIDC_LOGOUT_PROVIDERS.get(alias)
    if options is None:
        raise ProviderUnavailable(f"OIDC_LOGOUT_PROVIDERS has no {alias!r}")
    try:
        backend: type[OIDCProvider] = import_string(options.backend)
        return backend(options)
    except Exception as exc:  # a class of the site's own may raise anything
        error = type(exc).__name__
        raise ProviderUnavailable(f"the BACKEND of {alias!r} cannot be used: {error}") from exc


def of_session(alias: str, issuer: str) -> OIDCProvider:
    """Return the provider through which a session was signed in.

    Raises:
        ProviderUnavailable: it is not configured, or not as the same issuer any more: what one
            issuer gave is not for another.
    """
    if not alias:
        raise ProviderUnavailable(f"OIDC_LOGOUT_PROVIDERS has no provider with the issuer {issuer}")
    provider = get(alias)
    if provider.options.issuer != issuer:
        raise ProviderUnavailable(f"{alias!r} has another issuer than at the sign-in")
    return provider


def name_of(alias: str, issuer: str) -> str:
    """Return what people know a provider by; the issuer's host if it is not configured."""
    try:
        return str(get(alias).name)
    except Exception:  # noqa: BLE001  # a class of the site's own may raise anything
        return urlsplit(issuer).hostname or issuer


def alias_of(token: IDToken) -> str:
    """Return the alias of the provider that issued `token` to one of our clients, or nothing."""
    options = options_for(token.issuer, token.audience, token.authorized_party)
    return options.alias if options else ""


def options_for(
    issuer: object, audience: Collection[str], authorized_party: object
) -> ProviderOptions | None:
    """Return the provider with this issuer whose client is in the audience.

    Where several of our clients are, the authorized party decides.
    """
    mine = [
        options
        for options in conf.OIDC_LOGOUT_PROVIDERS.values()
        if options.issuer == issuer and (not options.client_id or options.client_id in audience)
    ]
    mine.sort(key=lambda options: options.client_id != authorized_party)
    return mine[0] if mine else None


def issuers() -> set[str]:
    """Return the issuers that are configured; one that is no text is the checks' business."""
    found = (options.issuer for options in conf.OIDC_LOGOUT_PROVIDERS.values())
    return {issuer for issuer in found if issuer and isinstance(issuer, str)}


def origins(issuer: str) -> set[str]:
    """Return the origin of an issuer, or those of all if it is none (RFC 6454, section 6.2)."""
    meant = issuers() & {issuer} or issuers()
    return {origin for origin in map(_origin, meant) if origin}


def _origin(issuer: str) -> str:
    """Return the origin of an address; nothing if it has none."""
    try:
        parts = urlsplit(issuer)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def only_issuer() -> str:
    """Return the issuer of the one provider that is configured.

    Raises:
        ValueError: there is none, or there are several.
    """
    configured = list(conf.OIDC_LOGOUT_PROVIDERS.values())
    if len(configured) != 1:
        raise ValueError(f"say whose sub or sid it is: {len(configured)} issuers are configured")
    return configured[0].issuer


def other_clients(options: ProviderOptions) -> list[str]:
    """Return the aliases of our other clients at the same issuer."""
    return [
        other.alias
        for other in conf.OIDC_LOGOUT_PROVIDERS.values()
        if other.issuer == options.issuer and other.client_id != options.client_id
    ]


def fallback_alias() -> str:
    """Return the provider to tell when no session says which: the only one, or the default."""
    configured = conf.OIDC_LOGOUT_PROVIDERS
    if len(configured) == 1 or DEFAULT_ALIAS in configured:
        return next(iter(configured)) if len(configured) == 1 else DEFAULT_ALIAS
    return ""
