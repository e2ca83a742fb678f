"""What the README says, and what mozilla-django-oidc wants."""

from e2e.sites import written
from e2e.sites.base import *  # noqa: F403
from e2e.sites.written import OWN

globals().update(written.settings("README.md", globals()))

ROOT_URLCONF = "e2e.sites.mozilla.urls"
OIDC_RP_CLIENT_ID = OWN["client_id"]
OIDC_RP_CLIENT_SECRET = OWN["client_secret"]
OIDC_RP_SIGN_ALGO = "RS256"
OIDC_OP_AUTHORIZATION_ENDPOINT = OWN["metadata"]["authorization_endpoint"]
OIDC_OP_TOKEN_ENDPOINT = OWN["metadata"]["token_endpoint"]
OIDC_OP_USER_ENDPOINT = OWN["metadata"]["userinfo_endpoint"]
OIDC_OP_JWKS_ENDPOINT = OWN["metadata"]["jwks_uri"]
AUTHENTICATION_BACKENDS = [*AUTHENTICATION_BACKENDS, "django.contrib.auth.backends.ModelBackend"]  # noqa: F405
if OWN["forgets"]:
    AUTHENTICATION_BACKENDS[0] = "mozilla_django_oidc.auth.OIDCAuthenticationBackend"
