"""The other tests' settings plus the admin, plain or in the theme named by ADMIN_THEME.

ADMIN_THEME=unfold pytest --ds=tests.admin.settings tests/admin
"""

import os

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, MIDDLEWARE, TEMPLATES

THEME = os.environ.get("ADMIN_THEME", "")

INSTALLED_APPS = [  # in the order of docs/how-to/other-logout-buttons.md
    *filter(None, [THEME]),
    "django_oidc_logout.sites.OIDCAdminConfig",
    *INSTALLED_APPS,
    "django.contrib.messages",
]
MIDDLEWARE = [*MIDDLEWARE, "django.contrib.messages.middleware.MessageMiddleware"]
TEMPLATES = [
    {
        **engine,
        "OPTIONS": {
            "context_processors": [
                *engine["OPTIONS"]["context_processors"],
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
    for engine in TEMPLATES
]
ROOT_URLCONF = "tests.admin.urls"
