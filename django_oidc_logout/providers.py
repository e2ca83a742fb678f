"""Identity providers: where does the browser go, with what?

The only module that knows a vendor's name. A class of your own: derive it from `OIDCProvider`,
override `parameters` or `end_session_endpoint`, and name it in `BACKEND`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, NamedTuple
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from . import discovery
from .exceptions import ProviderSkipped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .conf import ProviderOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSessionRequest:
    """What there is to tell a provider. All may be empty."""

    id_token_hint: str = ""
    """The ID Token of the sign-in."""
    logout_hint: str = ""
    """A name by which the provider knows the person."""
    sid: str = ""
    """The provider's session, from the ID Token or the access token."""
    post_logout_redirect_uri: str = ""
    """The registered address at which people come back."""
    state: str = ""
    """To be handed back there."""
    ui_locales: str = ""
    """The language of the page, as a BCP 47 tag."""


class Address(NamedTuple):
    """Where the browser goes, and a remark for the outcome."""

    url: str
    remark: str = ""


class OIDCProvider:
    """A provider that does as OpenID Connect RP-Initiated Logout 1.0 says (section 2)."""

    name: str = ""
    """What people know it by; the issuer's host, unless a subclass knows better."""
    sign_out_page: ClassVar[str] = ""
    """Where people can sign out by hand when we cannot send them: a link, never followed."""
    uses_discovery: ClassVar[bool] = True
    """Whether the endpoint comes from the discovery document, unless it is configured."""

    def __init__(self, options: ProviderOptions) -> None:
        self.options = options
        self.name = self.name or urlsplit(options.issuer).hostname or options.alias

    def address(self, request: EndSessionRequest, *, max_length: int | None = None) -> Address:
        """Return where the browser goes; without the hint where options or length forbid it.

        Args:
            request: what there is to tell.
            max_length: what the client can take, in characters, if that is less than
                `MAX_URL_LENGTH`.

        Raises:
            ProviderUnavailable: the provider should be told, and its endpoint is not to be had.
            ProviderSkipped: there is nothing to tell it.
        """
        if not self.options.send_id_token_hint:
            request = replace(request, id_token_hint="")
        url = self._url(request)
        limit = min(self.options.max_url_length, max_length or self.options.max_url_length)
        if len(url) <= limit:
            return Address(url)
        short = self._url(replace(request, id_token_hint=""))
        if len(short) >= len(url):
            return Address(url)
        remark = f"The ID Token was left out: the address would have had {len(url)} characters."
        return Address(short, remark)

    def end_session_endpoint(self) -> str:
        """Return the endpoint's address, which may have a query.

        Raises:
            ProviderUnavailable: it is not configured, and discovery does not have it.
        """
        return self.options.end_session_endpoint or discovery.endpoint(
            self.options, "end_session_endpoint"
        )

    def parameters(self, request: EndSessionRequest) -> dict[str, str]:
        """Return the query's parameters; empty ones are left out, `EXTRA_PARAMS` come on top."""
        return {
            "id_token_hint": request.id_token_hint,
            "logout_hint": "" if request.id_token_hint else request.logout_hint,
            "client_id": self.options.client_id,
            "post_logout_redirect_uri": request.post_logout_redirect_uri,
            "state": request.state if request.post_logout_redirect_uri else "",
            "ui_locales": request.ui_locales,
        }

    def warm(self) -> None:
        """Renew what a sign-out will need; called at each sign-in, which waits `TIMEOUT` at most.

        Raises:
            ProviderUnavailable: it is not to be had, now or still.
        """
        started = time.monotonic()
        if self.uses_discovery and not self.options.end_session_endpoint:
            discovery.metadata(self.options, renew=True)
        if any(not name.startswith("HS") for name in self.options.algorithms):
            left = self.options.timeout - (time.monotonic() - started)
            discovery.keys(replace(self.options, timeout=left), renew=True)

    def _url(self, request: EndSessionRequest) -> str:
        standard = {name: value for name, value in self.parameters(request).items() if value}
        query = _encode(standard | dict(self.options.extra_params))
        return with_query(self.end_session_endpoint(), query)


class Auth0Provider(OIDCProvider):
    """Auth0's own endpoint, which signs out without a question.

    It ignores the query of `returnTo` when it compares, and gives no `state` back: it rides there.
    `EXTRA_PARAMS = {"federated": ""}` signs out of the identity provider behind Auth0 as well.
    """

    uses_discovery = False

    def end_session_endpoint(self) -> str:
        """Return `/v2/logout` of the tenant."""
        issuer = self.options.issuer.removesuffix("/")
        return self.options.end_session_endpoint or f"{issuer}/v2/logout"

    def parameters(self, request: EndSessionRequest) -> dict[str, str]:
        """Return `client_id` and `returnTo`."""
        return_to = request.post_logout_redirect_uri
        if return_to and request.state:
            return_to = with_query(return_to, urlencode({"state": request.state}))
        return {"client_id": self.options.client_id, "returnTo": return_to}


class CognitoProvider(OIDCProvider):
    """Amazon Cognito, which compares `logout_uri` exactly and knows no `state`."""

    def parameters(self, request: EndSessionRequest) -> dict[str, str]:
        """Return `client_id` and `logout_uri`."""
        return {
            "client_id": self.options.client_id,
            "logout_uri": request.post_logout_redirect_uri,
        }


class WorkOSProvider(OIDCProvider):
    """WorkOS AuthKit, which ends one session by its id and knows no `state`."""

    uses_discovery = False

    def end_session_endpoint(self) -> str:
        """Return the API's endpoint."""
        default = "https://api.workos.com/user_management/sessions/logout"
        return self.options.end_session_endpoint or default

    def parameters(self, request: EndSessionRequest) -> dict[str, str]:
        """Return `session_id` and `return_to`; without a session there is nothing to end."""
        if not request.sid:
            raise ProviderSkipped("WorkOS gave no session id at the sign-in.")
        return {"session_id": request.sid, "return_to": request.post_logout_redirect_uri}


class GoogleProvider(OIDCProvider):
    """Google, which lets nobody sign people out: they are told, and given the link."""

    name = "Google"
    sign_out_page = "https://accounts.google.com/Logout"
    uses_discovery = False

    def end_session_endpoint(self) -> str:
        """Skip: there is none."""
        raise ProviderSkipped("Google has no endpoint to sign out at.")


def with_query(url: str, query: str) -> str:
    """Return `url` with `query` behind the one that it may have."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, query)))))


def _encode(parameters: Mapping[str, str]) -> str:
    """Encode a query; what has no value goes out as its bare name, as Auth0 wants `federated`."""
    return "&".join(
        urlencode({name: value}, quote_via=quote) if value else quote(name)
        for name, value in parameters.items()
    )
