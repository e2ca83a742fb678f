"""Inspections of an identity provider: its client, metadata, clock and end_session_endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..conf import conf
from ..exceptions import ProviderSkipped, ProviderUnavailable
from ..providers import fetch, metadata
from ..tokens.logout_token import LEEWAY
from .findings import Finding, error, ok, quoted, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .inspected import InspectedProvider

TOLERATED_SECONDS = 5
GONE = (404, 410)
SERVER_ERROR = 500
TRUST_AUTHORITY = (
    "If it is from your own authority, set the environment variable REQUESTS_CA_BUNDLE to the file "
    "with the authority's certificates."
)
TWO_HOSTS = (
    " If this machine reaches the provider at another host than browsers, set JWKS_URI at that "
    "host, and END_SESSION_ENDPOINT at the one for browsers."
)


def client(inspected: InspectedProvider) -> Iterator[Finding]:
    """Inspect whether the site has a client id and requests an ID Token."""
    client_id = inspected.options.client_id
    if not client_id:
        yield error(
            "client",
            "CLIENT_ID is not set: the provider may not send people back, and no logout token "
            "can be verified.",
            f"Set {inspected.setting('CLIENT_ID')}"
            + (" or OIDC_RP_CLIENT_ID." if inspected.is_default else "."),
        )
        return
    scopes = str(conf.raw("OIDC_RP_SCOPES", "openid email"))
    if inspected.is_default and "openid" not in scopes.split():
        yield error(
            "client",
            f"OIDC_RP_SCOPES is {quoted(scopes)}: without openid, sign-ins lack an ID Token.",
            f'Set OIDC_RP_SCOPES = "openid {scopes}".',
        )
        return
    yield ok("client", f"{client_id}")  # it may be a number by mistake


def tls(inspected: InspectedProvider) -> Iterator[Finding]:
    """Inspect whether the issuer is on https and its certificate is verified."""
    options, problem = inspected.options, inspected.metadata.certificate
    if not fetch.is_secure(options.issuer):
        yield error(
            "tls",
            f"ISSUER {quoted(options.issuer)} is not an https URL: an attacker on the network "
            "could sign people in or out.",
            f"Set {inspected.setting('ISSUER')} to the provider's https URL.",
        )
    elif problem:
        yield error(
            "tls",
            f"The certificate of {options.issuer} is not valid: {problem}.",
            f"Have it renewed or corrected. {TRUST_AUTHORITY}",
        )
    elif not options.verify_ssl:
        yield warning(
            "tls",
            "OIDC_VERIFY_SSL is off: an attacker on the network can impersonate the provider.",
            f"Remove OIDC_VERIFY_SSL. {TRUST_AUTHORITY}",
        )
    elif urlsplit(options.issuer).scheme == "http":
        yield ok("tls", "Not used, and not needed on loopback.")
    else:
        yield ok("tls", "The certificate is valid.")


def discovery(inspected: InspectedProvider) -> Iterator[Finding]:
    """Inspect whether the discovery document can be fetched, if it is needed."""
    if inspected.has_metadata:
        yield ok("discovery", metadata.discovery_url(inspected.options))
    elif fetch.is_secure(inspected.options.issuer) and not inspected.metadata.certificate:
        address = metadata.discovery_url(inspected.options)
        remedy = (
            f"Run curl -v {address} on this machine. Check that ISSUER is the whole URL before "
            "/.well-known/, with its realm or tenant. Check DNS, the firewall and OIDC_PROXY."
        )
        if inspected.needs_metadata:
            yield error("discovery", f"{inspected.metadata.failure}.", remedy + TWO_HOSTS)
        else:
            yield warning(
                "discovery", f"{inspected.metadata.failure}. The settings do not need it.", remedy
            )


def issuer(inspected: InspectedProvider) -> Iterator[Finding]:
    """Inspect whether ISSUER equals the published issuer (Discovery 1.0, section 4.3)."""
    if not inspected.has_metadata:
        return
    configured, published = inspected.options.issuer, inspected.published("issuer")
    if configured == published:
        yield ok("issuer", f"{configured}, an exact match.")
    elif not isinstance(published, str) or not published:
        yield error(
            "issuer",
            f"The document at {metadata.discovery_url(inspected.options)} does not name an issuer.",
            f"Set {inspected.setting('ISSUER')} to the issuer of an OpenID Provider.",
        )
    else:
        yield error(
            "issuer",
            f"ISSUER is {quoted(configured)}, but the provider publishes {quoted(published)}: "
            f"{_difference(configured, published)}. Its metadata and tokens are rejected.",
            f"If this is the right provider, set {inspected.setting('ISSUER')} = "
            f"{quoted(published)}. Otherwise, make the provider publish its public URL."
            + TWO_HOSTS
            * _is_other_host(configured, published),
        )


def _difference(configured: str, published: str) -> str:
    if configured.removesuffix("/") == published.removesuffix("/"):
        return "the trailing slash differs"
    if configured.casefold() == published.casefold():
        return "upper and lower case differ"
    if configured.partition("://")[2] == published.partition("://")[2]:
        return "one is on http, the other on https"
    if not _is_other_host(configured, published):
        return "the path differs, for example its realm or tenant"
    return "the host differs"


def _is_other_host(configured: str, published: str) -> bool:
    return configured.split("/")[2:3] != published.split("/")[2:3]


def clock(inspected: InspectedProvider) -> Iterator[Finding]:
    """Inspect whether the clocks agree: a logout token from the future is rejected."""
    if inspected.metadata.ahead is None:
        return
    remedy = f"Set both clocks with NTP. Logout tokens may be at most {LEEWAY} seconds early."
    least, most = inspected.metadata.ahead
    seconds = max(least, -most, 0)
    direction = "ahead" if least > 0 else "behind"
    detail = f"The provider's clock is {seconds:.0f} s {direction}."
    if seconds > LEEWAY:
        effect = "are rejected" if least > 0 else "look old and may be rejected"
        yield error("clock", f"{detail} Its logout tokens {effect}.", remedy)
    elif seconds > TOLERATED_SECONDS:
        yield warning("clock", detail, remedy)
    else:
        yield ok("clock", "The provider's clock agrees with this machine's.")


def end_session(inspected: InspectedProvider) -> Iterator[Finding]:
    """Inspect whether the end_session_endpoint is known, on https, and responds."""
    try:
        address = inspected.end_session_endpoint()
    except ProviderSkipped as exc:
        yield ok("end-session", f"{exc} Sign-out is local, and the page says so.")
        return
    if address is None:
        return
    if not address:
        yield error(
            "end-session",
            "The provider does not publish an end_session_endpoint: people stay signed in there.",
            "Enable RP-initiated logout at the provider. If it has its own kind of sign-out, set "
            f"{inspected.setting('BACKEND')} to its class, or set END_SESSION_ENDPOINT.",
        )
    elif not isinstance(address, str) or not fetch.is_secure(address):
        yield error(
            "end-session",
            f"The end_session_endpoint {quoted(address)} is not an https URL.",
            f"Set {inspected.setting('END_SESSION_ENDPOINT')} to its https URL.",
        )
    else:
        kept = " Its query is kept." if urlsplit(address).query else ""
        yield ok("end-session", f"{quoted(address)[1:-1]}{kept}")
        yield _response(address, inspected)


def _response(address: str, inspected: InspectedProvider) -> Finding:
    """Request the endpoint without a cookie or parameters, which does not sign anybody out."""
    remedy = "Check the URL, and check that the provider works."
    try:
        status = fetch.ask(address, inspected.options).status
    except ProviderUnavailable as exc:
        return error("end-session-answer", f"{exc}.", remedy)
    if status in GONE:
        return error("end-session-answer", f"{status}: people would see this error.", remedy)
    if status >= SERVER_ERROR:
        return warning("end-session-answer", f"{status}: the provider reports an error.", remedy)
    return ok("end-session-answer", f"{status} to a request without parameters.")


INSPECTIONS = (client, tls, discovery, issuer, clock, end_session)
