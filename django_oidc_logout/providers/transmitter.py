"""Transmitters: providers that send security events, and where their keys are.

OpenID Shared Signals Framework 1.0, section 7.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..conf import ProviderOptions, SharedSignals, conf
from ..exceptions import NotPublished, ProviderUnavailable
from ..framework import safe_cache
from . import configured, fetch, metadata
from .copies import FAILURE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .dialects import Dialect

KEEP = metadata.FRESH_MAXIMUM  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Transmitter:
    """A provider with the option `SHARED_SIGNALS`."""

    options: ProviderOptions
    signals: SharedSignals
    dialect: Dialect

    @property
    def issuer(self) -> str:
        """The `iss` of its security events."""
        origin = urlsplit(self.options.issuer)._replace(path="", query="", fragment="").geturl()
        own = self.dialect.issuer.format(origin=origin)
        return self.signals.issuer or own or self.options.issuer

    def of_issuer(self, issuer: object) -> Transmitter | None:
        """Return the transmitter of events with this `iss`, or None if it is another's.

        If the provider's issuer has a placeholder, the returned options have the tenant's issuer.
        """
        found = replace(self, options=self.options.of_issuer(issuer) or self.options)
        return found if found.issuer == issuer else None

    def is_audience(self, audience: Collection[str]) -> bool:
        """Return whether a token for this audience is for this site.

        If `AUDIENCE` is not set, the audience must have the client ID, or a stream's name as
        Keycloak writes it: `CLIENT_ID/stream`.
        """
        if self.signals.audience:
            return not {*self.signals.audience}.isdisjoint(audience)
        client = self.options.client_id
        return bool(client) and any(
            each == client or (each.startswith(f"{client}/") and "/" not in each[len(client) + 1 :])
            for each in audience
        )

    def configuration(self) -> Mapping[str, Any]:
        """Return the configuration that the transmitter publishes, or {} if it has none.

        The cache keeps it for a day, and remembers for `FAILURE` seconds that it is missing.

        Raises:
            ProviderUnavailable: the transmitter does not respond, and a copy is not cached.
        """
        name = safe_cache.key("transmitter", self.issuer)
        if (copy := safe_cache.get(name)) is not None:
            return dict(copy)
        if reason := safe_cache.get(f"{name}:failed"):
            raise ProviderUnavailable(reason)
        try:
            found = self._fetch_configuration()
        except ProviderUnavailable as exc:
            safe_cache.put(f"{name}:failed", str(exc), FAILURE)
            raise
        safe_cache.put(name, found, KEEP if found else FAILURE)
        return dict(found)

    def endpoint(self, name: str) -> str:
        """Return the URL that the transmitter publishes as `name`.

        Raises:
            ProviderUnavailable: the URL is missing or not allowed, or the request failed.
        """
        options, found = replace(self.options, issuer=self.issuer), dict(self.configuration())
        if not found:
            raise ProviderUnavailable(f"{self.issuer} does not publish a configuration of signals")
        return metadata.published_url(found, name, options)

    def key_options(self) -> ProviderOptions:
        """Return the options with which `metadata` finds the transmitter's keys.

        Raises:
            ProviderUnavailable: the URL of the keys is unknown.
        """
        own = self.dialect.jwks_uri.format(issuer=self.issuer.removesuffix("/"))
        if url := self.signals.jwks_uri or own:
            return replace(self.options, issuer=self.issuer, jwks_uri=url)
        try:
            url = self.endpoint("jwks_uri")
        except ProviderUnavailable:
            if self.issuer != self.options.issuer:
                raise
            return self.options  # the keys of its ID Tokens sign its events
        return replace(self.options, issuer=self.issuer, jwks_uri=url)

    def _fetch_configuration(self) -> dict[str, Any]:
        failure: ProviderUnavailable | None = None
        for url in _configuration_urls(self.issuer, self.dialect.configuration):
            try:
                document, _ = fetch.get_json(url, self.options)
            except NotPublished:
                continue
            except ProviderUnavailable as exc:
                failure = exc
                continue
            if document.get("issuer") == self.issuer:
                return document
            failure = ProviderUnavailable(f"{url} names another issuer")
        if failure:
            raise failure
        return {}


def _configuration_urls(issuer: str, name: str) -> list[str]:
    """Return the document's possible URLs: with the issuer's path last, as specified, or first."""
    if not name:
        return []
    parts = urlsplit(issuer.removesuffix("/"))
    inserted = parts._replace(path=f"/.well-known/{name}{parts.path}").geturl()
    return list(dict.fromkeys([inserted, f"{issuer.removesuffix('/')}/.well-known/{name}"]))


def configured_transmitters() -> list[Transmitter]:
    """Return the providers with the option `SHARED_SIGNALS`.

    Raises:
        ProviderUnavailable: the class of a provider cannot be used.
    """
    return [
        Transmitter(
            options=options,
            signals=options.shared_signals,
            dialect=configured.provider_for(options.alias).dialect,
        )
        for options in conf.OIDC_LOGOUT_PROVIDERS.values()
        if options.shared_signals is not None
    ]
