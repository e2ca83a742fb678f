"""What docs/how-to/social-auth.md says, with the pipeline of docs/how-to/leavers.md."""

from e2e.sites import written
from e2e.sites.base import *  # noqa: F403
from e2e.sites.written import OWN

LEAVERS = "docs/how-to/leavers.md"

globals().update(written.settings("docs/how-to/social-auth.md", globals()))

ROOT_URLCONF = "e2e.sites.social.urls"
if OWN["forgets"]:
    INSTALLED_APPS.remove("django_oidc_logout.contrib.social")  # noqa: F405
else:
    written.package("pipeline", written.fragments(LEAVERS)["# mysite/pipeline.py"])
    exec(written.fragments(LEAVERS)["# settings.py, with social-auth-app-django"])
