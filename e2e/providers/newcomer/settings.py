"""The site of mozilla-django-oidc, and what the scenarios want to know of its requests."""

from e2e.sites.mozilla.settings import *  # noqa: F403

MIDDLEWARE = ["e2e.providers.arrivals.note_arrivals", *MIDDLEWARE]  # noqa: F405
ROOT_URLCONF = "e2e.providers.newcomer.urls"
LOGIN_URL = "oidc_authentication_init"
