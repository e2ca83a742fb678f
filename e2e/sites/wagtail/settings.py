"""The site of mozilla-django-oidc, and what Wagtail's own guide says to add to a site."""

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
]
MIGRATION_MODULES = dict.fromkeys(  # there are hundreds, and the scenario needs only tables
    [
        "taggit",
        "wagtailadmin",
        "wagtailcore",
        "wagtaildocs",
        "wagtailimages",
        "wagtailsearch",
        "wagtailsnippets",
        "wagtailusers",
    ]
)
ROOT_URLCONF = "e2e.sites.wagtail.urls"
WAGTAIL_SITE_NAME = "A site of the tests"
WAGTAILADMIN_BASE_URL = "http://localhost"
