"""The example site with mozilla-django-oidc's own sign-out, for comparison."""

from example_project.settings import *  # noqa: F403

ROOT_URLCONF = "tests.urls_mozilla_demo"
LOGOUT_REDIRECT_URL = "/"  # mozilla's view fails without it
# That it is mozilla's view which signs out is the point.
SILENCED_SYSTEM_CHECKS = ["oidc_logout.E017"]
