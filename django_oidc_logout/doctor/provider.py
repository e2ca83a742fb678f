"""Inspections of an identity provider: can it be reached, and signed out at."""

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

SECONDS_OF_NO_CONCERN = 5
GONE = (404, 410)
BROKEN = 500


def client(inspected: InspectedProvider) -> Iterator[Finding]:
    """The site is a client of the provider, and asks it for an ID Token."""
    client_id = inspected.options.client_id
    if not client_id:
        yield error(
            "client",
            "No CLIENT_ID: the provider may refuse to send people back, and no logout token can "
            "be known to be for this site.",
            f"Set {inspected.setting('CLIENT_ID')}"
            + (" or OIDC_RP_CLIENT_ID." if inspected.is_default else "."),
        )
        return
    scopes = str(conf.raw("OIDC_RP_SCOPES", "openid email"))
    if inspected.is_default and "openid" not in scopes.split():
        yield error(
            "client",
            f"OIDC_RP_SCOPES is {quoted(scopes)}: without openid there is no ID Token.",
            f'Set OIDC_RP_SCOPES = "openid {scopes}".',
        )
        return
    yield ok("client", f"{client_id}")  # which may be a number by mistake


def tls(inspected: InspectedProvider) -> Iterator[Finding]:
    """The issuer is on https, with a certificate that is checked."""
    options, problem = inspected.options, inspected.metadata.certificate
    if not fetch.is_secure(options.issuer):
        yield error(
            "tls",
            f"ISSUER {quoted(options.issuer)} is no https address: whoever is in between could "
            "sign people out, and in.",
            f"Set {inspected.setting('ISSUER')} to the provider's https address.",
        )
    elif problem:
        yield error(
            "tls",
            f"The certificate of {options.issuer} is not accepted: {problem}.",
            "Have it renewed or put right; for an authority of your own, name the file with its "
            "certificates in the environment variable REQUESTS_CA_BUNDLE.",
        )
    elif not options.verify_ssl:
        yield warning(
            "tls",
            "OIDC_VERIFY_SSL is off: anybody in between can be the provider.",
            "Remove OIDC_VERIFY_SSL, and name the file with the certificates of an authority of "
            "your own in the environment variable REQUESTS_CA_BUNDLE.",
        )
    elif urlsplit(options.issuer).scheme == "http":
        yield ok("tls", "None, and none is needed on loopback.")
    else:
        yield ok("tls", "The certificate is accepted.")


def discovery(inspected: InspectedProvider) -> Iterator[Finding]:
    """The discovery document can be had, where it is needed."""
    if inspected.has_metadata:
        yield ok("discovery", metadata.discovery_url(inspected.options))
    elif fetch.is_secure(inspected.options.issuer) and not inspected.metadata.certificate:
        address = metadata.discovery_url(inspected.options)
        remedy = (
            f"Try curl -v {address} on this machine. ISSUER is all that stands in front of "
            "/.well-known/, a realm or tenant included; else see to DNS, firewall and OIDC_PROXY."
        )
        if inspected.needs_metadata:
            yield error("discovery", f"{inspected.metadata.failure}.", remedy)
        else:
            yield warning(
                "discovery", f"{inspected.metadata.failure}. The settings do without it.", remedy
            )


def issuer(inspected: InspectedProvider) -> Iterator[Finding]:
    """ISSUER is the provider's own name for itself, to the letter (Discovery 1.0, section 4.3)."""
    if not inspected.has_metadata:
        return
    ours, theirs = inspected.options.issuer, inspected.published("issuer")
    if ours == theirs:
        yield ok("issuer", f"{ours}, to the letter.")
    elif not isinstance(theirs, str) or not theirs:
        yield error(
            "issuer",
            f"The document of {metadata.discovery_url(inspected.options)} names no issuer.",
            f"Set {inspected.setting('ISSUER')} to the issuer of an OpenID Provider.",
        )
    else:
        yield error(
            "issuer",
            f"ISSUER is {quoted(ours)}, but the provider calls itself {quoted(theirs)}: "
            f"{_difference(ours, theirs)}. It is taken for another one, and not believed.",
            f"If that is the provider you mean, set {inspected.setting('ISSUER')} = "
            f"{quoted(theirs)}. Else have the provider publish its outer address.",
        )


def _difference(ours: str, theirs: str) -> str:
    if ours.removesuffix("/") == theirs.removesuffix("/"):
        return "the slash at the end differs"
    if ours.casefold() == theirs.casefold():
        return "upper and lower case differ"
    if ours.partition("://")[2] == theirs.partition("://")[2]:
        return "one is on http, the other on https"
    if ours.split("/")[:3] == theirs.split("/")[:3]:
        return "the path differs, such as its realm or tenant"
    return "the host differs"


def clock(inspected: InspectedProvider) -> Iterator[Finding]:
    """The provider's clock and ours agree: a logout token from the future is refused."""
    if not inspected.has_metadata:
        return
    remedy = f"Let NTP set both clocks. A logout token may come {LEEWAY} seconds from the future."
    if inspected.metadata.ahead is None:
        yield warning("clock", "The answer has no Date that could be compared.", remedy)
        return
    least, most = inspected.metadata.ahead
    seconds = max(least, -most, 0)
    told = f"The provider's clock is {seconds:.0f} s {'ahead of' if least > 0 else 'behind'} ours."
    if seconds > LEEWAY:
        fate = "are refused" if least > 0 else "look old, and may be refused"
        yield error("clock", f"{told} Its logout tokens {fate}.", remedy)
    elif seconds > SECONDS_OF_NO_CONCERN:
        yield warning("clock", told, remedy)
    else:
        yield ok("clock", "The provider's agrees with ours.")


def end_session(inspected: InspectedProvider) -> Iterator[Finding]:
    """There is an address to sign out at, and it answers."""
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
            "The provider publishes no end_session_endpoint: people stay signed in there.",
            "Switch its RP-initiated logout on. If it signs out in a way of its own, name its "
            f"class in {inspected.setting('BACKEND')}, or set END_SESSION_ENDPOINT.",
        )
    elif not isinstance(address, str) or not fetch.is_secure(address):
        yield error(
            "end-session",
            f"The end_session_endpoint is {quoted(address)}, which is no https address.",
            f"Have the provider publish another, or set {inspected.setting('END_SESSION_ENDPOINT')}.",
        )
    else:
        kept = " Its query is kept." if urlsplit(address).query else ""
        yield ok("end-session", f"{quoted(address)[1:-1]}{kept}")
        yield _answer(address, inspected)


def _answer(address: str, inspected: InspectedProvider) -> Finding:
    """Ask as nobody does: without a cookie and a hint, this signs nobody out."""
    remedy = "See that the address is right, and that the provider is well."
    try:
        status = fetch.get_status(address, inspected.options)
    except ProviderUnavailable as exc:
        problem = fetch.certificate_problem(exc)
        return error("end-session-answer", f"{exc}{problem and f': {problem}'}.", remedy)
    if status in GONE:
        return error("end-session-answer", f"No: {status}. People would end on it.", remedy)
    if status >= BROKEN:
        return warning("end-session-answer", f"With {status}.", remedy)
    return ok("end-session-answer", f"Yes, with {status} to a request that asks for nothing.")


INSPECTIONS = (client, tls, discovery, issuer, clock, end_session)
