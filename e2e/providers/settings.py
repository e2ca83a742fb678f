"""The example sites, with npm's oidc-provider as their identity provider."""

from django_oidc_logout.demo.agreed import PROVIDER
from example_project import settings
from example_project.settings import *  # noqa: F403

OIDC_LOGOUT_PROVIDERS = {
    "default": settings.OIDC_LOGOUT_PROVIDERS["default"]
    | {"REAUTHENTICATE_WITH": {"max_age": "0"}}  # the default
}
MIDDLEWARE = ["e2e.providers.arrivals.note_arrivals", *settings.MIDDLEWARE]
OIDC_OP_AUTHORIZATION_ENDPOINT = f"{PROVIDER.url}/auth"
OIDC_OP_TOKEN_ENDPOINT = f"{PROVIDER.url}/token"
OIDC_OP_USER_ENDPOINT = f"{PROVIDER.url}/me"
OIDC_OP_JWKS_ENDPOINT = f"{PROVIDER.url}/jwks"
