"""System checks that sign-ins through a provider are recorded."""

from __future__ import annotations

import re
import sys
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, Warning

from .. import api
from ..conf import conf
from ..sessions import origin, unrecorded
from . import lookup

BACKENDS = "AUTHENTICATION_BACKENDS"
CONTRIB = "django_oidc_logout.contrib"
BRIDGES = {
    "allauth.socialaccount.providers.openid_connect": f"{CONTRIB}.allauth",
    "django_auth_adfs": f"{CONTRIB}.adfs",
    "social_django": f"{CONTRIB}.social",
}
LIBRARIES = {origin.ADFS: "django_auth_adfs", origin.SOCIAL: "social_django"}
SOCIAL_WITH_ID_TOKEN = (  # modules of backends that are not OpenIdConnectAuth's
    "auth0", "azuread", "azuread_b2c", "azuread_tenant", "cognito", "keycloak", "okta",
)  # fmt: skip
TEST_MODULE = re.compile(r"(^|\.)(tests?|test_\w+|conftest)(\.|$)")
OWN_CODE = "If your code calls remember_login(), import it at the top of the module."


def check_list() -> list[CheckMessage]:
    """Check that OIDC_LOGOUT_BACKENDS is a list of dotted paths."""
    value = conf.raw("OIDC_LOGOUT_BACKENDS")
    is_list = isinstance(value, list | tuple | set | frozenset)
    if value is None or (is_list and all(isinstance(path, str) for path in value)):
        return []
    return [
        Error(
            "OIDC_LOGOUT_BACKENDS is not a list of dotted paths.",
            hint='Set it to a list such as ["accounts.backends.OIDCBackend"], or to None.',
            id="oidc_logout.E025",
        )
    ]


def check_listed() -> list[CheckMessage]:
    """Check that each entry of OIDC_LOGOUT_BACKENDS is, or is a base of, an installed backend."""
    return [
        Warning(
            f"OIDC_LOGOUT_BACKENDS names {path}, which is not in AUTHENTICATION_BACKENDS: nobody "
            "signs in with it.",
            hint="Correct the path, or remove it.",
            id="oidc_logout.W025",
        )
        for path in conf.OIDC_LOGOUT_BACKENDS or ()
        if not any(origin.is_kind(backend, [path]) for backend in lookup.named(BACKENDS))
    ]


def check_recording() -> list[CheckMessage]:
    """Check that something records the sign-ins through a provider."""
    if check_list() or not lookup.urls_load():
        return []
    sources = [path for path in lookup.named(BACKENDS) if _is_source(path)]
    problems = [
        (f"Nothing records the sign-ins of {path}, which go through a provider", path)
        for path in sources
        if not _is_recorded(path)
    ]
    if not sources and not has_bridge():
        nothing = "No backend in AUTHENTICATION_BACKENDS is known to sign in through a provider"
        problems = [(nothing, origin.MOZILLA)]
    if not problems or calls_remember_login():
        return []
    return [
        Warning(
            f"{problem}: at sign-out, providers ask people to confirm, or do not send them back.",
            hint=f"{_sentence(unrecorded.remedy_for(path))} {OWN_CODE}",
            id="oidc_logout.W008",
        )
        for problem, path in problems
    ]


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _is_source(path: str) -> bool:
    """Return whether a backend signs people in through a provider."""
    if (listed := conf.OIDC_LOGOUT_BACKENDS) is not None:
        return origin.is_kind(path, listed)
    return origin.is_provider_backend(path)


def _is_recorded(path: str) -> bool:
    """Return whether the sign-ins of a backend are recorded, or another check reports them."""
    if origin.is_kind(path, [origin.MIXIN]):
        return True
    if origin.is_kind(path, [origin.MOZILLA]):
        return bool(conf.raw("OIDC_STORE_ID_TOKEN"))
    libraries = [name for base, name in LIBRARIES.items() if origin.is_kind(path, [base])]
    return any(apps.is_installed(name) for name in libraries) or any(
        apps.is_installed(BRIDGES[name]) for name in libraries
    )


def has_bridge() -> bool:
    """Return whether a bridge records the sign-ins of a login library."""
    return any(apps.is_installed(bridge) for bridge in BRIDGES.values())


def check_bridges() -> list[CheckMessage]:
    """Check that each login library that is installed has its bridge."""
    missing = [
        (library, bridge)
        for library, bridge in BRIDGES.items()
        if apps.is_installed(library) and not apps.is_installed(bridge)
    ]
    if not missing or not lookup.urls_load() or calls_remember_login():
        return []
    return [
        Warning(
            f"{library} is in INSTALLED_APPS, and {bridge} is not: its sign-ins are not recorded.",
            hint=f'Add "{bridge}". {OWN_CODE}',
            id="oidc_logout.W030",
        )
        for library, bridge in missing
    ]


def check_extra_data() -> list[CheckMessage]:
    """Check that each backend of social-auth that receives an ID Token keeps it."""
    if not apps.is_installed(f"{CONTRIB}.social"):
        return []
    return [
        Warning(
            f"{path} does not keep the ID Token: at sign-out, providers ask people to confirm, or "
            "do not send them back.",
            hint=f'Add "id_token" to {_extra_data(path)}.',
            id="oidc_logout.W026",
        )
        for path in lookup.named(BACKENDS)
        if _receives_id_token(path) and not _keeps_id_token(path)
    ]


def _receives_id_token(path: str) -> bool:
    is_social = origin.is_kind(path, [origin.SOCIAL])
    return origin.is_kind(path, [origin.SOCIAL_OIDC]) or (
        is_social and path.split(".")[-2] in SOCIAL_WITH_ID_TOKEN
    )


def _keeps_id_token(path: str) -> bool:
    backend = lookup.load(path)
    names = (_extra_data(path), "SOCIAL_AUTH_EXTRA_DATA", "EXTRA_DATA")
    configured = next((v for name in names if (v := conf.raw(name)) is not None), ())
    entries = [*(getattr(backend, "EXTRA_DATA", None) or ()), *configured]
    stored = [entry[-1] if isinstance(entry, list | tuple) else entry for entry in entries]
    return "id_token" in stored or bool(getattr(backend, "GET_ALL_EXTRA_DATA", False))


def _extra_data(path: str) -> str:
    name = str(getattr(lookup.load(path), "name", "")).upper().replace("-", "_")
    return f"SOCIAL_AUTH_{name}_EXTRA_DATA"


def calls_remember_login() -> bool:
    """Return whether a module of the site has imported `remember_login`.

    All modules that the URLconf imports are loaded by now. Tests do not count.
    """
    return any(
        _uses_remember_login(getattr(module, "__dict__", {}))
        for name, module in [*sys.modules.items()]
        if not name.startswith("django_oidc_logout") and not TEST_MODULE.search(name)
    )


def _uses_remember_login(names: dict[str, Any]) -> bool:
    if names.get("remember_login") is api.remember_login:
        return True
    has_api = any(value is api for value in [*names.values()])
    return has_api and any(
        "remember_login" in getattr(getattr(value, "__code__", None), "co_names", ())
        for value in [*names.values()]
    )


CHECKS = (check_list, check_listed, check_extra_data)
URL_CHECKS = (check_recording, check_bridges)
