"""The example sites, with npm's oidc-provider as their identity provider."""

from example_project import settings
from example_project.settings import *  # noqa: F403

OIDC_LOGOUT_PROVIDERS = {
    "default": settings.OIDC_LOGOUT_PROVIDERS["default"]
    | {"REAUTHENTICATE_WITH": {"max_age": "0"}, "SHARED_SIGNALS": None}  # the defaults
}
MIDDLEWARE = ["e2e.providers.arrivals.note_arrivals", *settings.MIDDLEWARE]
