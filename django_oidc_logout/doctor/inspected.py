"""Who is examined: a provider as it is configured, and what it says of itself just now."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from ..conf import DEFAULT_ALIAS
from ..exceptions import ProviderSkipped, ProviderUnavailable
from ..providers import fetch, metadata
from .findings import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..conf import ProviderOptions
    from ..providers import OIDCProvider


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What an address of the provider answers just now, past all copies."""

    document: Mapping[str, Any] = field(default_factory=dict)
    failure: str = ""
    """Why there is no document."""
    certificate: str = ""
    """What is wrong with the certificate, if that is why."""
    ahead: tuple[float, float] | None = None
    """By how many seconds its clock is ahead of ours: at least, and at most."""


def fetch_now(address: str, options: ProviderOptions) -> Published:
    """Fetch a document; neither the cache nor a failure remembered there has a say."""
    started = time.time()
    try:
        document, headers = fetch.get_document(address, options)
    except ProviderUnavailable as exc:
        return Published(failure=str(exc), certificate=fetch.certificate_problem(exc))
    except (AttributeError, TypeError, ValueError) as exc:  # options that the checks complain of
        return Published(failure=f"the settings cannot be used: {type(exc).__name__}")
    return Published(document=document, ahead=_ahead(headers, started, time.time()))


def _ahead(headers: Mapping[str, str], started: float, ended: float) -> tuple[float, float] | None:
    """Compare the answer's Date with our clock (RFC 9110, section 6.6.1).

    Both it and the Age of an answer from a cache are cut to whole seconds.
    """
    try:
        theirs = parsedate_to_datetime(headers["Date"]).timestamp() + int(headers.get("Age", 0))
    except (KeyError, ValueError, OverflowError):
        return None
    return theirs - ended, theirs + 2 - started


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectedProvider:
    """A provider as it is configured, and its metadata."""

    provider: OIDCProvider
    metadata: Published
    site: str = ""
    """Our own base address, if it was given."""

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
        """Whether mozilla-django-oidc signs people in there."""
        return self.options.alias == DEFAULT_ALIAS

    def published(self, name: str) -> Any:
        """Return what the provider says of itself."""
        return self.metadata.document.get(name)

    @property
    def needs_metadata(self) -> bool:
        """Whether the settings leave anything for discovery to say."""
        options = self.options
        for_keys = any(not name.startswith("HS") for name in options.algorithms)
        return self.has_published_endpoint or (for_keys and not options.jwks_uri)

    @property
    def has_published_endpoint(self) -> bool:
        """Whether the end-session endpoint is the one that discovery names."""
        return self.provider.uses_discovery and not self.options.end_session_endpoint

    def end_session_endpoint(self) -> Any:
        """Return where people sign out, published or configured; None if that cannot be told.

        Raises:
            ProviderSkipped: there is nowhere, and that is no fault.
        """
        if not self.has_published_endpoint:
            return self.provider.end_session_endpoint()
        if not self.has_metadata:
            return None
        return self.published("end_session_endpoint") or ""

    @property
    def is_local_only(self) -> bool:
        """Whether there is nowhere to sign out at, and that is no fault."""
        try:
            self.end_session_endpoint()
        except ProviderSkipped:
            return True
        return False

    def setting(self, key: str) -> str:
        """Return how one of the options is written."""
        return f'OIDC_LOGOUT_PROVIDERS["{self.options.alias}"]["{key}"]'


def inspect_provider(provider: OIDCProvider, *, site: str = "") -> InspectedProvider:
    """Ask a provider for its metadata.

    Args:
        provider: the one to ask.
        site: our own base address, if it is known.
    """
    options = provider.options
    if not fetch.is_secure(options.issuer):
        published = Published(failure=f"{quoted(options.issuer)} is not an https address")
    else:
        published = fetch_now(metadata.discovery_url(options), options)
    return InspectedProvider(provider=provider, metadata=published, site=site)
