"""Helpers that test modules share, other than fixtures."""

from __future__ import annotations

import itertools
import json
from importlib import import_module
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from asgiref.sync import async_to_sync
from django.apps import apps
from django.contrib.auth import get_user_model
from django.test import AsyncClient, Client
from django.utils import timezone

from django_oidc_logout.codes import RejectedCode
from django_oidc_logout.sessions import sql
from tests.absence import need_package

ISSUER = "https://idp.example.com"
ENGINES = ["db", "cache", "cached_db", "file", "signed_cookies"]
PASSWORD_BACKEND = "django.contrib.auth.backends.ModelBackend"
BACKCHANNEL = "/oidc/logout/backchannel/"
# Values of `next` that are on other hosts or are not URLs.
HOSTILE = json.loads((Path(__file__).parent / "hostile_next.json").read_text("ascii"))
NUMBERS = itertools.count()
# What `check --deploy` asks about the README's installation: limit, history, type of tokens.
UNDECIDED = {"oidc_logout.W051", "oidc_logout.W052", "oidc_logout.W055"}


# Sessions and their rows


def api_request(request):
    """Return a request as a view of Django REST framework gets it."""
    need_package("rest_framework", "djangorestframework")
    return import_module("rest_framework.request").Request(request)


def force_sign_in(client=None, user=None):
    """Sign a client in as mozilla-django-oidc does when it keeps no ID Token; return the client.

    No provider is needed. The fixture `sign_in` goes through one.
    """
    client = client or Client()
    user = user or get_user_model().objects.get_or_create(username="ada")[0]
    client.force_login(user, PASSWORD_BACKEND)
    session = client.session
    session["oidc_id_token_expiration"] = 0
    session.save()
    return client


def renew(client, id_token):
    """Bring a session a new ID Token, as mozilla-django-oidc's `SessionRefresh` does."""
    session = client.session
    session["oidc_id_token"] = id_token
    session.save()
    client.get("/put-aside/")


def copy_of(client):
    """Return another client with the same cookies, as a thief would have."""
    copy = Client()
    copy.cookies.load({name: morsel.value for name, morsel in client.cookies.items()})
    return copy


def create_row(**fields):
    """Return a new row of the index, without its session."""
    standard = {
        "issuer": ISSUER,
        "sub": "ada",
        "session_key": f"key-{next(NUMBERS)}",
        "expires_at": timezone.now(),
    }
    return apps.get_model("django_oidc_logout", "OIDCSession").objects.create(**(standard | fields))


def break_index(patch, name, fail):
    """Let a function of `sessions/sql` fail for the index, and work for Django's sessions."""
    works = getattr(sql, name)

    def either(model, **values):
        is_index = model is apps.get_model("django_oidc_logout", "OIDCSession")
        return (fail if is_index else works)(model, **values)

    patch.setattr(sql, name, either)


def is_signed_in(client):
    """Return whether the site still treats a client as signed in."""
    return b"AnonymousUser" not in client.get("/private/").content


def query_of(response):
    """Return the query of the URL that a response redirects to."""
    return {k: v[0] for k, v in parse_qs(urlsplit(response["Location"]).query).items()}


def get_async(client, url, **options):
    asynchronous = AsyncClient()
    asynchronous.cookies = client.cookies
    return async_to_sync(asynchronous.get)(url, **options)


# Providers


def other_provider(configure, idp, **options):
    configure(
        "other",
        ISSUER="https://other.example.com",
        CLIENT_ID="site",
        JWKS_URI=f"{idp.issuer}/jwks",
        END_SESSION_ENDPOINT="https://other.example.com/end",
        **options,
    )


def post_logout_token(token, **extra):
    """Post a logout token, as a provider does: no cookie, no CSRF token."""
    return Client(enforce_csrf_checks=True).post(
        BACKCHANNEL, f"logout_token={token}", "application/x-www-form-urlencoded", **extra
    )


def assert_refused(answer):
    """Assert that a logout token was rejected as the specification requires."""
    assert answer.status_code == 400
    assert "no-store" in answer["Cache-Control"]
    assert answer.json()["error"] == "invalid_request"
    assert answer.json()["error_description"]
    assert answer.json()["code"] in {*RejectedCode}
