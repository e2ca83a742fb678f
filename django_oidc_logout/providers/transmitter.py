"""Transmitters: providers that send security events, and where their keys are.

OpenID Shared Signals Framework 1.0, section 7.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..conf import ProviderOptions, SharedSignals, conf
from ..exceptions import ProviderUnavailable
from ..framework import safe_cache
from . import configured, fetch, metadata
from .copies import FAILURE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .dialects import Dialect

KEEP = metadata.FRESH_MAXIMUM  # seconds
KEYED = ("RS", "PS", "ES", "Ed")  # the algorithms that verify with a key


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

    @property
    def algorithms(self) -> list[str]:
        """The allowed algorithms of its signatures. They do not use a shared secret.

        Without a setting, they are RS256, which the CAEP Interoperability Profile requires, and
        those that the provider publishes.

        Raises:
            ProviderUnavailable: the provider's document is needed and cannot be fetched.
        """
        names = [str(name) for name in self.options.algorithms]
        found = [name for name in names if name[:2].upper() not in ("HS", "NO")]
        return found or sorted({"RS256", *self._published_algorithms()})

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
        """Return the configuration that the transmitter publishes. The cache keeps it for a day.

        Raises:
            ProviderUnavailable: the transmitter does not respond, and a copy is not cached.
        """
        name = safe_cache.key("transmitter", self.issuer)
        if copy := safe_cache.get(name):
            return dict(copy)
        if reason := safe_cache.get(f"{name}:failed"):
            raise ProviderUnavailable(reason)
        try:
            found = self._fetch_configuration()
        except ProviderUnavailable as exc:
            safe_cache.put(f"{name}:failed", str(exc), FAILURE)
            raise
        safe_cache.put(name, found, KEEP)
        return dict(found)

    def endpoint(self, name: str) -> str:
        """Return the URL that the transmitter publishes as `name`.

        Raises:
            ProviderUnavailable: the URL is missing or not allowed, or the request failed.
        """
        options = replace(self.options, issuer=self.issuer)
        return metadata.published_url(dict(self.configuration()), name, options)

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

    def _published_algorithms(self) -> list[str]:
        try:
            document = metadata.document(self.options, renew=True)
        except ProviderUnavailable:
            if self.key_options().jwks_uri:  # the provider may not have such a document
                return []
            raise
        names = document.get("id_token_signing_alg_values_supported")
        known = names if isinstance(names, list) else []
        return [name for name in known if isinstance(name, str) and name.startswith(KEYED)]

    def _fetch_configuration(self) -> dict[str, Any]:
        failure = ProviderUnavailable(f"{self.issuer} does not publish a configuration of signals")
        for url in _configuration_urls(self.issuer, self.dialect.configuration):
            try:
                document, _ = fetch.get_json(url, self.options)
            except ProviderUnavailable as exc:
                failure = exc
                continue
            if document.get("issuer") == self.issuer:
                return document
            failure = ProviderUnavailable(f"{url} names another issuer")
        raise failure


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
