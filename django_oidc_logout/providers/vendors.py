"""Providers that differ from the standard. Only this module and `doctor.recipes` name vendors."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from ..codes import OutcomeCode
from ..exceptions import ProviderSkipped
from . import metadata
from .base import OIDCProvider, with_query
from .dialects import Dialect

if TYPE_CHECKING:
    from .base import EndSessionRequest


class Auth0Provider(OIDCProvider):
    """Auth0's own endpoint, which signs out without a confirmation.

    Auth0 ignores the query of `returnTo` when it compares it with the registered URLs and does not
    return a `state`, so the state is part of `returnTo`. `EXTRA_PARAMS = {"federated": ""}` also
    signs out of the identity provider behind Auth0.
    """

    uses_discovery = False

    def end_session_endpoint(self) -> str:
        """Return `/v2/logout` of the tenant."""
        issuer = self.options.issuer.removesuffix("/")
        return self.options.end_session_endpoint or f"{issuer}/v2/logout"

    def parameters(self, request: EndSessionRequest) -> dict[str, str]:
        """Return `client_id` and `returnTo`."""
        return {"client_id": self.options.client_id, "returnTo": _with_state(request)}


class CognitoProvider(OIDCProvider):
    """Amazon Cognito, which compares `logout_uri` exactly and does not support `state`."""

    has_logout_channel = False

    def parameters(self, request: EndSessionRequest) -> dict[str, str]:
        """Return `client_id` and `logout_uri`."""
        return {
            "client_id": self.options.client_id,
            "logout_uri": request.post_logout_redirect_uri,
        }


class WorkOSProvider(OIDCProvider):
    """WorkOS AuthKit, which ends one session by its ID and does not support `state`."""

    uses_discovery = False
    has_logout_channel = False

    def end_session_endpoint(self) -> str:
        """Return the API's endpoint."""
        default = "https://api.workos.com/user_management/sessions/logout"
        return self.options.end_session_endpoint or default

    def parameters(self, request: EndSessionRequest) -> dict[str, str]:
        """Return `session_id` and `return_to`. Skip the provider without a session ID."""
        if not request.sid:
            raise ProviderSkipped(code=OutcomeCode.NO_SESSION_ID, name="WorkOS")
        return {"session_id": request.sid, "return_to": request.post_logout_redirect_uri}


class GoogleProvider(OIDCProvider):
    """Google, which does not let a site sign people out. The signed-out page shows a link."""

    name = "Google"
    sign_out_page = "https://accounts.google.com/Logout"
    uses_discovery = False
    has_logout_channel = False
    dialect = Dialect(  # Cross-Account Protection, which is a draft of RISC
        issuer="https://accounts.google.com/",
        configuration="risc-configuration",
        has_auth_time=False,
        types=("secevent+jwt", "jwt", ""),
        policy={
            "https://schemas.openid.net/secevent/oauth/event-type/tokens-revoked": "end",
        },
    )

    def end_session_endpoint(self) -> str:
        """Skip the provider: Google does not have such an endpoint."""
        raise ProviderSkipped(code=OutcomeCode.NO_END_SESSION, name=self.name)


class AppleProvider(OIDCProvider):
    """Sign in with Apple, which does not let a site sign people out.

    Its server-to-server notifications are security events in a format of its own.
    """

    name = "Apple"
    sign_out_page = "https://account.apple.com/"
    has_logout_channel = False
    dialect = Dialect(
        configuration="",
        has_auth_time=False,
        types=("secevent+jwt", "jwt", ""),
        is_wrapped=True,
        policy={"consent-revoked": "end", "account-delete": "end", "account-deleted": "end"},
    )

    def end_session_endpoint(self) -> str:
        """Skip the provider: Apple does not have such an endpoint."""
        raise ProviderSkipped(code=OutcomeCode.NO_END_SESSION, name=self.name)


class OktaProvider(OIDCProvider):
    """Okta, whose organization sends the security events, not the authorization server."""

    dialect = Dialect(issuer="{origin}", jwks_uri="{issuer}/oauth2/v1/keys")


class AuthentikProvider(OIDCProvider):
    """authentik, whose events name a person by e-mail address and a session by its `sid`."""

    dialect = Dialect(
        types=("secevent+jwt", "jwt", ""),
        is_email_optional=True,
        push="https://schemas.openid.net/secevent/risc/delivery-method/push",
    )


class OryHydraProvider(OIDCProvider):
    """Ory Hydra, which accepts `post_logout_redirect_uri` only together with an ID Token."""

    returns_without_hint = False


class PingFederateProvider(OIDCProvider):
    """PingFederate, whose older versions publish an endpoint of their own.

    That endpoint takes `TargetResource` and does not return a `state`, so the state is in that URL.
    """

    published_as = ("end_session_endpoint", "ping_end_session_endpoint")

    def end_session_endpoint(self) -> str:
        """Return the standard endpoint, or else PingFederate's own."""
        return self.options.end_session_endpoint or metadata.endpoint(
            self.options, self.published_as[self._has_own_endpoint]
        )

    def parameters(self, request: EndSessionRequest) -> dict[str, str]:
        """Return the standard parameters, or `TargetResource` for the own endpoint."""
        if not self._has_own_endpoint:
            return super().parameters(request)
        return {"TargetResource": _with_state(request)}

    @property
    def _has_own_endpoint(self) -> bool:
        configured = self.options.end_session_endpoint
        if configured:
            return urlsplit(configured).path.endswith("/startSLO.ping")
        published = metadata.document(self.options)
        standard, own = (name in published for name in self.published_as)
        return own and not standard


def _with_state(request: EndSessionRequest) -> str:
    """Return the URI to return to, with the state in its query."""
    if not (request.post_logout_redirect_uri and request.state):
        return request.post_logout_redirect_uri
    return with_query(request.post_logout_redirect_uri, urlencode({"state": request.state}))
