"""What docs/how-to/allauth.md says."""

from e2e.sites import written
from e2e.sites.base import *  # noqa: F403
from e2e.sites.written import OWN

globals().update(written.settings("docs/how-to/allauth.md", globals()))

ROOT_URLCONF = "e2e.sites.allauth.urls"
ACCOUNT_EMAIL_VERIFICATION = "none"
INSTALLED_APPS.append("allauth.headless")  # noqa: F405
if OWN["forgets"]:
    INSTALLED_APPS.remove("django_oidc_logout.contrib.allauth")  # noqa: F405
