"""What the doctor inspects: a provider with its settings and its metadata, never cached."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from ..conf import DEFAULT_ALIAS
from ..exceptions import ProviderSkipped, ProviderUnavailable
from ..providers import failures, fetch, metadata
from ..tokens import jws
from .findings import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..conf import ProviderOptions
    from ..providers import OIDCProvider

SHARED_SECRET = "HS"  # noqa: S105  # the prefix of its algorithms


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A document that the provider publishes, fetched without any cache."""

    document: Mapping[str, Any] = field(default_factory=dict)
    failure: str = ""
    """Why it could not be fetched."""
    certificate: str = ""
    """What is wrong with the certificate, if that is the reason."""
    ahead: tuple[float, float] | None = None
    """By how many seconds the provider's clock is ahead of the site's: at least, at most."""


def fetch_now(address: str, options: ProviderOptions) -> Published:
    """Fetch a document, ignoring cached documents and cached failures."""
    started = time.time()
    try:
        document, headers = fetch.get_document(address, options)
    except ProviderUnavailable as exc:
        return Published(failure=str(exc), certificate=failures.certificate_problem(exc))
    except (AttributeError, TypeError, ValueError) as exc:  # invalid: the checks report it
        return Published(failure=f"The settings are invalid: {type(exc).__name__}")
    return Published(document=document, ahead=_ahead(headers, started, time.time()))


def _ahead(headers: Mapping[str, str], started: float, ended: float) -> tuple[float, float] | None:
    """Compare the response's Date with the site's clock (RFC 9110, section 6.6.1).

    Date, and the Age of a response from a cache, are each cut to whole seconds.
    """
    try:
        provider = parsedate_to_datetime(headers["Date"]).timestamp() + int(headers.get("Age", 0))
    except (KeyError, ValueError, OverflowError):
        return None
    return provider - ended, provider + 2 - started


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectedProvider:
    """A provider with its settings and its metadata."""

    provider: OIDCProvider
    metadata: Published
    site: str = ""
    """The site's base URL, if it was given."""
    vendor: str = ""
    """One of `recipes.VENDORS`, if it is known."""
    self_test: str | None = None
    """The URL of the site's back-channel to try; empty to derive it, None not to try it."""

    @property
    def options(self) -> ProviderOptions:
        """The provider's options."""
        return self.provider.options

    @property
    def has_metadata(self) -> bool:
        """Whether the provider's metadata could be fetched."""
        return not self.metadata.failure

    @property
    def is_default(self) -> bool:
        """Whether mozilla-django-oidc's settings belong to this provider."""
        return self.options.alias == DEFAULT_ALIAS

    def published(self, name: str) -> Any:
        """Return an entry of the provider's metadata, or None."""
        return self.metadata.document.get(name)

    @property
    def algorithms(self) -> list[str]:
        """The algorithms that logout tokens may use, by the settings or by the metadata."""
        published = self.published("id_token_signing_alg_values_supported")
        return list(self.options.algorithms or jws.verified_by_keys(published))

    @property
    def secret_algorithms(self) -> list[str]:
        """The allowed algorithms that sign with the client secret."""
        return [name for name in self.algorithms if name.startswith(SHARED_SECRET)]

    @property
    def key_algorithms(self) -> list[str]:
        """The allowed algorithms that sign with a key of the provider."""
        return [name for name in self.algorithms if not name.startswith(SHARED_SECRET)]

    @property
    def needs_metadata(self) -> bool:
        """Whether an endpoint or the keys' URL must come from discovery."""
        needs_keys = bool(self.key_algorithms) and not self.options.jwks_uri
        return self.has_published_endpoint or needs_keys

    @property
    def has_published_endpoint(self) -> bool:
        """Whether the end_session_endpoint comes from discovery."""
        return self.provider.uses_discovery and not self.options.end_session_endpoint

    def end_session_endpoint(self) -> Any:
        """Return the end_session_endpoint, published or configured.

        It is empty if the provider does not publish it, and None if the metadata is missing.

        Raises:
            ProviderSkipped: the provider does not have one by design.
        """
        if not self.has_published_endpoint:
            return self.provider.end_session_endpoint()
        if not self.has_metadata:
            return None
        return next(filter(None, map(self.published, self.provider.published_as)), "")

    @property
    def is_local_only(self) -> bool:
        """Whether the provider does not have an end_session_endpoint by design."""
        try:
            self.end_session_endpoint()
        except ProviderSkipped:
            return True
        return False

    def setting(self, key: str) -> str:
        """Return how the settings name an option of this provider."""
        return f'OIDC_LOGOUT_PROVIDERS["{self.options.alias}"]["{key}"]'


def inspect_provider(
    provider: OIDCProvider, *, site: str = "", vendor: str = "", self_test: str | None = None
) -> InspectedProvider:
    """Fetch a provider's metadata.

    Args:
        provider: the provider to inspect.
        site: the site's base URL, if it is known.
        vendor: one of `recipes.VENDORS`, if it is known.
        self_test: see `InspectedProvider`.
    """
    options = provider.options
    if not fetch.is_secure(options.issuer):
        published = Published(failure=f"{quoted(options.issuer)} is not an https URL")
    else:
        published = fetch_now(metadata.discovery_url(options), options)
    return InspectedProvider(
        provider=provider, metadata=published, site=site, vendor=vendor, self_test=self_test
    )
