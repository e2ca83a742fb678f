"""The options of a provider. `conf` reads them from the settings."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


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
    require_exp: bool = False
    require_typ: bool = False
    timeout: float = 3
    # From mozilla-django-oidc's settings only.
    verify_ssl: bool | str = True
    proxies: Mapping[str, str] | None = field(default=None, repr=False)
    basic_auth: bool | None = None


INHERITED = {"alias", "verify_ssl", "proxies", "basic_auth"}
PROVIDER_KEYS = tuple(f.name.upper() for f in fields(ProviderOptions) if f.name not in INHERITED)
