"""The providers that a site configures, and their options. `conf` reads them from the settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from math import inf
from typing import Any

from django.utils.functional import Promise

PLACEHOLDER = "{tenantid}"
ALL_TENANTS = "*"
NAME = "NAME"
TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")  # it becomes a part of URLs
TEMPLATE = re.compile(r"https?://[^/?#{}]+/[^?#{}]*\{tenantid\}[^?#{}]*")  # never in the host


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
            issuer=str(given.get("ISSUER", "")),
            audience=tuple(each for each in audiences if isinstance(each, str) and each),
            authorization=str(given.get("AUTHORIZATION", "")),
            jwks_uri=str(given.get("JWKS_URI", "")),
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
    tenants: tuple[str, ...] | str = ()
    discovery_url: str = ""
    name: str = ""
    backend: str = "django_oidc_logout.providers.OIDCProvider"
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    algorithms: tuple[str, ...] = ()
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
    # The setting's issuer, with its placeholder, if `issuer` is that of one tenant.
    template: str = ""

    def of_issuer(self, issuer: object) -> ProviderOptions | None:
        """Return the options for tokens of an issuer, or None if it is not this provider's.

        If the setting's issuer has a placeholder, the returned options have the tenant's issuer.
        """
        if not self.is_template:
            return self if self.issuer == issuer else None
        before, _, after = self.issuer.partition(PLACEHOLDER)
        tenant = str(issuer).removeprefix(before).removesuffix(after)
        return self.of_tenant(tenant) if f"{before}{tenant}{after}" == issuer else None

    def of_tenant(self, tenant: object) -> ProviderOptions | None:
        """Return the options for tokens of a tenant, or None if it is not one of the provider's."""
        if not isinstance(tenant, str) or not TENANT.fullmatch(tenant):
            return None
        if self.tenants != ALL_TENANTS and tenant not in self.listed_tenants:
            return None
        issuer = self.issuer.replace(PLACEHOLDER, tenant)
        return replace(self, issuer=issuer, template=self.issuer)

    @property
    def tenant(self) -> str:
        """The tenant that these options are for; empty unless `template` is set."""
        before, _, after = self.template.partition(PLACEHOLDER)
        return self.issuer.removeprefix(before).removesuffix(after) if self.template else ""

    @property
    def is_template(self) -> bool:
        """Whether the issuer has a placeholder for a tenant."""
        return bool(TEMPLATE.fullmatch(self.issuer))

    @property
    def listed_tenants(self) -> list[str]:
        """The tenants in the settings; empty if all are allowed."""
        return [] if self.tenants == ALL_TENANTS else list(self.tenants)

    @property
    def issuers(self) -> set[str]:
        """The issuers whose tokens are accepted; empty if all tenants are allowed."""
        if not self.is_template:
            return {self.issuer}
        found = map(self.of_tenant, self.listed_tenants)
        return {options.issuer for options in found if options}


INHERITED = {"alias", "verify_ssl", "proxies", "basic_auth", "template"}
PROVIDER_KEYS = tuple(f.name.upper() for f in fields(ProviderOptions) if f.name not in INHERITED)
DEFAULTS = ProviderOptions(alias="")


class Providers(dict[str, ProviderOptions]):
    """The configured providers by alias."""

    def __init__(self, *args: Any, written: Mapping[str, Any] | None = None) -> None:
        super().__init__(*args)
        self.written = written or {}
        """The options of each provider, as the site wrote them, with lazy strings evaluated."""
        self.failure = ""
        """Why the site's callable failed; empty if it did not."""
        self.is_complete = True
        """False if a callable returned the providers: it may return others for another request."""

    @classmethod
    def read(cls, written: Any, defaults: Mapping[str, Mapping[str, Any]]) -> Providers:
        """Return the providers in a setting. The system checks report malformed entries.

        Args:
            written: the setting, of any type.
            defaults: options by alias.
        """
        entries = written.items() if isinstance(written, Mapping) else ()
        found = {alias: _evaluate(entry) for alias, entry in entries if isinstance(entry, Mapping)}
        options = {
            alias: _options(alias, entry, _evaluate(defaults.get(alias, {})))
            for alias, entry in found.items()
        }
        return cls(options, written=found)


def _evaluate(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return options without lazy strings, except a name, which depends on the language."""
    return {key: value if key == NAME else _evaluated(value) for key, value in entry.items()}


def _evaluated(value: Any) -> Any:
    """Return an option's value without lazy strings, which do not work wherever strings do.

    If it cannot be evaluated, return None, so that the default counts.
    """
    try:
        if isinstance(value, str | Promise):
            return str(value)
        if isinstance(value, Mapping):
            return {key: _evaluated(each) for key, each in value.items()}
        kind = next((kind for kind in (list, tuple, set) if isinstance(value, kind)), None)
        return kind(map(_evaluated, value)) if kind else value
    except Exception:  # noqa: BLE001  # a lazy value may come from a file or a database
        return None


def _options(alias: str, entry: Mapping[str, Any], defaults: Mapping[str, Any]) -> ProviderOptions:
    signals = SharedSignals.read(entry.get("SHARED_SIGNALS"))
    values = {
        key.lower(): value
        for key, value in entry.items()
        if key in PROVIDER_KEYS and _is_usable(key.lower(), value)
    }
    return ProviderOptions(alias=alias, **{**defaults, **values, "shared_signals": signals})


def _is_usable(name: str, value: Any) -> bool:
    """Return whether an option's value has the type that its users expect.

    If not, the default counts. The system checks report it; some servers start without them.
    """
    match getattr(DEFAULTS, name):
        case bool():
            return value is not None
        case str():
            return isinstance(value, str | Promise if name.upper() == NAME else str)
        case tuple():
            is_list = isinstance(value, list | tuple | set)
            is_all = name == "tenants" and value == ALL_TENANTS
            return is_all or (is_list and all(isinstance(each, str) for each in value))
        case Mapping():
            return isinstance(value, Mapping)
        case _:
            return is_number(value)


def is_number(value: Any) -> bool:
    """Return whether a value is a finite number greater than zero."""
    return isinstance(value, int | float) and value is not True and 0 < value < inf
