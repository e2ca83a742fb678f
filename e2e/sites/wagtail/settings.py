"""The site of mozilla-django-oidc with Wagtail, as its own guide says, and with a browsable API."""

from e2e.sites.mozilla.settings import *  # noqa: F403

INSTALLED_APPS += [  # noqa: F405
    "wagtail.users",
    "wagtail.images",
    "wagtail.documents",
    "wagtail.snippets",
    "wagtail.search",
    "wagtail.admin",
    "wagtail",
    "modelcluster",
    "taggit",
    "rest_framework",
]
ROOT_URLCONF = "e2e.sites.wagtail.urls"
WAGTAIL_SITE_NAME = "A site of the tests"
WAGTAILADMIN_BASE_URL = "http://localhost"
