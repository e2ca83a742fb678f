"""The site of the run: the tests' settings, on the servers that the environment names.

The time-outs are what any site should have. `.ci/servers` lets PostgreSQL acknowledge a commit that
it has not written yet; here it crashes, so it must not.
"""

import os

from tests.settings_servers import *  # noqa: F403
from tests.settings_servers import CACHES, DATABASES, INSTALLED_APPS, MIDDLEWARE

ISSUER = os.environ["ISSUER"]
SESSION_ENGINE = f"django.contrib.sessions.backends.{os.environ['ENGINE']}"
ALLOWED_HOSTS = ["site.example.com"]
ROOT_URLCONF = "tools.faults.site"
INSTALLED_APPS = [*INSTALLED_APPS, "tools.faults.apps.Faults"]
MIDDLEWARE = ["tools.faults.fault_points.FaultPoints", *MIDDLEWARE]
LOGIN_REDIRECT_URL = "/private/"
LOGIN_REDIRECT_URL_FAILURE = "/"

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {"timeout": 1}
else:
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 2,
        "options": "-c synchronous_commit=on",
    }
CACHES["default"]["OPTIONS"] = {"socket_timeout": 2, "socket_connect_timeout": 2}

OIDC_TIMEOUT = 2
OIDC_OP_AUTHORIZATION_ENDPOINT = f"{ISSUER}/authorize"
OIDC_OP_TOKEN_ENDPOINT = f"{ISSUER}/token"
OIDC_OP_USER_ENDPOINT = f"{ISSUER}/userinfo"
OIDC_OP_JWKS_ENDPOINT = f"{ISSUER}/jwks"
OIDC_LOGOUT_PROVIDERS = {"default": {"ISSUER": ISSUER, "TIMEOUT": 1}}
OIDC_LOGOUT_REVOKE_TOKENS = True  # so that a sign-out has something to wait for at the provider
