"""What `startproject` writes, what the README says, and what the identity provider demands."""

import json
import os
from itertools import takewhile

from e2e.providers.newcomer import readme

_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
_MIDDLEWARE = [
    "e2e.providers.arrivals.note_arrivals",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]


def _filled(said: list[object], wont: list[str]) -> list[object]:
    """Replace the README's dots by the existing value."""
    new = [each for each in said if each is not ...]
    before = [*takewhile(lambda each: each not in new, wont)]
    after = [each for each in wont if each not in before and each not in new]
    assert said == [..., *new, ...] or not after
    return [*before, *new, *after]


exec(readme.SETTINGS)
INSTALLED_APPS = _filled(INSTALLED_APPS, _APPS)  # noqa: F821
MIDDLEWARE = _filled(MIDDLEWARE, _MIDDLEWARE)  # noqa: F821
ROOT_URLCONF = "e2e.providers.newcomer.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
SECRET_KEY = "for-a-site-of-the-tests-and-for-nothing-else-in-the-world"
ALLOWED_HOSTS = ["localhost"]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]},
}
USE_TZ = True
STATIC_URL = "static/"
LOGIN_URL = "oidc_authentication_init"
LOGIN_REDIRECT_URL = "/"

# The site's own address, client and provider; two sites on one host need names for their cookies.
_OWN = json.loads(os.environ["SITE"])
OIDC_LOGOUT_PROVIDERS["default"] |= _OWN.pop("OIDC_LOGOUT_PROVIDER")  # noqa: F821
globals().update(_OWN)
