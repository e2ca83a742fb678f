"""System checks of mozilla-django-oidc's backend, as this package's settings use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage, Error, Warning

from ..conf import DEFAULT_ALIAS, conf, from_callable
from ..providers import sign_in_settings
from . import lookup
from .project import MIDDLEWARE, SESSION_REFRESH
from .tokens import BACKENDS, MIXIN, MOZILLA

if TYPE_CHECKING:
    from collections.abc import Iterator

OWN = "django_oidc_logout.backends"
REQUEST_VIEW = "mozilla_django_oidc.views.OIDCAuthenticationRequestView"
CLIENT = "OIDC_RP_CLIENT_ID"
SECRET = "OIDC_RP_CLIENT_SECRET"  # noqa: S105  # the name of a setting
SIGN_IN = "oidc_authentication_init"
VIEW = f"{OWN}.AuthenticationRequestView"
UNVERIFIABLE = ("PS", "Ed")  # mozilla-django-oidc treats them as symmetric algorithms


def _uses_mozillas(kind: Any, mozilla: type, *names: str) -> bool:
    """Return whether a class, apart from this package's bases, has mozilla's methods."""
    bases = [each for each in getattr(kind, "__mro__", ()) if each.__module__ != OWN]
    return all(
        next((each for each in bases if name in vars(each)), None) is mozilla for name in names
    )


def _reads_settings(kind: Any, mozilla: str) -> bool:
    return _uses_mozillas(kind, lookup.load(mozilla), "__init__", "get_settings")


def _has_discovery() -> bool:
    """Return whether the provider's discovery document replaces missing settings."""
    is_dynamic = from_callable.is_path(conf.raw("OIDC_LOGOUT_PROVIDERS"))
    return is_dynamic or DEFAULT_ALIAS in conf.known_providers


def _missing() -> list[str]:
    """Return the missing settings without which mozilla's backend raises."""
    endpoints = () if _has_discovery() else (sign_in_settings.TOKEN, sign_in_settings.USERINFO)
    missing = [name for name in (*endpoints, CLIENT) if not conf.raw(name)]
    if not conf.written(SECRET):  # None is valid for a client without a secret
        missing.append(SECRET)
    return missing


def check_required() -> list[CheckMessage]:
    """Check that mozilla's backend finds the settings without which it raises."""
    return [
        Error(
            f"{path} needs {', '.join(missing)}: every sign-in fails with an error.",
            hint="Set them. If the configuration is in a database, as with mozilla-django-oidc-db, "
            "write a class of your own: OIDCLogoutMixin, then that package's backend.",
            id="oidc_logout.E030",
        )
        for path in lookup.derived(BACKENDS, MIXIN)
        if (missing := _missing()) and _reads_settings(lookup.load(path), MOZILLA)
    ]


def check_start() -> list[CheckMessage]:
    """Check that the view and the middleware that start sign-ins know the provider's endpoint."""
    if conf.raw(sign_in_settings.AUTHORIZATION):
        return []
    return [
        Error(
            f"{path} needs {sign_in_settings.AUTHORIZATION}, which is not set.",
            hint=f"Set it{otherwise}.",
            id="oidc_logout.E044",
        )
        for path, otherwise in (*_views(), *_refreshing())
    ]


def _views() -> Iterator[tuple[str, str]]:
    """Yield the view that starts a sign-in, if it needs the endpoint, and another remedy."""
    match = lookup.served_by(lookup.path_of(SIGN_IN))
    view = getattr(match.func, "view_class", None) if match else None
    if view is None or not _reads_settings(view, REQUEST_VIEW):
        return
    path = lookup.path_to(view)
    if not lookup.is_kind(path, VIEW):
        yield path, f', or set OIDC_AUTHENTICATE_CLASS = "{VIEW}"'
    elif not _has_discovery():
        yield path, f", or configure the provider {DEFAULT_ALIAS!r}"


def _refreshing() -> Iterator[tuple[str, str]]:
    """Yield the middleware that needs the endpoint, and an empty string."""
    for path in lookup.derived(MIDDLEWARE, SESSION_REFRESH):
        if _reads_settings(lookup.load(path), SESSION_REFRESH):
            yield path, ""


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
        if _uses_mozillas(lookup.load(path), lookup.load(MOZILLA), "verify_token", "_verify_jws")
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
URL_CHECKS = (check_start,)
