"""Inspections of whether the settings match the provider: channels, algorithms, keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..conf import conf
from ..providers import fetch
from ..tokens import jws, logout_token
from .findings import Finding, error, ok, quoted, warning
from .inspected import fetch_now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .inspected import InspectedProvider


def channels(inspected: InspectedProvider) -> Iterator[Finding]:
    """Inspect whether the provider notifies the site of sign-outs elsewhere."""
    if inspected.has_metadata:
        back = inspected.published("backchannel_logout_supported") is True
        front = inspected.published("frontchannel_logout_supported") is True
        yield _back_channel(inspected) if back else _no_back_channel(has_front=front)
        yield _front_channel(inspected) if front else _no_front_channel(has_back=back)


def _back_channel(inspected: InspectedProvider) -> Finding:
    if inspected.published("backchannel_logout_session_supported") is True:
        return ok("back-channel", "Supported, with sid.")
    return warning(
        "back-channel",
        "Supported, but the provider does not announce a sid: without it, a logout token ends all "
        "sessions of the person.",
        "Enable the sid in logout tokens at the provider, often an option of the client.",
    )


def _no_back_channel(*, has_front: bool) -> Finding:
    if has_front:
        return ok("back-channel", "Not supported, but the front-channel is.")
    return warning(
        "back-channel",
        "The provider announces neither back-channel nor front-channel logout.",
        "Enable one at the provider. Otherwise, a sign-out elsewhere does not end sessions here.",
    )


def _front_channel(inspected: InspectedProvider) -> Finding:
    if inspected.published("frontchannel_logout_session_supported") is True:
        return ok("front-channel", "Supported, with iss and sid.")
    return warning(
        "front-channel",
        "Supported, but the provider does not announce iss and sid: without them, a front-channel "
        "request ends nothing.",
        "Enable iss and sid at the provider, often an option of the client. Or use the "
        "back-channel.",
    )


def _no_front_channel(*, has_back: bool) -> Finding:
    return ok("front-channel", f"Not supported{', but the back-channel is' * has_back}.")


def algorithms(inspected: InspectedProvider) -> Iterator[Finding]:
    """Inspect whether the settings allow the provider's signing algorithms."""
    allowed, shared = inspected.algorithms, inspected.secret_algorithms
    offered = _texts(inspected.published("id_token_signing_alg_values_supported"))
    advice = _algorithm_setting(inspected, _best(offered))
    if offered and not set(allowed) & set(offered):
        yield error(
            "algorithms",
            f"The settings allow {', '.join(allowed)}, but the provider signs with "
            f"{_list(offered)}: every logout token is rejected, and perhaps every sign-in.",
            f"Set {advice}.",
        )
    elif shared and not inspected.options.client_secret:
        yield error(
            "algorithms",
            f"CLIENT_SECRET is not set, but {', '.join(shared)} needs it.",
            f"Set {inspected.setting('CLIENT_SECRET')}. Or, if the provider signs with keys, set "
            f"{advice}.",
        )
    elif shared == allowed and set(offered) - set(shared):
        yield warning(
            "algorithms",
            f"The settings allow only {', '.join(allowed)}, but the provider can sign with keys. "
            "Most do, and then every logout token is rejected.",
            f"Set {advice}, unless the client is registered for {', '.join(allowed)}.",
        )
    else:
        supported = ", which the provider supports" if offered else ""
        yield ok("algorithms", f"{', '.join(allowed)}{supported}.")


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else []
    return [item for item in values if isinstance(item, str) and item.lower() != "none"]


def _list(names: list[str]) -> str:
    return ", ".join(quoted(name)[1:-1] for name in names)


def _best(offered: list[str]) -> str:
    """Return the recommended algorithm. Providers must support RS256 (Discovery 1.0, section 3)."""
    known = [name for name in offered if name[:2] in jws.KEY_TYPES]
    return "RS256" if "RS256" in offered or not known else known[0]


def _algorithm_setting(inspected: InspectedProvider, name: str) -> str:
    from_mozilla = inspected.options.algorithms == (conf.raw("OIDC_RP_SIGN_ALGO"),)
    if inspected.is_default and from_mozilla:
        return f"OIDC_RP_SIGN_ALGO = {quoted(name)}"
    return f"{inspected.setting('ALGORITHMS')} = [{quoted(name)}]"


def keys(inspected: InspectedProvider) -> Iterator[Finding]:
    """Inspect whether the provider publishes keys for the algorithms in the settings."""
    allowed = inspected.key_algorithms
    if not allowed:
        yield ok("keys", "Not needed: the client secret signs the tokens.")
        return
    address = inspected.options.jwks_uri or inspected.published("jwks_uri")
    if not address and not inspected.has_metadata:
        return
    if not isinstance(address, str) or not fetch.is_secure(address):
        not_secure = f"The jwks_uri {quoted(address)} is not an https URL."
        detail = not_secure if address else "The provider does not publish a jwks_uri."
        yield error("keys", detail, f"Set {inspected.setting('JWKS_URI')}.")
        return
    fetched = fetch_now(address, inspected.options)
    if fetched.failure:
        yield error(
            "keys",
            f"{fetched.failure}.",
            "Check that this machine can reach it, and that JWKS_URI or OIDC_OP_JWKS_ENDPOINT is "
            "correct, if set.",
        )
        return
    yield from _fitting(fetched.document.get("keys"), allowed)


def _fitting(published: Any, allowed: list[str]) -> Iterator[Finding]:
    key_set = published if isinstance(published, list) else []
    fitting = {
        i: (key, jws.key_problem(key, name))
        for name in allowed
        for i, key in enumerate(key_set)
        if jws.matching_keys([key], name, None)
    }
    usable = [key for key, problem in fitting.values() if problem != jws.UNREADABLE]
    for key, problem in fitting.values():
        if problem:
            kid = quoted(key.get("kid"))
            yield warning("keys", f"The key {kid} {problem}.", "Have the provider replace it.")
    fit = f"{len(usable)} of {len(key_set)} published keys fit {', '.join(allowed)}."
    if not usable:
        yield error(
            "keys",
            fit,
            "Set OIDC_RP_SIGN_ALGO or ALGORITHMS to what the provider signs with, or correct "
            "JWKS_URI.",
        )
    else:
        yield ok("keys", fit)


def token_type(inspected: InspectedProvider) -> Iterator[Finding]:
    """Inspect whether REQUIRE_TYP can be on, which the OWASP ASVS 5.0 requires (10.5.5).

    The metadata does not say this. The site knows it once it has accepted logout tokens.
    """
    typed, untyped = logout_token.types_seen(inspected.options)
    setting = inspected.setting("REQUIRE_TYP")
    if inspected.options.require_typ:
        yield ok("token-type", "Only logout tokens with a typ are accepted.")
    elif untyped:
        yield ok("token-type", f"The provider's logout tokens lack a typ: keep {setting} off.")
    elif typed:
        yield ok(
            "token-type",
            f"All recent logout tokens have a typ. You can set {setting} = True: then another "
            "kind of token cannot pass for one.",
        )


INSPECTIONS = (channels, token_type, algorithms, keys)
