"""Settings. Only this module reads `django.conf.settings`, and it does so on every access."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings

from . import from_callable
from .options import (
    Providers,
)

DEFAULT_ALIAS = "default"
DIRECTIVES = (
    "cache",
    "clientHints",
    "cookies",
    "executionContexts",
    "prefetchCache",
    "prerenderCache",
    "storage",
)
GET_POLICIES = ("confirm", "allow", "refuse")
ADDRESSES = ("none", "truncated", "full")
RESPONSES = ("redirect", "refresh")
MAX_HISTORY_DAYS = 36_500  # a hundred years; Python has no date for a day long before

# mozilla-django-oidc's settings that are defaults for the alias "default" only.
MOZILLA_DEFAULTS = {
    "client_id": "OIDC_RP_CLIENT_ID",
    "client_secret": "OIDC_RP_CLIENT_SECRET",
    "jwks_uri": "OIDC_OP_JWKS_ENDPOINT",
    "verify_ssl": "OIDC_VERIFY_SSL",
    "proxies": "OIDC_PROXY",
    "basic_auth": "OIDC_TOKEN_USE_BASIC_AUTH",
}


class Settings:
    """The package's settings, each under its full name."""

    def raw(self, name: str, default: Any = None) -> Any:
        """Return a setting as the site wrote it, or `default` if it is missing or None."""
        value = getattr(settings, name, None)
        return default if value is None else value

    def _strings(self, name: str, default: list[str]) -> list[str]:
        """Return the strings in a list setting, or `default` if the setting is not a list."""
        value = self.raw(name)
        if not isinstance(value, list | tuple | set | frozenset):
            return default
        return [item for item in value if isinstance(item, str)]

    def written(self, prefix: str) -> list[str]:
        """Return the names of all settings that begin with `prefix`."""
        return sorted(name for name in dir(settings) if name.startswith(prefix))

    def is_overridden(self, name: str) -> bool:
        """Return whether the site sets a setting that has a default in Django."""
        return bool(settings.is_overridden(name))  # type: ignore[misc]  # the stubs lack it

    @property
    def own_names(self) -> list[str]:
        """The names of the package's own settings."""
        return [name for name in vars(Settings) if name.startswith("OIDC_LOGOUT_")]

    @property
    def OIDC_LOGOUT_PROVIDERS(self) -> Providers:
        """The configured providers by alias. A callable is called at most once per request."""
        written = self.raw("OIDC_LOGOUT_PROVIDERS")
        if from_callable.is_path(written):
            return from_callable.ask(written, self.provider_defaults)
        return Providers.read(written, self.provider_defaults)

    @property
    def known_providers(self) -> Providers:
        """The providers that are known without a new call of the site's callable."""
        written = self.raw("OIDC_LOGOUT_PROVIDERS")
        if from_callable.is_path(written):
            return from_callable.asked(written) or Providers()
        return Providers.read(written, self.provider_defaults)

    @property
    def provider_defaults(self) -> dict[str, dict[str, Any]]:
        """The options of each alias that come from other settings."""
        defaults = {
            name: getattr(settings, setting)
            for name, setting in MOZILLA_DEFAULTS.items()
            if getattr(settings, setting, None) is not None
        }
        if algorithm := self.raw("OIDC_RP_SIGN_ALGO"):
            defaults["algorithms"] = (algorithm,)
        return {DEFAULT_ALIAS: defaults}

    @property
    def OIDC_LOGOUT_BACKENDS(self) -> list[str] | None:
        """The backends whose sign-ins go through a provider. None: inferred from the session."""
        value = self.raw("OIDC_LOGOUT_BACKENDS")
        is_list = isinstance(value, list | tuple | set | frozenset)
        return self._strings("OIDC_LOGOUT_BACKENDS", []) if is_list else None

    @property
    def OIDC_LOGOUT_REDIRECT_URL(self) -> str | None:
        """The target after sign-out: a view name, path or URL. None: the built-in page."""
        own: str | None = self.raw("OIDC_LOGOUT_REDIRECT_URL")
        return own or cast("str | None", settings.LOGOUT_REDIRECT_URL)

    @property
    def OIDC_LOGOUT_ALLOWED_HOSTS(self) -> list[str]:
        """Other hosts that `next` or `return_to` may name."""
        return self._strings("OIDC_LOGOUT_ALLOWED_HOSTS", [])

    @property
    def OIDC_LOGOUT_GET(self) -> str:
        """What a GET request to the logout view does: one of `GET_POLICIES`."""
        policy: str = self.raw("OIDC_LOGOUT_GET", "confirm")
        return policy

    @property
    def OIDC_LOGOUT_CLEAR_SITE_DATA(self) -> list[str]:
        """The known directives for the Clear-Site-Data header; `*` means all of them."""
        configured = self._strings("OIDC_LOGOUT_CLEAR_SITE_DATA", ["storage"])
        if "*" in configured:
            return list(DIRECTIVES)
        return [name for name in dict.fromkeys(configured) if name in DIRECTIVES]

    @property
    def OIDC_LOGOUT_RESPONSE(self) -> str:
        """How the browser is redirected: one of `RESPONSES`."""
        response: str = self.raw("OIDC_LOGOUT_RESPONSE", "redirect")
        return response

    @property
    def OIDC_LOGOUT_REVOKE_TOKENS(self) -> bool:
        """Whether to keep the refresh token and revoke it at sign-out."""
        return bool(self.raw("OIDC_LOGOUT_REVOKE_TOKENS"))

    @property
    def OIDC_LOGOUT_NO_STORE(self) -> bool:
        """Whether the middleware marks signed-in pages `Cache-Control: no-store`."""
        return bool(self.raw("OIDC_LOGOUT_NO_STORE", default=True))

    @property
    def OIDC_LOGOUT_FOLLOW_USER(self) -> bool:
        """Whether sessions end when their user is deactivated, deleted, or has a new password."""
        return bool(self.raw("OIDC_LOGOUT_FOLLOW_USER", default=True))

    @property
    def OIDC_LOGOUT_REAUTHENTICATE_AFTER_LOCAL(self) -> bool:
        """Whether people must authenticate again after a sign-out that missed the provider."""
        return bool(self.raw("OIDC_LOGOUT_REAUTHENTICATE_AFTER_LOCAL"))

    @property
    def OIDC_LOGOUT_HISTORY_DAYS(self) -> int:
        """How many days to keep the history of sign-ins and sign-outs; 0: do not write it."""
        days: int = self.raw("OIDC_LOGOUT_HISTORY_DAYS", default=0)
        return days if self.has_valid_history_days else 0

    @property
    def has_valid_history_days(self) -> bool:
        """Whether `OIDC_LOGOUT_HISTORY_DAYS` is a number of days that lead to a date."""
        days = self.raw("OIDC_LOGOUT_HISTORY_DAYS", default=0)
        return type(days) is int and 0 <= days <= MAX_HISTORY_DAYS

    @property
    def OIDC_LOGOUT_KEEP_DEVICE(self) -> Any:
        """Whether to keep people's devices and addresses: a flag, or a dict with `address`."""
        return self.raw("OIDC_LOGOUT_KEEP_DEVICE", default=False)

    @property
    def kept_address(self) -> str:
        """How much of an address to keep: one of `ADDRESSES`."""
        kept = self.OIDC_LOGOUT_KEEP_DEVICE
        if not isinstance(kept, dict):
            return "truncated" if kept else "none"
        address = kept.get("address", "truncated")
        return address if address in ADDRESSES else "none"

    @property
    def AUTH_USER_MODEL(self) -> str:
        """Django's setting."""
        return settings.AUTH_USER_MODEL

    @property
    def SESSION_ENGINE(self) -> str:
        """Django's setting."""
        return settings.SESSION_ENGINE

    @property
    def SESSION_CACHE_ALIAS(self) -> str:
        """Django's setting."""
        return settings.SESSION_CACHE_ALIAS

    @property
    def SESSION_COOKIE_NAME(self) -> str:
        """Django's setting."""
        return settings.SESSION_COOKIE_NAME

    @property
    def SESSION_COOKIE_AGE(self) -> int:
        """Django's setting, in seconds."""
        return settings.SESSION_COOKIE_AGE

    @property
    def SESSION_COOKIE_SECURE(self) -> bool:
        """Django's setting."""
        return settings.SESSION_COOKIE_SECURE

    @property
    def LOGIN_URL(self) -> str:
        """Django's setting."""
        return str(settings.LOGIN_URL)

    @property
    def SESSION_SAVE_EVERY_REQUEST(self) -> bool:
        """Django's setting."""
        return settings.SESSION_SAVE_EVERY_REQUEST

    @property
    def session_cookie(self) -> dict[str, Any]:
        """The attributes that a browser needs to delete the session cookie."""
        return {
            "key": settings.SESSION_COOKIE_NAME,
            "path": settings.SESSION_COOKIE_PATH,
            "domain": settings.SESSION_COOKIE_DOMAIN,
            "samesite": settings.SESSION_COOKIE_SAMESITE,
        }

    @property
    def secret_keys(self) -> tuple[str | bytes, ...]:
        """The secret key and its fallbacks, newest first."""
        return (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


conf = Settings()
