"""The configured providers, found by alias, by issuer and client, or by session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.db.models import Q
from django.utils.module_loading import import_string

from ..codes import OutcomeCode
from ..conf import DEFAULT_ALIAS, ProviderOptions, conf
from ..exceptions import ProvidersUnreadable, ProviderUnavailable

if TYPE_CHECKING:
    from collections.abc import Collection

    from .base import OIDCProvider


def require_readable() -> None:
    """Require that the site's callable, if it has one, returned the providers.

    Raises:
        ProvidersUnreadable: the callable failed.
    """
    if failure := conf.OIDC_LOGOUT_PROVIDERS.failure:
        raise ProvidersUnreadable(why=failure)


def provider_for(alias: str) -> OIDCProvider:
    """Return the provider configured as `alias`.

    Raises:
        ProviderUnavailable: `alias` is not configured, or its class cannot be used.
    """
    options = conf.OIDC_LOGOUT_PROVIDERS.get(alias)
    if options is None:
        require_readable()
        raise ProviderUnavailable(
            f"OIDC_LOGOUT_PROVIDERS does not have {alias!r}",
            code=OutcomeCode.PROVIDER_NOT_CONFIGURED,
        )
    try:
        backend: type[OIDCProvider] = import_string(options.backend)
        return backend(options)
    except Exception as exc:  # a class of the site's own may raise anything
        error = type(exc).__name__
        raise ProviderUnavailable(
            f"the BACKEND of {alias!r} cannot be used: {error}",
            code=OutcomeCode.PROVIDER_CLASS_FAILED,
        ) from exc


def provider_of_session(alias: str, issuer: str) -> OIDCProvider:
    """Return the provider through which a person signed in.

    Raises:
        ProviderUnavailable: it is no longer configured, or `alias` now has another issuer, which
            must not receive this issuer's tokens.
    """
    if not alias:
        require_readable()
        raise ProviderUnavailable(
            f"OIDC_LOGOUT_PROVIDERS does not have a provider with the issuer {issuer}",
            code=OutcomeCode.PROVIDER_NOT_CONFIGURED,
        )
    provider = provider_for(alias)
    options = provider.options.of_issuer(issuer)
    if options is None:
        raise ProviderUnavailable(
            f"{alias!r} has a different issuer than at the sign-in",
            code=OutcomeCode.PROVIDER_NOT_CONFIGURED,
        )
    return provider if options is provider.options else type(provider)(options)


def display_name(alias: str, issuer: str) -> str:
    """Return the name that people know a provider by.

    If the provider's class fails, it is `NAME`, or else the issuer's host.
    """
    try:
        return str(provider_for(alias).name)
    except Exception:  # noqa: BLE001  # a class of the site's own may raise anything
        options = conf.OIDC_LOGOUT_PROVIDERS.get(alias)
        return str(options.name if options else "") or urlsplit(issuer).hostname or issuer


def options_for(
    issuer: object, audience: Collection[str], authorized_party: object, tenant: object = None
) -> ProviderOptions | None:
    """Return the options of the provider with this issuer whose client is in the audience.

    If the audience has several of the clients, the authorized party decides. If the provider has
    tenants, the issuer must be that of the tenant.
    """
    matching = [
        found
        for options in conf.OIDC_LOGOUT_PROVIDERS.values()
        if (found := options.of_issuer(issuer))
        and (found is options or options.of_tenant(tenant) == found)
        and (not options.client_id or options.client_id in audience)
    ]
    matching.sort(key=lambda options: options.client_id != authorized_party)
    return matching[0] if matching else None


def issuers() -> set[str]:
    """Return the configured issuers, without the tenants of a provider that allows all."""
    found = (options.issuers for options in conf.OIDC_LOGOUT_PROVIDERS.values())
    return {issuer for some in found for issuer in some if issuer}


def is_issuer(issuer: str) -> bool:
    """Return whether an issuer is that of a configured provider, or of one of its tenants."""
    return bool(issuer) and any(
        options.of_issuer(issuer) for options in conf.OIDC_LOGOUT_PROVIDERS.values()
    )


def frame_origin(issuer: str) -> str:
    """Return the origin (RFC 6454, section 6.2) that may frame a request with this `iss`.

    If several origins are configured, `issuer` must be a configured issuer, because a stranger must
    not learn the other origins. If only one is configured, `issuer` may be missing.
    """
    written = [options.issuer for options in conf.OIDC_LOGOUT_PROVIDERS.values()]
    chosen = [issuer] if is_issuer(issuer) else written
    origins = {*map(origin, chosen)} - {""}
    return origins.pop() if len(origins) == 1 else ""


def origin(url: Any) -> str:
    """Return the origin of a URL (RFC 6454, section 6.2), or the empty string if it has none."""
    try:
        parts = urlsplit(str(url))
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def only_issuer() -> str:
    """Return the issuer if exactly one provider is configured.

    Raises:
        ValueError: the number of providers is not one, or the provider has several tenants.
    """
    configured = list(conf.OIDC_LOGOUT_PROVIDERS.values())
    if len(configured) != 1:
        raise ValueError(f"issuer is required: {len(configured)} providers are configured")
    if len(configured[0].issuers) != 1:
        raise ValueError("issuer is required: the provider has several tenants")
    return configured[0].issuers.pop()


def other_clients(options: ProviderOptions) -> list[str]:
    """Return the aliases of the site's other clients at the same issuer."""
    return [
        other.alias
        for other in conf.OIDC_LOGOUT_PROVIDERS.values()
        if other.of_issuer(options.issuer) and other.client_id != options.client_id
    ]


def rows_of(options: ProviderOptions) -> Q:
    """Return a filter for the rows of an issuer that a logout token of this client may end.

    The rows of the site's other clients do not end. If a callable returned the providers, it may
    return other clients for another request. A row without an alias may belong to any client.
    """
    configured, others = conf.OIDC_LOGOUT_PROVIDERS, other_clients(options)
    if configured.is_complete:
        return ~Q(provider__in=others)
    return Q(provider__in=["", *(alias for alias in configured if alias not in others)])


def only_alias_of(issuer: str) -> str:
    """Return the alias of the provider with this issuer, if exactly one has it."""
    found = [o.alias for o in conf.OIDC_LOGOUT_PROVIDERS.values() if o.of_issuer(issuer)]
    return found[0] if len(found) == 1 else ""


def only_alias() -> str:
    """Return the alias of the only provider, or the empty string if there are several."""
    configured = conf.OIDC_LOGOUT_PROVIDERS
    return next(iter(configured)) if len(configured) == 1 else ""


def issuer_of(alias: str, tenant: object = None) -> str:
    """Return a provider's issuer, or the empty string. Without `alias`, use the only provider."""
    options = conf.OIDC_LOGOUT_PROVIDERS.get(alias or only_alias())
    if options and options.is_template:
        options = options.of_tenant(tenant)
    return options.issuer if options else ""


def fallback_alias() -> str:
    """Return the alias to use if the session does not name one: the only alias, or `"default"`."""
    configured = conf.OIDC_LOGOUT_PROVIDERS
    if len(configured) == 1:
        return next(iter(configured))
    return DEFAULT_ALIAS if DEFAULT_ALIAS in configured else ""
