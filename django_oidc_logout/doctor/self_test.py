"""An inspection of the site from outside: how its back-channel responds to an invalid token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..exceptions import ProviderUnavailable
from ..providers import fetch
from .addresses import is_site_known, registration
from .findings import Finding, error, ok, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..providers.fetch import Answer
    from .inspected import InspectedProvider

GARBAGE = {"logout_token": "sent-by-the-doctor"}
REFUSED, OWN_ERROR = 400, "invalid_request"
REDIRECTS, SERVER_ERRORS = range(300, 400), range(500, 600)
REMEDIES = {
    401: "Let requests without credentials through to this path.",
    403: "Exempt this path from the firewall, from CSRF protection and from any login in front.",
    404: "Register this site's own URL. Check that the proxy passes the path on.",
    405: "Check that the proxy lets POST requests through to this path.",
}


def self_test(inspected: InspectedProvider) -> Iterator[Finding]:
    """Inspect whether the back-channel rejects an invalid token, at its public URL."""
    if inspected.self_test is None:
        return
    address = inspected.self_test or _own(inspected)
    if not address:
        remedy = "Pass the site's URL: --site https://www.example.com"
        yield error("self-test", "The URL of the site's back-channel is not known.", remedy)
        return
    try:
        answer = fetch.ask(address, inspected.options, GARBAGE)
    except ProviderUnavailable as exc:
        yield error(
            "self-test",
            f"{exc}.",
            "Check DNS, the certificate, the proxy and the firewall in front of the site: the "
            "provider has to reach this URL.",
        )
        return
    yield _finding(address, answer)


def _own(inspected: InspectedProvider) -> str:
    register = registration(inspected)
    return register.backchannel_logout_uri if register and is_site_known(inspected) else ""


def _finding(address: str, answer: Answer) -> Finding:
    if answer.status == REFUSED and answer.document.get("error") == OWN_ERROR:
        return ok("self-test", f"{address} rejects garbage, as it should.")
    detail = f"{address} responds with {answer.status}, not with this package's 400"
    if answer.status in REDIRECTS:
        return error(
            "self-test",
            f"{detail}: it redirects to {quoted(answer.location)}. A provider does not follow.",
            "Register the URL that does not redirect, and let it through without a login.",
        )
    if answer.status in SERVER_ERRORS:
        return error("self-test", f"{detail}.", "See the log of the site and of its proxy.")
    remedy = REMEDIES.get(answer.status, "Check which site responds at this URL.")
    return error("self-test", f"{detail}.", remedy)


INSPECTIONS = (self_test,)
