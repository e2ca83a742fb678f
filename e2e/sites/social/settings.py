"""What docs/how-to/social-auth.md says."""

from e2e.sites import written
from e2e.sites.base import *  # noqa: F403
from e2e.sites.written import OWN

globals().update(written.settings("docs/how-to/social-auth.md", globals()))

ROOT_URLCONF = "e2e.sites.social.urls"
if OWN["forgets"]:
    INSTALLED_APPS.remove("django_oidc_logout.contrib.social")  # noqa: F405
