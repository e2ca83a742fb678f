"""The site to which the documentation's fragments belong: a new one, with the README's lines."""

from __future__ import annotations

from typing import Any

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "mozilla_django_oidc",
    "django_oidc_logout",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_oidc_logout.middleware.OIDCSessionMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
CONTEXT_PROCESSORS = [
    "django.template.context_processors.request",
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
]
BASE = """<!doctype html>
<title>{% block title %}{% endblock %}</title>
{% block head %}{% endblock %}{% block extra_head %}{% endblock %}
{% block content %}{% endblock %}{% block main %}{% endblock %}
"""
# Named in the place of another app, of which there can be one only.
REPLACED = {"django_oidc_logout.sites.OIDCAdminConfig": "django.contrib.admin"}


def settings(**own_templates: str) -> dict[str, Any]:
    """Return the settings, with templates of the site's own."""
    loaders = [
        ("django.template.loaders.locmem.Loader", {"base.html": BASE, **own_templates}),
        "django.template.loaders.app_directories.Loader",
    ]
    return {
        "INSTALLED_APPS": INSTALLED_APPS,
        "MIDDLEWARE": MIDDLEWARE,
        "ROOT_URLCONF": "tests.docs.urls",
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {"context_processors": CONTEXT_PROCESSORS, "loaders": loaders},
            }
        ],
    }


def filled(value: Any, usual: list[Any]) -> Any:
    """Replace the `...` of a fragment by the site's existing values."""
    if not isinstance(value, list) or ... not in value:
        return value
    named = [entry for entry in value if entry is not ...]
    gone = {REPLACED.get(entry) for entry in named}
    others = [entry for entry in usual if entry not in named and entry not in gone]
    if value.count(...) == 1:
        at = value.index(...)
        return [*value[:at], *others, *value[at + 1 :]]
    # From the first to the last of them is what the fragment is about: it goes where it belongs.
    at = min((usual.index(entry) for entry in named if entry in usual), default=len(usual))
    before = [entry for entry in usual[:at] if entry in others]
    first = value.index(...)
    middle = [entry for entry in value[first + 1 :] if entry is not ...]
    return [*value[:first], *before, *middle, *(e for e in others if e not in before)]
