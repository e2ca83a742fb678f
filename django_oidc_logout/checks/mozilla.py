"""System checks of mozilla-django-oidc's backend, as this package's settings use it."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Warning

from ..conf import DEFAULT_ALIAS, conf
from . import lookup
from .tokens import BACKENDS, MIXIN, MOZILLA

REQUIRED = (
    "OIDC_OP_TOKEN_ENDPOINT",
    "OIDC_OP_USER_ENDPOINT",
    "OIDC_RP_CLIENT_ID",
)
SECRET = "OIDC_RP_CLIENT_SECRET"  # noqa: S105  # the name of a setting
UNVERIFIABLE = ("PS", "Ed")  # mozilla-django-oidc takes them for algorithms with a secret


def _uses_mozillas(path: str, *names: str) -> bool:
    """Return whether a backend has these methods from mozilla's class."""
    backend, mozilla = lookup.load(path), lookup.load(MOZILLA)
    return all(getattr(backend, name, None) is getattr(mozilla, name, None) for name in names)


def _reads_settings(path: str) -> bool:
    return _uses_mozillas(path, "__init__", "get_settings")


def check_required() -> list[CheckMessage]:
    """Check that mozilla's backend finds the settings without which it raises."""
    missing = [name for name in REQUIRED if conf.raw(name) is None]
    if not conf.written(SECRET):  # None is right for a client that has none
        missing.append(SECRET)
    return [
        Error(
            f"{path} needs {', '.join(missing)}: every sign-in fails with an error.",
            hint="Set them. If the configuration is in a database, as with mozilla-django-oidc-db, "
            "write a class of your own: OIDCLogoutMixin, then that package's backend.",
            id="oidc_logout.E030",
        )
        for path in lookup.derived(BACKENDS, MIXIN)
        if missing and _reads_settings(path)
    ]


def check_verifiable() -> list[CheckMessage]:
    """Check that mozilla's backend can verify ID Tokens that are signed as the settings say."""
    return [
        Warning(
            f"{path} cannot verify ID Tokens that are signed with {name}: every sign-in fails "
            "with an error.",
            hint="mozilla-django-oidc verifies RS256 to RS512, ES256 to ES512 and HS256 to HS512. "
            "Have the provider sign this client's ID Tokens with RS256, and set OIDC_RP_SIGN_ALGO.",
            id="oidc_logout.W035",
        )
        for path in lookup.derived(BACKENDS, MOZILLA)
        if _uses_mozillas(path, "verify_token", "_verify_jws")
        if (name := _unverifiable())
    ]


def _unverifiable() -> str:
    """Return the algorithm of ID Tokens that mozilla cannot verify, or the empty string."""
    default = conf.known_providers.get(DEFAULT_ALIAS)
    names: Any = [conf.raw("OIDC_RP_SIGN_ALGO")]
    if names == [None]:
        names = default.algorithms if default else ()
    known = [str(name) for name in names] if isinstance(names, list | tuple) else []
    return known[0] if known and all(name.startswith(UNVERIFIABLE) for name in known) else ""


CHECKS = (check_required, check_verifiable)
