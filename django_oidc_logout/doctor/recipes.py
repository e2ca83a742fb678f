"""Shell commands that register a site at its provider, as the vendors document them.

Besides `providers`, only this module knows vendors' names. A recipe does not contain a secret: it
reads one from a shell variable, hides it from `ps`, and does not print responses that contain the
client secret. Values from the settings are quoted for the shell.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from shlex import quote
from typing import TYPE_CHECKING
from urllib.parse import quote as encode
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..conf import ProviderOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A site's absolute URLs that its provider must know."""

    post_logout_redirect_uri: str
    """The URL to which people return after sign-out (RP-Initiated Logout 1.0, section 3)."""
    backchannel_logout_uri: str
    """The URL to which logout tokens are posted (Back-Channel Logout 1.0, section 2.2)."""
    frontchannel_logout_uri: str
    """The URL that the provider loads in a frame (Front-Channel Logout 1.0, section 2)."""


def vendor_of(issuer: str) -> str:
    """Return the vendor in `VENDORS` that an issuer belongs to, or an empty string."""
    known = (name for name, regex in ISSUERS.items() if re.fullmatch(regex, issuer, re.IGNORECASE))
    return next(known, "")


def recipe(vendor: str, registration: Registration, options: ProviderOptions) -> str:
    """Return commented shell commands that register a site at its provider.

    They follow the vendor's documentation. If the vendor allows several values, they keep those
    that are registered. A backslash at the end of a line continues the command.

    Args:
        vendor: one of `VENDORS`.
        registration: the site's URLs.
        options: the provider's options; the recipe uses issuer and client id.

    Raises:
        ValueError: the vendor is unknown.
    """
    if vendor not in RECIPES:
        raise ValueError(f"{vendor!r} is not one of {', '.join(VENDORS)}.")
    return RECIPES[vendor](registration, options)


def _client_id(options: ProviderOptions) -> str:
    return options.client_id or "your-client-id"


def _curl(authorization: str, *, reads: bool) -> str:
    """Return a curl command that keeps its Authorization header out of the list of processes.

    Args:
        authorization: the header's value, with the token as a shell variable.
        reads: whether the recipe uses the response. If not, it is discarded, as it may contain the
            client secret.
    """
    output = "" if reads else "-o /dev/null "
    # printf is built into the shell, so the token is not an argument of any process.
    return f'curl -sSf {output}-H @<(printf %s "Authorization: {authorization}")'


def _keycloak(registration: Registration, options: ProviderOptions) -> str:
    server, _, realm = options.issuer.rstrip("/").partition("/realms/")
    realm = quote(unquote(realm))
    attributes = {
        "post.logout.redirect.uris": registration.post_logout_redirect_uri,
        "backchannel.logout.url": registration.backchannel_logout_uri,
        "backchannel.logout.session.required": "true",
        "frontchannel.logout.url": registration.frontchannel_logout_uri,
    }
    settings = [f'attributes."{name}"={value}' for name, value in attributes.items()]
    return _lines(
        "# Keycloak. Join several post-logout redirect URIs with ##. If Keycloak cannot reach the",
        "# site, set frontchannelLogout=true: the browser then notifies the site.",
        f'kcadm.sh config credentials --server {quote(server)} --realm master --user "$ADMIN"',
        f"CLIENT=$(kcadm.sh get clients -r {realm} -q {quote(f'clientId={_client_id(options)}')}"
        " --fields id --format csv --noquotes)",
        f'kcadm.sh update "clients/$CLIENT" -r {realm} \\',
        *(f"  -s {quote(setting)} \\" for setting in settings),
        "  -s frontchannelLogout=false",
    )


def _entra(registration: Registration, options: ProviderOptions) -> str:
    client_id = quote(_client_id(options))
    # Entra ID sends `sid` without `iss`, but keeps the URL's query (Front-Channel Logout 1.0,
    # section 2). A `sid` counts only with its issuer, so the URL contains it.
    separator = "&" if urlsplit(registration.frontchannel_logout_uri).query else "?"
    issuer = urlencode({"iss": options.issuer})
    logout_url = f"{registration.frontchannel_logout_uri}{separator}{issuer}"
    application = f"applications(appId=%27{encode(_client_id(options), safe='')}%27)"
    return _lines(
        "# Microsoft Entra ID, in bash. This adds a redirect URI and keeps the existing ones.",
        f"az ad app update --id {client_id} --web-redirect-uris $( ( \\",
        f"  az ad app show --id {client_id} --query web.redirectUris -o tsv; \\",
        f"  echo {quote(registration.post_logout_redirect_uri)} ) | sort -u)",
        "# Entra ID supports only front-channel logout. Also add the optional claims sid,",
        "# login_hint and auth_time to the ID token (App registrations, Token configuration).",
        "az rest --method PATCH --headers Content-Type=application/json \\",
        f"  --uri {quote(f'https://graph.microsoft.com/v1.0/{application}')} \\",
        f"  --body {quote(json.dumps({'web': {'logoutUrl': logout_url}}))}",
    )


OKTA_CHANGE = (
    "del(.client_id_issued_at, .client_secret_expires_at, ._links)"
    " | .post_logout_redirect_uris |= (. // [] | . + [$back] | unique)"
    " | .frontchannel_logout_uri = $frame | .frontchannel_logout_session_required = true"
)


def _okta(registration: Registration, options: ProviderOptions) -> str:
    client = quote(_origin(options) + f"/oauth2/v1/clients/{encode(_client_id(options), safe='')}")
    authorization = "SSWS $OKTA_API_TOKEN"
    return _lines(
        "# Okta, in bash with jq. Okta supports only front-channel logout. First read an API token",
        "# of an administrator without showing it: read -rs OKTA_API_TOKEN",
        f"{_curl(authorization, reads=True)} {client} | \\",
        f"  jq --arg back {quote(registration.post_logout_redirect_uri)} \\",
        f"  --arg frame {quote(registration.frontchannel_logout_uri)} \\",
        f"  {quote(OKTA_CHANGE)} | \\",
        f"  {_curl(authorization, reads=False)} \\",
        f'  -X PUT -H "Content-Type: application/json" -d @- {client}',
    )


AUTH0_CHANGE = (
    "{allowed_logout_urls: (.allowed_logout_urls // [] | . + [$back] | unique),"
    " oidc_logout: (.oidc_logout // {} | . + {backchannel_logout_urls: [$channel]})}"
)


AUTH0_RESPONSE = "if .client_id then {allowed_logout_urls, oidc_logout} else error(.message) end"


def _auth0(registration: Registration, options: ProviderOptions) -> str:
    client = quote(f"clients/{encode(_client_id(options), safe='')}")
    return _lines(
        "# Auth0, with jq. Auth0 supports only back-channel logout.",
        "auth0 login",
        f'auth0 api patch {client} --data "$(auth0 api get {client} | \\',
        f"  jq --arg back {quote(registration.post_logout_redirect_uri)} \\",
        f"  --arg channel {quote(registration.backchannel_logout_uri)} \\",
        f'  {quote(AUTH0_CHANGE)})" | \\',
        f"  jq {quote(AUTH0_RESPONSE)}",
    )


AUTHENTIK_CHANGE = (
    '{redirect_uris: (.redirect_uris + [{matching_mode: "strict", url: $back,'
    ' redirect_uri_type: "logout"}] | unique), logout_uri: $channel, logout_method: "backchannel"}'
)


def _authentik(registration: Registration, options: ProviderOptions) -> str:
    server = options.issuer.partition("/application/o/")[0]
    providers = f"{server}/api/v3/providers/oauth2/"
    query = urlencode({"client_id": _client_id(options)})
    authorization = "Bearer $AUTHENTIK_TOKEN"
    return _lines(
        "# authentik, in bash with jq. It takes one logout URI, for the back-channel. First read",
        "# an API token without showing it: read -rs AUTHENTIK_TOKEN",
        f"PROVIDER=$({_curl(authorization, reads=True)} \\",
        f"  {quote(f'{providers}?{query}')} | jq '.results[0] | {{pk, redirect_uris}}')",
        f"jq --arg back {quote(registration.post_logout_redirect_uri)} \\",
        f"  --arg channel {quote(registration.backchannel_logout_uri)} \\",
        f"  {quote(AUTHENTIK_CHANGE)} \\",
        f'  <<<"$PROVIDER" | {_curl(authorization, reads=False)} \\',
        '  -X PATCH -H "Content-Type: application/json" -d @- \\',
        f'  {quote(providers)}"$(jq .pk <<<"$PROVIDER")/"',
    )


HYDRA_CHANGE = (
    "del(.created_at, .updated_at)"
    " | .post_logout_redirect_uris |= (. // [] | . + [$back] | unique)"
    " | .backchannel_logout_uri = $channel | .backchannel_logout_session_required = true"
)


def _hydra(registration: Registration, options: ProviderOptions) -> str:
    client = quote(f"/admin/clients/{encode(_client_id(options), safe='')}")
    return _lines(
        "# Ory Hydra, with jq. HYDRA_ADMIN is the URL of its administrative API, which has no",
        "# authentication of its own: HYDRA_ADMIN=http://127.0.0.1:4445",
        f'curl -sSf "$HYDRA_ADMIN"{client} | \\',
        f"  jq --arg back {quote(registration.post_logout_redirect_uri)} \\",
        f"  --arg channel {quote(registration.backchannel_logout_uri)} \\",
        f"  {quote(HYDRA_CHANGE)} | \\",
        '  curl -sSf -o /dev/null -X PUT -H "Content-Type: application/json" -d @- \\',
        f'  "$HYDRA_ADMIN"{client}',
    )


def _origin(options: ProviderOptions) -> str:
    return urlunsplit(urlsplit(options.issuer)._replace(path="", query="", fragment=""))


def _lines(*lines: str) -> str:
    return "\n".join(lines) + "\n"


RECIPES: dict[str, Callable[[Registration, ProviderOptions], str]] = {
    "keycloak": _keycloak,
    "entra": _entra,
    "okta": _okta,
    "auth0": _auth0,
    "authentik": _authentik,
    "hydra": _hydra,
}
VENDORS = tuple(RECIPES)
# Vendors whose 400 to a request without a hint means that the client or the URI is not registered.
# Other vendors' 400 may mean that the hint is missing.
REFUSES_THE_UNREGISTERED = {"keycloak"}

# Self-hosted products are recognized by their path, hosted ones by their domain.
ISSUERS = {
    "keycloak": r"https?://[^?#]+/realms/[^/?#]+/?",
    "entra": r"https://(login(\.partner)?\.microsoftonline\.(com|us|cn)|sts\.windows\.net"
    r"|[^/?#]+\.ciamlogin\.com)/.*",
    "okta": r"https://[^/?#]+\.okta(preview|-emea|-gov)?\.com(/.*)?",
    "auth0": r"https://[^/?#]+\.auth0\.com/?",
    "authentik": r"https?://[^?#]+/application/o/[^/?#]+/?",
    "hydra": r"https?://hydra\.[^/?#]+/?",
}
