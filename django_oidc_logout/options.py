"""The providers that a site configures, and their options. `conf` reads them from the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedSignals:
    """The option `SHARED_SIGNALS` of a provider: where its security events come from.

    Each field is a key of the option in lower case.
    """

    issuer: str = ""
    audience: tuple[str, ...] = ()
    authorization: str = field(default="", repr=False)
    jwks_uri: str = ""
    policy: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, written: object) -> SharedSignals | None:
        """Return the option as the site wrote it, or None if it is not a dict."""
        if not isinstance(written, Mapping):
            return None
        given = {key: value for key, value in written.items() if value is not None}
        audience = given.get("AUDIENCE", ())
        audiences = audience if isinstance(audience, list | tuple | set) else [audience]
        policy = given.get("POLICY")
        return cls(
            issuer=given.get("ISSUER", ""),
            audience=tuple(each for each in audiences if isinstance(each, str)),
            authorization=given.get("AUTHORIZATION", ""),
            jwks_uri=given.get("JWKS_URI", ""),
            policy=policy if isinstance(policy, Mapping) else {},
        )


SIGNALS_KEYS = tuple(f.name.upper() for f in fields(SharedSignals))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderOptions:
    """The options of one provider: an entry of `OIDC_LOGOUT_PROVIDERS`, with its defaults.

    Each field is a key of the setting in lower case, except those in `INHERITED`.
    """

    alias: str
    issuer: str = ""
    name: str = ""
    backend: str = "django_oidc_logout.providers.OIDCProvider"
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    algorithms: tuple[str, ...] = ("RS256",)
    end_session_endpoint: str = ""
    jwks_uri: str = ""
    revocation_endpoint: str = ""
    post_logout_redirect_uri: str = ""
    send_id_token_hint: bool = True
    extra_params: Mapping[str, str] = field(default_factory=dict)
    max_url_length: int = 8000
    max_token_age: int = 300
    max_session_age: float | None = None
    reauthenticate_with: Mapping[str, str] = field(default_factory=lambda: {"max_age": "0"})
    recheck: bool = False
    require_exp: bool = False
    require_typ: bool = False
    timeout: float = 3
    shared_signals: SharedSignals | None = None
    # From mozilla-django-oidc's settings only.
    verify_ssl: bool | str = True
    proxies: Mapping[str, str] | None = field(default=None, repr=False)
    basic_auth: bool | None = None


INHERITED = {"alias", "verify_ssl", "proxies", "basic_auth"}
PROVIDER_KEYS = tuple(f.name.upper() for f in fields(ProviderOptions) if f.name not in INHERITED)


class Providers(dict[str, ProviderOptions]):
    """The configured providers by alias."""

    def __init__(self, *args: Any, written: Mapping[str, Any] | None = None) -> None:
        super().__init__(*args)
        self.written = written or {}
        """The options of each as the site wrote them."""
        self.failure = ""
        """Why the site's callable could not be asked."""

    @classmethod
    def read(cls, written: Any, defaults: Mapping[str, Mapping[str, Any]]) -> Providers:
        """Return the providers in a setting. The system checks report malformed entries.

        Args:
            written: the setting, of any type.
            defaults: options by alias.
        """
        entries = written.items() if isinstance(written, Mapping) else ()
        found = {alias: entry for alias, entry in entries if isinstance(entry, Mapping)}
        options = {
            alias: _options(alias, entry, defaults.get(alias, {})) for alias, entry in found.items()
        }
        return cls(options, written=found)


def _options(alias: str, entry: Mapping[str, Any], defaults: Mapping[str, Any]) -> ProviderOptions:
    values = {
        key.lower(): value
        for key, value in entry.items()
        if key in PROVIDER_KEYS and value is not None
    }
    values["shared_signals"] = SharedSignals.read(values.get("shared_signals"))
    return ProviderOptions(alias=alias, **{**defaults, **values})
