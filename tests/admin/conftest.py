"""A site with the admin, and its staff."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client, override_settings
from django.utils import timezone

from django_oidc_logout.signals import session_ended
from tests.admin import settings
from tests.factories import ISSUER, PASSWORD_BACKEND, create_row

LIST = "/admin/django_oidc_logout/oidcsession/"
SECRET = "eyJ-a-token"
OWN = ("INSTALLED_APPS", "MIDDLEWARE", "TEMPLATES", "ROOT_URLCONF")


def installed():
    """Return a context in which the admin is installed."""
    if apps.is_installed("django.contrib.admin"):
        return nullcontext()
    return override_settings(**{name: getattr(settings, name) for name in OWN})


@pytest.fixture(autouse=True, scope="package")
def _installed():
    with installed():
        yield


@pytest.fixture(scope="session")
def _log(django_db_setup, django_db_blocker):
    """Create the table of the admin log, which the other tests' database lacks."""
    with installed(), django_db_blocker.unblock():
        log = apps.get_model("admin", "LogEntry")
        if log._meta.db_table not in connection.introspection.table_names():
            with connection.schema_editor() as editor:
                editor.create_model(log)


@pytest.fixture(autouse=True)
def _database(_log, db):
    pass


def permitted(user, *codenames):
    """Make a user staff, with permissions of any app."""
    user.is_staff = True
    user.save()
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    return user


def user(name, **fields):
    email = f"{name}@example.com"
    return get_user_model().objects.get_or_create(username=name, email=email, **fields)[0]


def session(who, key="key", *, provider="default", issuer=ISSUER, hours=8, **fields):
    return create_row(
        user=who,
        session_key=f"secret-{key}",
        provider=provider,
        issuer=issuer,
        expires_at=timezone.now() + timedelta(hours=hours),
        id_token=SECRET,
        refresh_token=SECRET,
        **{"sub": f"sub-{key}", "sid": f"sid-{key}", **fields},
    )


def pages(row):
    one = f"{LIST}{row.pk}/"
    return {
        "list": LIST,
        "session": f"{one}change/",
        "history": f"{one}history/",
        "found": f"{LIST}?q=sid-key",
    }


@pytest.fixture
def grace():
    """Return a member of staff who may see and end sessions, and see users."""
    user = get_user_model().objects.create(username="grace")
    return permitted(user, "view_oidcsession", "delete_oidcsession", "view_user")


@pytest.fixture
def desk(grace):
    """Return a client in which Grace is signed in with her password."""
    client = Client()
    client.force_login(grace, PASSWORD_BACKEND)
    return client


@pytest.fixture
def sessions_ended():
    """Return the sessions whose end was announced."""
    ended = []

    def note(session, **_):
        ended.append(session)

    session_ended.connect(note)
    yield ended
    session_ended.disconnect(note)
