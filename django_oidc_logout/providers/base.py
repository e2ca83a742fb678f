"""The standard provider: OpenID Connect RP-Initiated Logout 1.0.

To write a class of your own, subclass `OIDCProvider`, override `parameters` or
`end_session_endpoint`, and name the class in `BACKEND`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

from ..codes import OutcomeCode
from . import metadata, tenants
from .dialects import Dialect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..conf import ProviderOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSessionRequest:
    """What a sign-out can send to a provider. Each field may be empty."""

    id_token_hint: str = ""
    """The ID Token from the sign-in."""
    logout_hint: str = ""
    """A name by which the provider knows the person."""
    sid: str = ""
    """The session ID at the provider, from the ID Token or the access token."""
    post_logout_redirect_uri: str = ""
    """The registered URI to which the provider redirects the person."""
    state: str = ""
    """A value that the provider adds to that URI."""
    ui_locales: str = ""
    """The language of the provider's page, as a BCP 47 tag."""


class EndSessionURL(NamedTuple):
    """The URL of an end-session request, and a remark for the outcome."""

    url: str
    remark: str = ""
    code: OutcomeCode = OutcomeCode.REDIRECTED


class OIDCProvider:
    """A provider that implements OpenID Connect RP-Initiated Logout 1.0, section 2."""

    name: str = ""
    """The name that people know. `NAME` replaces it. Default: the issuer's host."""
    sign_out_page: ClassVar[str] = ""
    """A page where people can sign out by hand, if a redirect is not possible. Pages link to it."""
    uses_discovery: ClassVar[bool] = True
    """Whether discovery provides the endpoint if the settings do not."""
    has_logout_channel: ClassVar[bool] = True
    """Whether the provider supports back-channel or front-channel logout."""
    dialect: ClassVar[Dialect] = Dialect()
    """How the provider's security events differ from the specifications."""
    published_as: ClassVar[tuple[str, ...]] = ("end_session_endpoint",)
    """The names that the endpoint may have in the discovery document, in order of preference."""
    returns_without_hint: ClassVar[bool] = True
    """Whether the provider accepts `post_logout_redirect_uri` without an ID Token. If not, a
    request without an ID Token does not send it, and people stay on the provider's page."""

    def __init__(self, options: ProviderOptions) -> None:
        self.options = options
        host = urlsplit(options.issuer).hostname
        self.name = options.name or self.name or host or options.alias

    def end_session_url(
        self, request: EndSessionRequest, *, max_length: int | None = None
    ) -> EndSessionURL:
        """Return the URL of the end-session request.

        The hint is left out if the options say so, or if the URL would be too long.

        Args:
            request: what to send.
            max_length: the longest URL that the client accepts, in characters, if that is
                shorter than `MAX_URL_LENGTH`.

        Raises:
            ProviderUnavailable: the endpoint cannot be found.
            ProviderSkipped: the provider is not to be notified.
        """
        if not self.options.send_id_token_hint:
            request = replace(request, id_token_hint="")
        url = self._url(request)
        limit = min(self.options.max_url_length, max_length or self.options.max_url_length)
        if len(url) <= limit:
            return EndSessionURL(url, *self._remark(request))
        short = self._url(replace(request, id_token_hint=""))
        if len(short) >= len(url):
            return EndSessionURL(url, *self._remark(request))
        code = OutcomeCode.HINT_TOO_LONG
        return EndSessionURL(short, code.sentence.format(length=len(url)), code)

    def end_session_endpoint(self) -> str:
        """Return the URL of the endpoint, which may have a query.

        Raises:
            ProviderUnavailable: neither the settings nor discovery name it.
        """
        return self.options.end_session_endpoint or metadata.endpoint(
            self.options, "end_session_endpoint"
        )

    def parameters(self, request: EndSessionRequest) -> dict[str, str]:
        """Return the query parameters. The URL omits empty ones, and adds `EXTRA_PARAMS`."""
        back = "" if self._stays_there(request) else request.post_logout_redirect_uri
        return {
            "id_token_hint": request.id_token_hint,
            "logout_hint": "" if request.id_token_hint else request.logout_hint,
            "client_id": self.options.client_id,
            "post_logout_redirect_uri": back,
            "state": request.state if back else "",
            "ui_locales": request.ui_locales,
        }

    def _stays_there(self, request: EndSessionRequest) -> bool:
        return not (request.id_token_hint or self.returns_without_hint)

    def _remark(self, request: EndSessionRequest) -> tuple[str, OutcomeCode]:
        if not (self._stays_there(request) and request.post_logout_redirect_uri):
            return "", OutcomeCode.REDIRECTED
        code = OutcomeCode.NO_WAY_BACK
        return code.sentence.format(name=self.name), code

    def warm(self) -> None:
        """Renew the cached metadata and keys. Each sign-in calls this, and waits `TIMEOUT` at most.

        Raises:
            ProviderUnavailable: the provider does not respond, and the cache does not have a copy.
        """
        tenants.note(self.options)
        started = time.monotonic()
        if self.uses_discovery and not self.options.end_session_endpoint:
            metadata.document(self.options, renew=True)
        algorithms = self.options.algorithms
        if not algorithms or any(not name.startswith("HS") for name in algorithms):
            left = self.options.timeout - (time.monotonic() - started)
            metadata.keys(replace(self.options, timeout=left), renew=True)

    def _url(self, request: EndSessionRequest) -> str:
        standard = {name: value for name, value in self.parameters(request).items() if value}
        query = _encode(standard | dict(self.options.extra_params))
        return with_query(self.end_session_endpoint(), query)


def with_query(url: str, query: str) -> str:
    """Return `url` with `query` added after any query that it already has."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, query)))))


def _encode(parameters: Mapping[str, str]) -> str:
    """Encode a query. An empty value becomes a bare name, as Auth0 expects for `federated`."""
    texts = {name: "" if value is None else str(value) for name, value in parameters.items()}
    return "&".join(
        f"{quote(name, safe='')}={quote(text, safe='')}" if text else quote(name)
        for name, text in texts.items()
    )
