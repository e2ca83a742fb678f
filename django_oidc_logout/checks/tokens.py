"""System checks of what logout tokens and hints need: keys, addresses, and a row that keeps them.

None touches the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage, Error, Warning

from .. import landing, tokens, transport
from ..conf import DEFAULT_ALIAS, ProviderOptions, conf
from ..models import OIDCSession
from . import lookup

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

BACKENDS = "AUTHENTICATION_BACKENDS"
MIXIN = "django_oidc_logout.backends.OIDCLogoutMixin"
MOZILLA = "mozilla_django_oidc.auth.OIDCAuthenticationBackend"
ENDPOINTS = ("END_SESSION_ENDPOINT", "JWKS_URI", "REVOCATION_ENDPOINT")


def _entries() -> Iterable[tuple[str, Mapping[str, Any], ProviderOptions]]:
    """Yield alias, options as they are written, and as they are used."""
    written: Any = conf.raw("OIDC_LOGOUT_PROVIDERS")
    for alias, options in conf.OIDC_LOGOUT_PROVIDERS.items():
        yield alias, written[alias], options


def _texts(entry: Mapping[str, Any], names: Iterable[str]) -> Iterable[tuple[str, str]]:
    return ((name, entry[name]) for name in names if isinstance(entry.get(name), str))


def _algorithms(options: ProviderOptions) -> list[str]:
    names = options.algorithms if isinstance(options.algorithms, list | tuple) else []
    return [name for name in names if isinstance(name, str) and name.lower() != "none"]


def check_aliases() -> list[CheckMessage]:
    """Each alias fits into the row of a sign-in."""
    column = OIDCSession._meta.get_field("provider")
    longest = column.max_length or 0
    return [
        Error(
            f"OIDC_LOGOUT_PROVIDERS has an alias of {len(alias)} characters: {alias!r}.",
            hint=f"A sign-in is filed under it: choose one of {longest} characters at most.",
            id="oidc_logout.E020",
        )
        for alias, _entry, _options in _entries()
        if isinstance(alias, str) and len(alias) > longest
    ]


def check_algorithms() -> list[CheckMessage]:
    """Each algorithm is one that can be verified."""
    known = tokens.algorithms()
    return [
        Error(
            f"OIDC_LOGOUT_PROVIDERS[{alias!r}] takes logout tokens signed with {name!r}, which is "
            "no algorithm.",
            hint=f"Correct ALGORITHMS, or OIDC_RP_SIGN_ALGO. There are {', '.join(known)}.",
            id="oidc_logout.E010",
        )
        for alias, _entry, options in _entries()
        for name in _algorithms(options)
        if name not in known
    ]


def check_endpoints() -> list[CheckMessage]:
    """Each endpoint is on https or loopback."""
    return [
        Error(
            f"OIDC_LOGOUT_PROVIDERS[{alias!r}][{name!r}] is no https address.",
            hint="Write the whole address; http is for loopback only: tokens go there.",
            id="oidc_logout.E011",
        )
        for alias, entry, _options in _entries()
        for name, url in _texts(entry, ENDPOINTS)
        if url and not transport.is_secure(url)
    ]


def check_way_back() -> list[CheckMessage]:
    """Each address to come back to is a whole one."""
    return [
        Error(
            f"OIDC_LOGOUT_PROVIDERS[{alias!r}][{name!r}] is no absolute URL.",
            hint="Write it as it is registered at the provider, such as "
            "https://www.example.com/oidc/logout/callback/.",
            id="oidc_logout.E012",
        )
        for alias, entry, _options in _entries()
        for name, url in _texts(entry, ["POST_LOGOUT_REDIRECT_URI"])
        if url and not landing.ABSOLUTE.match(url)
    ]


def _is_chosen(alias: str, entry: Mapping[str, Any]) -> bool:
    """Tell whether somebody has written down how this provider signs."""
    by_mozilla = alias == DEFAULT_ALIAS and conf.raw("OIDC_RP_SIGN_ALGO") is not None
    return entry.get("ALGORITHMS") is not None or by_mozilla


def _by_secret(options: ProviderOptions) -> list[str]:
    return [name for name in _algorithms(options) if name.startswith("HS")]


def check_secret() -> list[CheckMessage]:
    """Where tokens are signed with the client's secret, there is one."""
    return [
        Error(
            f"OIDC_LOGOUT_PROVIDERS[{alias!r}] takes logout tokens signed with "
            f"{_by_secret(options)[0]}, and has no CLIENT_SECRET.",
            hint="That algorithm needs the secret. If the provider signs with a key, as most do, "
            'write ALGORITHMS = ["RS256"].',
            id="oidc_logout.E013",
        )
        for alias, entry, options in _entries()
        if _by_secret(options) and not options.client_secret and _is_chosen(alias, entry)
    ]


def check_mixin() -> list[CheckMessage]:
    """The mixin stands in front of a mozilla backend."""
    return [
        Error(
            f"{path} has OIDCLogoutMixin, and no mozilla-django-oidc backend behind it.",
            hint="Python asks the bases from left to right: write "
            "`class MyBackend(OIDCLogoutMixin, OIDCAuthenticationBackend)`.",
            id="oidc_logout.E014",
        )
        for path in lookup.derived(BACKENDS, MIXIN)
        if not _has_backend_behind(lookup.load(path))
    ]


def _has_backend_behind(backend: type) -> bool:
    bases = backend.__mro__
    behind = bases[bases.index(lookup.load(MIXIN)) + 1 :]
    return any("store_tokens" in vars(base) for base in behind)


def check_key_set() -> list[CheckMessage]:
    """mozilla's address of the keys serves here as well, and only on https or loopback."""
    return [
        Warning(
            "OIDC_OP_JWKS_ENDPOINT is no https address, so no key is fetched from it here.",
            hint="Without keys, no logout token can be verified. Set JWKS_URI in "
            f"OIDC_LOGOUT_PROVIDERS[{alias!r}] to an https address; http is for loopback only.",
            id="oidc_logout.W004",
        )
        for alias, entry, options in _entries()
        if entry.get("JWKS_URI") is None
        and options.jwks_uri
        and not transport.is_secure(options.jwks_uri)
    ]


def check_doubles() -> list[CheckMessage]:
    """No two aliases are the same client of the same issuer."""
    first: dict[tuple[str, str], str] = {}
    messages: list[CheckMessage] = []
    for alias, _entry, options in _entries():
        other = first.setdefault((str(options.issuer), str(options.client_id)), alias)
        if other != alias and options.client_id:
            messages.append(
                Warning(
                    f"OIDC_LOGOUT_PROVIDERS[{alias!r}] is the same client of the same issuer as "
                    f"{other!r}.",
                    hint=f"Every session is taken for one of {other!r}: remove one of the two.",
                    id="oidc_logout.W005",
                )
            )
    return messages


def check_shared_secret() -> list[CheckMessage]:
    """A provider that has keys is not taken for one that signs with the secret."""
    nobodys = not lookup.derived(BACKENDS, MOZILLA)
    return [
        Warning(
            f"OIDC_LOGOUT_PROVIDERS[{alias!r}] takes logout tokens signed with the client's secret "
            f"({_by_secret(options)[0]}).",
            hint="A provider that publishes keys signs with them: set OIDC_RP_SIGN_ALGO, or "
            'ALGORITHMS, to what it uses, such as "RS256". The default is mozilla-django-oidc\'s.',
            id="oidc_logout.W006",
        )
        for alias, entry, options in _entries()
        if _by_secret(options) and (options.jwks_uri or (nobodys and not _is_chosen(alias, entry)))
    ]


def check_refresh_tokens() -> list[CheckMessage]:
    """Where refresh tokens are to be revoked, somebody keeps them."""
    if not conf.OIDC_LOGOUT_REVOKE_TOKENS or lookup.derived(BACKENDS, MIXIN):
        return []
    return [
        Warning(
            f"OIDC_LOGOUT_REVOKE_TOKENS is on, and {path} drops the refresh token.",
            hint="Use django_oidc_logout.backends.OIDCLogoutBackend, or put OIDCLogoutMixin in "
            "front of your backend.",
            id="oidc_logout.W007",
        )
        for path in lookup.derived(BACKENDS, MOZILLA)
    ]


def check_source() -> list[CheckMessage]:
    """Somebody keeps the ID Token of a sign-in."""
    in_session = conf.raw("OIDC_STORE_ID_TOKEN") and lookup.derived(BACKENDS, MOZILLA)
    if in_session or lookup.derived(BACKENDS, MIXIN):
        return []
    return [
        Warning(
            "Nothing in AUTHENTICATION_BACKENDS keeps the ID Token of a sign-in.",
            hint="Without it, providers ask people or strand them. Use "
            "django_oidc_logout.backends.OIDCLogoutBackend, or put OIDCLogoutMixin in front of "
            "your backend. If your code calls remember_login(), silence this.",
            id="oidc_logout.W008",
        )
    ]


CHECKS = (
    check_aliases,
    check_algorithms,
    check_endpoints,
    check_way_back,
    check_secret,
    check_mixin,
    check_key_set,
    check_doubles,
    check_shared_secret,
    check_refresh_tokens,
    check_source,
)
