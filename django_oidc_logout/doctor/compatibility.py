"""Inspections of what provider and settings have to agree on for tokens and channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..conf import conf
from ..providers import fetch
from ..tokens import jws
from .findings import Finding, error, ok, quoted, warning
from .inspected import fetch_now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .inspected import InspectedProvider

# mozilla-django-oidc's addresses, which serve the alias "default", and their names in discovery.
MOZILLA_ENDPOINTS = {
    "OIDC_OP_AUTHORIZATION_ENDPOINT": "authorization_endpoint",
    "OIDC_OP_TOKEN_ENDPOINT": "token_endpoint",
    "OIDC_OP_USER_ENDPOINT": "userinfo_endpoint",
    "OIDC_OP_JWKS_ENDPOINT": "jwks_uri",
}
SHARED_SECRET = "HS"  # noqa: S105  # what the names of its algorithms begin with


def channels(inspected: InspectedProvider) -> Iterator[Finding]:
    """The provider tells the site when somebody signs out of it or of another site."""
    if inspected.has_metadata:
        back = inspected.published("backchannel_logout_supported") is True
        front = inspected.published("frontchannel_logout_supported") is True
        yield _back_channel(inspected) if back else _no_back_channel(has_front=front)
        yield _front_channel(inspected) if front else _no_front_channel(has_back=back)


def _back_channel(inspected: InspectedProvider) -> Finding:
    if inspected.published("backchannel_logout_session_supported") is True:
        return ok("back-channel", "Supported, with the session's sid.")
    return warning(
        "back-channel",
        "Supported, but it does not say that it names the session: without a sid, all sessions of "
        "the person end.",
        "Ask there for the sid in logout tokens, often an option of the client.",
    )


def _no_back_channel(*, has_front: bool) -> Finding:
    if has_front:
        return ok("back-channel", "Not offered: the front-channel has to do.")
    return warning(
        "back-channel",
        "The provider does not say that it tells sites of a sign-out, on either channel.",
        "If it can, switch that on there; else sign-out reaches it, and does not come from it.",
    )


def _front_channel(inspected: InspectedProvider) -> Finding:
    if inspected.published("frontchannel_logout_session_supported") is True:
        return ok("front-channel", "Supported, with iss and sid.")
    return warning(
        "front-channel",
        "Supported, but it does not say that it names the session: a frame without iss and sid "
        "ends nothing.",
        "Ask there for iss and sid, often an option of the client; or use the back-channel.",
    )


def _no_front_channel(*, has_back: bool) -> Finding:
    return ok("front-channel", f"Not offered{', and not needed beside the other' * has_back}.")


def algorithms(inspected: InspectedProvider) -> Iterator[Finding]:
    """Logout tokens are signed with an algorithm that is allowed here."""
    options = inspected.options
    allowed = list(options.algorithms)
    theirs = _texts(inspected.published("id_token_signing_alg_values_supported"))
    shared = [name for name in allowed if name.startswith(SHARED_SECRET)]
    if theirs and not set(allowed) & set(theirs):
        yield error(
            "algorithms",
            f"Allowed here is {', '.join(allowed)}; the provider signs with {_list(theirs)}. Every "
            "logout token is refused, and perhaps every sign-in.",
            _set_algorithm(inspected, _best(theirs)),
        )
    elif shared and not options.client_secret:
        yield error(
            "algorithms",
            f"{', '.join(shared)} needs the client's secret, and there is none.",
            f"Set {inspected.setting('CLIENT_SECRET')}; or, if the provider has keys: "
            + _set_algorithm(inspected, _best(theirs)),
        )
    elif shared == allowed and set(theirs) - set(shared):
        yield warning(
            "algorithms",
            f"Allowed here is {', '.join(allowed)} alone, though the provider can sign with keys "
            "of its own, and most do: then every logout token is refused.",
            _set_algorithm(inspected, _best(theirs))
            + " Unless the client is registered otherwise.",
        )
    else:
        offered = ", as the provider offers" if theirs else ""
        yield ok("algorithms", f"{', '.join(allowed)}{offered}.")


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else []
    return [item for item in values if isinstance(item, str) and item.lower() != "none"]


def _list(names: list[str]) -> str:
    return ", ".join(quoted(name)[1:-1] for name in names)


def _best(theirs: list[str]) -> str:
    """Return what to advise: every provider has to have RS256 (Discovery 1.0, section 3)."""
    known = [name for name in theirs if name[:2] in jws.KEY_TYPES]
    return "RS256" if "RS256" in theirs or not known else known[0]


def _set_algorithm(inspected: InspectedProvider, name: str) -> str:
    from_mozilla = inspected.options.algorithms == (conf.raw("OIDC_RP_SIGN_ALGO", "HS256"),)
    if inspected.is_default and from_mozilla:
        return f"Set OIDC_RP_SIGN_ALGO = {quoted(name)}."
    return f"Set {inspected.setting('ALGORITHMS')} = [{quoted(name)}]."


def keys(inspected: InspectedProvider) -> Iterator[Finding]:
    """The provider publishes keys that fit an algorithm that is allowed here."""
    asymmetric = [n for n in inspected.options.algorithms if not n.startswith(SHARED_SECRET)]
    if not asymmetric:
        yield ok("keys", "None are needed: tokens are signed with the client's secret.")
        return
    address = inspected.options.jwks_uri or inspected.published("jwks_uri")
    if not address:
        if inspected.has_metadata:
            yield error("keys", "The provider publishes no jwks_uri.", "Set JWKS_URI.")
        return
    if not isinstance(address, str) or not fetch.is_secure(address):
        yield error(
            "keys",
            f"Their address is {quoted(address)}, which is no https address.",
            f"Set {inspected.setting('JWKS_URI')}.",
        )
        return
    published = fetch_now(address, inspected.options)
    if published.failure:
        problem = published.certificate and f": {published.certificate}"
        yield error(
            "keys",
            f"{published.failure}{problem}.",
            "See that this machine may go there, and that a configured JWKS_URI or "
            "OIDC_OP_JWKS_ENDPOINT is right.",
        )
        return
    yield from _fitting(published.document.get("keys"), asymmetric)


def _fitting(published: Any, allowed: list[str]) -> Iterator[Finding]:
    key_set = published if isinstance(published, list) else []
    fitting = {
        i: (key, jws.key_problem(key, name))
        for name in allowed
        for i, key in enumerate(key_set)
        if jws.matching_keys([key], name, None)
    }
    usable = [key for key, fault in fitting.values() if fault != jws.UNREADABLE]
    for key, fault in fitting.values():
        if fault:
            kid = quoted(key.get("kid"))
            yield warning("keys", f"The key {kid} {fault}.", "Have the provider replace it.")
    if not usable:
        yield error(
            "keys",
            f"Of the {len(key_set)} keys published none fits {', '.join(allowed)}.",
            "Allow here what the provider signs with (OIDC_RP_SIGN_ALGO, ALGORITHMS), or see that "
            "JWKS_URI is the provider's.",
        )
    else:
        yield ok("keys", f"{len(usable)} of {len(key_set)} fit {', '.join(allowed)}.")


def endpoints(inspected: InspectedProvider) -> Iterator[Finding]:
    """Addresses that are configured are those that the provider publishes."""
    if not inspected.has_metadata:
        return
    configured: dict[str, tuple[Any, str]] = {}
    if inspected.is_default:
        configured = {key: (conf.raw(key), name) for key, name in MOZILLA_ENDPOINTS.items()}
    if inspected.options.jwks_uri != conf.raw("OIDC_OP_JWKS_ENDPOINT") or not inspected.is_default:
        configured[inspected.setting("JWKS_URI")] = (inspected.options.jwks_uri, "jwks_uri")
    different = False
    for setting, (ours, name) in configured.items():
        theirs = inspected.published(name)
        if ours and theirs and _place(ours) != _place(theirs):
            different = True
            yield warning(
                "endpoints",
                f"{setting} is {quoted(ours)}, but the provider publishes {quoted(theirs)}.",
                f"Set it to {quoted(theirs)}, unless it is another way to the same place.",
            )
    if not different:
        yield ok("endpoints", "As configured, so published.")


def _place(address: Any) -> tuple[str, ...]:
    try:
        parts = urlsplit(str(address))
    except ValueError:
        return (str(address),)
    return parts.scheme, parts.netloc.casefold(), parts.path


def revocation(inspected: InspectedProvider) -> Iterator[Finding]:
    """Where tokens are to be revoked at sign-out, there is an address to do it at (RFC 7009)."""
    if not conf.OIDC_LOGOUT_REVOKE_TOKENS:
        return
    address = inspected.options.revocation_endpoint or inspected.published("revocation_endpoint")
    if isinstance(address, str) and fetch.is_secure(address):
        yield ok("revocation", quoted(address)[1:-1])
    elif address or inspected.has_metadata:
        yield error(
            "revocation",
            "OIDC_LOGOUT_REVOKE_TOKENS is on, but the provider publishes no revocation_endpoint "
            "on https.",
            f"Set {inspected.setting('REVOCATION_ENDPOINT')}, or OIDC_LOGOUT_REVOKE_TOKENS = False.",
        )


INSPECTIONS = (channels, algorithms, keys, endpoints, revocation)
