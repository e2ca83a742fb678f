"""What the guide's site needs besides the guide's lines: settings, and views to sign in and out."""

from __future__ import annotations

SETTINGS = """
import os

from tests.settings import *

FOLDER = os.path.dirname(os.path.abspath(__file__))
INSTALLED_APPS = [*INSTALLED_APPS, "channels", "django_oidc_logout.contrib.channels"]
ROOT_URLCONF = "mysite.urls"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.path.join(FOLDER, "db.sqlite3"),
        "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
    }
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": os.path.join(FOLDER, "cache"),
    }
}
OIDC_LOGOUT_PROVIDERS = {
    "default": {
        "ISSUER": "https://idp.example.com",
        "ALGORITHMS": ["HS256"],
        "END_SESSION_ENDPOINT": "https://idp.example.com/end",
    }
}
OIDC_RP_CLIENT_SECRET = "the secret of the site, which is long enough"
SESSION_ENGINE = os.environ["SITE_ENGINE"]
CHANNEL_LAYERS = {"default": {"BACKEND": os.environ["SITE_LAYER"]}}
if not os.environ["SITE_LAYER"].endswith("InMemoryChannelLayer"):
    CHANNEL_LAYERS["default"]["CONFIG"] = {"hosts": [os.environ["REDIS_URL"]]}
"""

VIEWS = """
import asyncio

from django.contrib.auth import get_user_model, login
from django.http import HttpResponse

from django_oidc_logout.api import remember_login
from django_oidc_logout.models import OIDCSession


async def notes_of(user):
    yield f"data: {user}\\n\\n"
    await asyncio.Event().wait()


def sign_in(request, name):
    user, _ = get_user_model().objects.get_or_create(username=name)
    login(request, user, "django.contrib.auth.backends.ModelBackend")
    claims = {"iss": "https://idp.example.com", "sub": name, "aud": "site", "sid": f"sid of {name}"}
    assert remember_login(request, claims=claims)
    return HttpResponse(user.username)


"""

URLS = """
from django.urls import include, path

from mysite import views

urlpatterns = [
    path("sign-in/<name>/", views.sign_in),
    path("stream/", views.stream),
    path("oidc/", include("django_oidc_logout.urls")),
]
"""
