"""Inspections that try the registration: whether the provider knows the client and its URLs.

They do not sign anybody in or out, because the requests have neither a cookie nor a hint. Only a
response whose meaning is known leads to a finding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from ..conf import conf
from ..exceptions import ProviderSkipped, ProviderUnavailable
from ..providers import EndSessionRequest, fetch
from ..providers.base import with_query
from .addresses import absolute, is_site_known, path_of, registration
from .findings import Finding, error, ok, quoted
from .recipes import REFUSES_THE_UNREGISTERED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..providers.fetch import Answer
    from .inspected import InspectedProvider

REFUSED = 400
PROBE = "sent-by-the-doctor"
NOT_KNOWN = ("invalid_client", "unauthorized_client")
# Errors of an authorization request (RFC 6749, section 4.1.2.1) that each sign-in would get.
KEEPS_SIGN_IN_OUT = ("invalid_scope", "unauthorized_client", "unsupported_response_type")


def client_secret(inspected: InspectedProvider) -> Iterator[Finding]:
    """Inspect whether the provider accepts the client's secret, with a code that it never issued.

    A provider authenticates the client before it checks the code (RFC 6749, section 5.2).
    """
    options = inspected.options
    address = _endpoint(inspected, "OIDC_OP_TOKEN_ENDPOINT", "token_endpoint")
    if not options.client_id or not options.client_secret or not fetch.is_secure(address):
        return
    form = {"grant_type": "authorization_code", "code": PROBE, "redirect_uri": "https://localhost/"}
    credentials = {"client_id": options.client_id, "client_secret": options.client_secret}
    try:
        if options.basic_auth:
            # RFC 6749, section 2.3.1: both are form-encoded first.
            user, password = (quote(value, safe="") for value in credentials.values())
            answer = fetch.ask(address, options, form, (user, password))
        else:
            answer = fetch.ask(address, options, form | credentials)
    except ProviderUnavailable:
        return  # sign-in uses the endpoint, not sign-out
    refusal = answer.document.get("error")
    if refusal in NOT_KNOWN:
        yield error(
            "client-secret",
            f"The provider rejects the client {quoted(options.client_id)} with its secret "
            f"({refusal}): nobody can sign in.",
            "Compare CLIENT_ID and CLIENT_SECRET (or OIDC_RP_CLIENT_ID and OIDC_RP_CLIENT_SECRET) "
            "with the client at the provider. Check that it is enabled, and that it "
            f"authenticates {'with basic authentication' if options.basic_auth else 'by post'}.",
        )
    elif refusal == "invalid_grant":
        yield ok("client-secret", "The provider accepts the client with its secret.")


def sign_in_uri(inspected: InspectedProvider) -> Iterator[Finding]:
    """Inspect whether mozilla-django-oidc's redirect URI is registered.

    The request has `prompt=none`, so the provider does not show a page or sign anybody in.
    """
    name = conf.raw("OIDC_AUTHENTICATION_CALLBACK_URL", "oidc_authentication_callback")
    address = _endpoint(inspected, "OIDC_OP_AUTHORIZATION_ENDPOINT", "authorization_endpoint")
    path = path_of(str(name)) if inspected.is_default and is_site_known(inspected) else ""
    if not path or not fetch.is_secure(address):
        return
    uri = absolute(inspected, path)
    query = {
        "client_id": inspected.options.client_id,
        "redirect_uri": uri,
        "response_type": "code",
        "scope": str(conf.raw("OIDC_RP_SCOPES", "openid email")),
        "prompt": "none",
        "state": PROBE,
        "nonce": PROBE,
    }
    answer = _answer(inspected, address, query)
    if answer and _leads_to(answer, uri):
        refusal = parse_qs(urlsplit(answer.location).query).get("error", [""])[0]
        if refusal in KEEPS_SIGN_IN_OUT:
            remedy = "Enable the code flow and the scopes of OIDC_RP_SCOPES for the client."
            yield error("sign-in-uri", f"The provider rejects each sign-in ({refusal}).", remedy)
        else:
            yield ok("sign-in-uri", f"Registered: {uri}")
    elif answer and _means_unregistered(answer, inspected):
        yield error(
            "sign-in-uri",
            f"The provider refuses to redirect to {uri} after sign-in, or does not know the client "
            f"{quoted(inspected.options.client_id)}.",
            f"Register exactly {uri} as a redirect URI of this client, and enable the client.",
        )


def post_logout_uri(inspected: InspectedProvider) -> Iterator[Finding]:
    """Inspect whether the post-logout redirect URI is registered.

    Without a hint, a provider that knows the client and the URI redirects at once if a session does
    not exist (RP-Initiated Logout 1.0, section 2). If it asks for confirmation, this is not known.
    """
    register = registration(inspected)
    if register is None or not is_site_known(inspected):
        return
    uri = register.post_logout_redirect_uri
    try:
        address = inspected.end_session_endpoint()
        query = inspected.provider.parameters(EndSessionRequest(post_logout_redirect_uri=uri))
    except (ProviderSkipped, ProviderUnavailable):
        return
    if not fetch.is_secure(address) or uri not in query.values():
        return
    answer = _answer(inspected, address, query | dict(inspected.options.extra_params))
    if answer and _leads_to(answer, uri):
        yield ok("post-logout-uri", f"Registered: {uri}")
    elif answer and _means_unregistered(answer, inspected):
        yield error(
            "post-logout-uri",
            f"The provider refuses to redirect to {uri} after sign-out: people end on an error "
            "page there, and stay signed in at the provider.",
            f"Register exactly {uri} as a post-logout redirect URI of the client "
            f"{quoted(inspected.options.client_id)}: scheme, host, port and the slash at the end "
            "count.",
        )


def _endpoint(inspected: InspectedProvider, setting: str, name: str) -> str:
    configured = conf.raw(setting) if inspected.is_default else None
    return str(configured or inspected.published(name) or "")


def _answer(inspected: InspectedProvider, address: str, query: dict[str, str]) -> Answer | None:
    given = urlencode({name: value for name, value in query.items() if value}, quote_via=quote)
    try:
        return fetch.ask(with_query(address, given), inspected.options)
    except ProviderUnavailable:
        return None  # another finding reports this


def _leads_to(answer: Answer, uri: str) -> bool:
    return answer.location.partition("?")[0] == uri.partition("?")[0]


def _means_unregistered(answer: Answer, inspected: InspectedProvider) -> bool:
    return answer.status == REFUSED and inspected.vendor in REFUSES_THE_UNREGISTERED


INSPECTIONS = (client_secret, sign_in_uri, post_logout_uri)
