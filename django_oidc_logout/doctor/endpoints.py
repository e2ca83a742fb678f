"""Inspections of the endpoints: those in the settings, and those that the provider publishes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..conf import conf
from ..providers import fetch, sign_in_settings
from .findings import Finding, error, ok, quoted, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .inspected import InspectedProvider

FOR_BROWSERS = {"authorization_endpoint", "end_session_endpoint"}
"""The other endpoints are for the site's own requests, which may need another host."""


def endpoints(inspected: InspectedProvider) -> Iterator[Finding]:
    """Inspect whether the configured endpoints are those that the provider publishes."""
    if not inspected.has_metadata:
        return
    inside, different = "", False
    for setting, (address, name) in _configured(inspected).items():
        published = inspected.published(name)
        if not address or not published or _without_query(address) == _without_query(published):
            continue
        if name not in FOR_BROWSERS and _path(address) == _path(published):
            inside = _host(address)
            continue
        different = True
        remedy = f"Set it to {quoted(published)}, unless both URLs lead to the same endpoint."
        if name in FOR_BROWSERS:
            remedy = f"Set it to {quoted(published)}: browsers follow it, not this machine."
        yield warning(
            "endpoints",
            f"{setting} is {quoted(address)}, but the provider publishes {quoted(published)}.",
            remedy,
        )
    if not different:
        detail = "The settings match what the provider publishes."
        yield ok("endpoints", detail + (f" The site itself asks {inside}." if inside else ""))


def _configured(inspected: InspectedProvider) -> dict[str, tuple[Any, str]]:
    """Return the endpoints in the settings, and their names in the metadata."""
    options, found = inspected.options, {}
    if inspected.is_default:
        found = {key: (conf.raw(key), name) for key, name in sign_in_settings.ENDPOINTS.items()}
    if options.jwks_uri != conf.raw("OIDC_OP_JWKS_ENDPOINT") or not inspected.is_default:
        found[inspected.setting("JWKS_URI")] = (options.jwks_uri, "jwks_uri")
    end_session = options.end_session_endpoint if inspected.provider.uses_discovery else ""
    found[inspected.setting("END_SESSION_ENDPOINT")] = (end_session, "end_session_endpoint")
    return found


def _without_query(address: Any) -> tuple[str, ...]:
    try:
        parts = urlsplit(str(address))
    except ValueError:
        return (str(address),)
    return parts.scheme, parts.netloc.casefold(), parts.path


def _path(address: Any) -> str:
    return _without_query(address)[-1]


def _host(address: Any) -> str:
    return quoted(_without_query(address)[1])[1:-1]


def revocation(inspected: InspectedProvider) -> Iterator[Finding]:
    """Inspect whether tokens can be revoked, if the settings ask for it (RFC 7009)."""
    if not conf.OIDC_LOGOUT_REVOKE_TOKENS:
        return
    address = inspected.options.revocation_endpoint or inspected.published("revocation_endpoint")
    if isinstance(address, str) and fetch.is_secure(address):
        yield ok("revocation", quoted(address)[1:-1])
    elif address or inspected.has_metadata:
        yield error(
            "revocation",
            "OIDC_LOGOUT_REVOKE_TOKENS is on, but the provider does not publish a "
            "revocation_endpoint on https.",
            f"Set {inspected.setting('REVOCATION_ENDPOINT')} or OIDC_LOGOUT_REVOKE_TOKENS = False.",
        )


INSPECTIONS = (endpoints, revocation)
