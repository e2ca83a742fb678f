"""django-allauth's settings for its own tests, with this app installed as its README says."""

from tests.projects.regular.settings import *  # noqa: F403
from tests.projects.regular.settings import AUTHENTICATION_BACKENDS, INSTALLED_APPS, MIDDLEWARE

AUTHENTICATED = MIDDLEWARE.index("django.contrib.auth.middleware.AuthenticationMiddleware") + 1

INSTALLED_APPS = (*INSTALLED_APPS, "mozilla_django_oidc", "django_oidc_logout")
MIDDLEWARE = (
    *MIDDLEWARE[:AUTHENTICATED],
    "django_oidc_logout.middleware.OIDCSessionMiddleware",
    *MIDDLEWARE[AUTHENTICATED:],
)
AUTHENTICATION_BACKENDS = (
    *AUTHENTICATION_BACKENDS,
    "django_oidc_logout.backends.OIDCLogoutBackend",
)
ROOT_URLCONF = "tests.urls_with_logout"

OIDC_LOGOUT_PROVIDERS = {"default": {"ISSUER": "https://server.example.com"}}
OIDC_OP_AUTHORIZATION_ENDPOINT = "https://server.example.com/authorize"
OIDC_OP_TOKEN_ENDPOINT = "https://server.example.com/token"
OIDC_OP_USER_ENDPOINT = "https://server.example.com/userinfo"
OIDC_RP_CLIENT_ID = "site"
OIDC_RP_CLIENT_SECRET = "for-the-tests-of-another-project"
