"""Watching open tabs: the view that the script calls, and the tag that adds the script."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import DatabaseError
from django.template import Context, Template
from django.test import Client
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from django_oidc_logout.api import end_sessions
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.sessions import sql
from tests.factories import is_signed_in

pytestmark = pytest.mark.django_db

STATUS = "/oidc/logout/status/"
OURS = "django_oidc_logout.middleware.OIDCSessionMiddleware"
MANIFEST_STORAGE = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"


@pytest.fixture(params=[True, False], ids=["with our middleware", "without"])
def middleware(request, settings):
    if not request.param:
        settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name != OURS]


def status(client):
    """Return the response, which must not set cookies and must not be cached."""
    answer = client.get(STATUS)
    assert answer.status_code == 200
    assert not answer.cookies
    assert "no-store" in answer["Cache-Control"]
    return answer.json()


@pytest.mark.parametrize("every_request", [True, False])
@pytest.mark.usefixtures("middleware")
def test_status(engine, settings, sign_in, every_request):
    client = sign_in()
    settings.SESSION_SAVE_EVERY_REQUEST = every_request
    assert status(client) == {"signed_in": True}
    assert end_sessions(issuer=OIDCSession.objects.get().issuer, sub="ada") == 1
    assert status(client) == {"signed_in": False}


def test_status_of_a_password_session(engine, client, admin_user):
    client.force_login(admin_user, "django.contrib.auth.backends.ModelBackend")
    assert status(client) == {"signed_in": True}
    kept = client.cookies["sessionid"].value
    client.post("/oidc/logout/")
    del client.cookies["sessionid"]
    assert status(client) == {"signed_in": False}
    if engine != "signed_cookies":  # there, the old cookie stays valid
        client.cookies["sessionid"] = kept
        assert status(client) == {"signed_in": False}


@pytest.mark.parametrize("cookie", [None, "", "x", "x" * 32, "a:b:c"])
@pytest.mark.parametrize("every_request", [True, False])
def test_status_of_nobody(engine, settings, client, cookie, every_request):
    settings.SESSION_SAVE_EVERY_REQUEST = every_request
    if cookie is not None:
        client.cookies["sessionid"] = cookie
    assert client.get(STATUS).json() == {"signed_in": False}
    assert not Session.objects.exists()


def expiry(engine):
    """Return when the session expires, according to its store and to the index."""
    rows = [*Session.objects.values_list(), *OIDCSession.objects.values_list("expires_at")]
    if engine == "cache":
        rows.append(dict(cache._expire_info))
    return rows


@pytest.mark.parametrize("engine", ["db", "cache", "cached_db", "signed_cookies"], indirect=True)
@pytest.mark.usefixtures("middleware")
def test_status_does_not_extend_the_session(engine, settings, sign_in):
    settings.SESSION_SAVE_EVERY_REQUEST = True
    client = sign_in()
    soon = timezone.now() + timedelta(minutes=1)
    OIDCSession.objects.update(expires_at=soon)
    before = expiry(engine)
    for _ in range(3):
        assert status(client) == {"signed_in": True}
    assert expiry(engine) == before
    assert client.get("/private/").cookies["sessionid"]["max-age"] > 0
    if engine != "signed_cookies":
        assert expiry(engine) != before


# For the session or, in a cookie, its row, and one for the user.
QUERIES = {"db": 2, "cache": 1, "cached_db": 1, "file": 1, "signed_cookies": 2}


@pytest.mark.usefixtures("middleware")
def test_status_costs_at_most_two_queries(engine, settings, sign_in, django_assert_num_queries):
    settings.SESSION_SAVE_EVERY_REQUEST = True
    client = sign_in()
    with django_assert_num_queries(QUERIES[engine]) as queries:
        status(client)
    assert all('"session_key" ' in query["sql"].partition("WHERE")[2] for query in queries[:-1])
    assert '"auth_user"' in queries[-1]["sql"]


def test_status_works_where_every_view_requires_login(engine, settings, client):
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    assert status(client) == {"signed_in": False}


def test_status_rejects_post(client):
    assert client.post(STATUS).status_code == 405


@pytest.fixture
def passing(settings):
    """Return a function that returns a client with the same session and one more middleware."""
    everyday = settings.MIDDLEWARE

    def passing(client, middleware=None):
        name = f"{__name__}.{middleware.__name__}" if middleware else None
        settings.MIDDLEWARE = [*everyday, *filter(None, [name])]
        passer = Client()  # a client loads its middleware only once
        passer.cookies = client.cookies
        return passer

    return passing


def moves_the_session(get_response):
    def middleware(request):
        request.session.cycle_key()
        return get_response(request)

    return middleware


def ends_the_session(get_response):
    def middleware(request):
        request.session.flush()
        return get_response(request)

    return middleware


def test_new_session_key_is_not_lost(engine, passing, sign_in):
    """This happens if a middleware reads the user after SECRET_KEY has been replaced."""
    client = passing(sign_in(), moves_the_session)
    before = client.cookies["sessionid"].value
    assert client.get(STATUS).json() == {"signed_in": True}
    assert (client.cookies["sessionid"].value != before) is (engine != "signed_cookies")
    client = passing(client)
    assert is_signed_in(client)
    assert status(client) == {"signed_in": True}


def test_session_that_a_middleware_ended(engine, passing, sign_in):
    answer = passing(sign_in(), ends_the_session).get(STATUS)
    assert answer.json() == {"signed_in": False}
    assert answer.cookies["sessionid"]["max-age"] == 0


def notes_the_visit(get_response):
    def middleware(request):
        request.session["visits"] = request.session.get("visits", 0) + 1
        return get_response(request)

    return middleware


def test_status_is_not_a_visit(engine, passing, sign_in):
    """A middleware that measures idle time must not count these requests."""
    client = passing(sign_in(), notes_the_visit)
    client.get("/private/")
    assert status(client) == {"signed_in": True}
    assert client.session["visits"] == 1


def test_failing_store_is_not_a_sign_out(sign_in, monkeypatch):
    client = sign_in()
    client.raise_request_exception = False

    def fail(*args, **kwargs):
        raise DatabaseError("down")

    monkeypatch.setattr(sql, "select", fail)
    assert client.get(STATUS).status_code == 500


def watch(arguments="", **context):
    return Template(f"{{% load oidc_logout %}}{{% oidc_logout_watch {arguments} %}}").render(
        Context(context)
    )


def with_user(rf, user):
    request = rf.get("/")
    request.user = user
    return request


SCRIPT = (
    '<script src="/static/oidc_logout/watch.js" defer data-status-url="/oidc/logout/status/" '
    'data-logout-url="/oidc/logout/" data-interval="60"></script>'
)


def test_tag(rf):
    ada = SimpleLazyObject(lambda: User(username="ada"))
    assert watch(request=with_user(rf, ada)).strip() == SCRIPT
    assert watch(user=ada).strip() == SCRIPT
    assert watch(request=rf.get("/"), user=ada).strip() == SCRIPT


def test_tag_if_nobody_is_signed_in(rf):
    nobody = AnonymousUser()
    assert watch().strip() == ""
    assert watch(request=rf.get("/")).strip() == ""
    assert watch(user=nobody).strip() == ""
    assert watch(request=with_user(rf, nobody), user=User(username="shown")).strip() == ""


def test_tag_arguments(settings):
    settings.USE_THOUSAND_SEPARATOR = True
    nonce = SimpleLazyObject(lambda: "n&nce")
    arguments = {"interval": 3600, "leave_url": '/bye/?"', "nonce": nonce}
    named = " ".join(f"{name}={name}" for name in arguments)
    script = watch(named, user=User(username="ada"), **arguments)
    assert 'data-interval="3600"' in script
    assert 'data-leave-url="/bye/?&quot;"' in script
    assert 'nonce="n&amp;nce"' in script


@pytest.mark.parametrize("missing", ["from the manifest", "altogether"])
def test_tag_without_its_script_renders_nothing(settings, missing):
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "django.contrib.staticfiles"]
    if missing == "altogether":
        settings.STATIC_URL = None
    else:
        settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": MANIFEST_STORAGE}}
    assert watch(user=User(username="ada")).strip() == ""
