"""A site that signs in through django-auth-adfs, as docs/how-to/adfs.md says."""

import os
from urllib.parse import urlsplit

from e2e.sites import written
from e2e.sites.base import *  # noqa: F403
from e2e.sites.written import OWN

globals().update(written.settings("docs/how-to/adfs.md", globals()))

ROOT_URLCONF = "e2e.bridges.adfs_urls"
OIDC_VERIFY_SSL = os.environ["CERTIFICATE"]
OIDC_LOGOUT_PROVIDERS["default"]["ISSUER"] = OWN["issuer"]  # noqa: F405
AUTH_ADFS |= {  # noqa: F405
    "CA_BUNDLE": os.environ["CERTIFICATE"],
    "SERVER": urlsplit(OWN["issuer"]).netloc,
}
del AUTH_ADFS["TENANT_ID"]  # that would be Microsoft's own server
if OWN["forgets"]:
    INSTALLED_APPS.remove("django_oidc_logout.contrib.adfs")  # noqa: F405
