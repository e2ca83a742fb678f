"""How a session began: through a provider, or in another way such as with a password.

The session contains the backend that `login()` stores, and maybe a key of the login library. The
libraries are recognized by name, so they need not be installed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib import auth
from django.utils.module_loading import import_string

from ..conf import conf

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from django.contrib.sessions.backends.base import SessionBase

MOZILLA = "mozilla_django_oidc.auth.OIDCAuthenticationBackend"
SOCIAL = "social_core.backends.base.BaseAuth"
SOCIAL_OIDC = "social_core.backends.open_id_connect.OpenIdConnectAuth"
ADFS = "django_auth_adfs.backend.AdfsBaseBackend"
MIXIN = "django_oidc_logout.backends.OIDCLogoutMixin"
PROVIDER_BACKENDS = (MOZILLA, MIXIN, SOCIAL, ADFS)
LOCAL_BACKENDS = ("social_core.backends.legacy.LegacyAuth",)  # a form with a name or an address

MOZILLA_EXPIRATION = "oidc_id_token_expiration"
SOCIAL_BACKEND = "social_auth_last_login_backend"
SOCIAL_LOCAL_NAMES = ("email", "username")
ALLAUTH_METHODS = "account_authentication_methods"
ALLAUTH_USER = "account_authentication_methods_user"
ALLAUTH_SOCIAL = "socialaccount"
ALLAUTH_BRIDGE = "django_oidc_logout.contrib.allauth"


def is_through_provider(session: SessionBase | Mapping[str, Any]) -> bool:
    """Return whether a session began through a provider, whether it was recorded or not."""
    path = backend(session)
    if (listed := conf.OIDC_LOGOUT_BACKENDS) is not None:
        return is_kind(path, listed)
    return (
        MOZILLA_EXPIRATION in session
        or is_provider_backend(path)
        or session.get(SOCIAL_BACKEND, "email") not in SOCIAL_LOCAL_NAMES
        # Its bridge reports sign-ins through OpenID Connect, but not those through OAuth alone.
        or (is_allauth_social(session) and not apps.is_installed(ALLAUTH_BRIDGE))
    )


def backend(session: SessionBase | Mapping[str, Any]) -> str:
    """Return the dotted path of the backend that signed a session in, or the empty string."""
    return str(session.get(auth.BACKEND_SESSION_KEY) or "")


def is_provider_backend(path: str) -> bool:
    """Return whether a backend is one of a library that signs in through a provider."""
    return is_kind(path, PROVIDER_BACKENDS) and not is_kind(path, LOCAL_BACKENDS)


def is_kind(path: str, bases: Collection[str]) -> bool:
    """Return whether a dotted path is one of `bases`, or names a subclass of one."""
    return not _ancestry(path).isdisjoint(bases)


@lru_cache(maxsize=64)
def _ancestry(path: str) -> frozenset[str]:
    """Return the dotted paths of a class and its bases; only its own if it cannot be loaded."""
    try:
        loaded = import_string(path)
    except Exception:  # noqa: BLE001  # a module of the site's may raise anything
        return frozenset({path})
    bases = getattr(loaded, "__mro__", ())
    return frozenset({path, *(f"{base.__module__}.{base.__qualname__}" for base in bases)})


def is_allauth_social(session: SessionBase | Mapping[str, Any]) -> bool:
    """Return whether django-allauth stored a social sign-in of the session's user."""
    methods, user = session.get(ALLAUTH_METHODS), session.get(auth.SESSION_KEY)
    if session.get(ALLAUTH_USER, user) != user or not isinstance(methods, list):
        return False
    return any(isinstance(m, dict) and m.get("method") == ALLAUTH_SOCIAL for m in methods)
