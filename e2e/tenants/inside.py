"""Tests inside a site with tenants; `test_tenants` runs them.

Both tenants trust the same provider, at which Ada has an account that she uses at both.
"""

from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client
from django_tenants.utils import schema_context

from django_oidc_logout.api import end_sessions
from django_oidc_logout.models import OIDCSession
from e2e.tenants.models import Domain, Tenant
from tests.factories import assert_refused, is_signed_in, post_logout_token, query_of

pytestmark = pytest.mark.django_db

LIST = "/admin/django_oidc_logout/oidcsession/"
ONE, TWO = "one", "two"
HOSTS = {ONE: "one.example.com", TWO: "two.example.com"}


@pytest.fixture(scope="session", autouse=True)
def _tenants(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        for name, host in HOSTS.items():
            tenant = Tenant.objects.create(schema_name=name)
            Domain.objects.create(tenant=tenant, domain=host)


@pytest.fixture
def people(sign_in):
    """Return Ada's browser at each tenant."""
    return {name: sign_in(Client(SERVER_NAME=host), sid="desk") for name, host in HOSTS.items()}


def still_in(people):
    """Return at which tenants Ada is signed in, which their databases must confirm."""
    found = {name for name, client in people.items() if is_signed_in(client)}
    for name in HOSTS:
        with schema_context(name):
            sessions = [row for row in Session.objects.all() if "_oidc_logout" in row.get_decoded()]
            assert len(sessions) == OIDCSession.objects.count() == (name in found)
    return found


def test_person_signs_out(people):
    assert still_in(people) == {ONE, TWO}
    assert query_of(people[ONE].post("/oidc/logout/"))["id_token_hint"]
    assert still_in(people) == {TWO}


def test_provider_signs_out(people, logout_token):
    token = logout_token(sid="desk", sub="ada")
    assert post_logout_token(token, SERVER_NAME=HOSTS[ONE]).status_code == 200
    assert still_in(people) == {TWO}
    assert_refused(post_logout_token(token, SERVER_NAME=HOSTS[ONE]))
    assert post_logout_token(token, SERVER_NAME=HOSTS[TWO]).status_code == 200
    assert still_in(people) == set()


def test_logout_token_before_the_row(sign_in, logout_token):
    """The tombstone that a logout token leaves is that of its tenant."""
    assert post_logout_token(logout_token(sid="desk"), SERVER_NAME=HOSTS[ONE]).status_code == 200
    people = {name: sign_in(Client(SERVER_NAME=host), sid="desk") for name, host in HOSTS.items()}
    assert still_in(people) == {TWO}


def test_site_signs_out(people):
    with schema_context(ONE):
        assert end_sessions(sub="ada") == 1
    assert still_in(people) == {TWO}


def test_staff_sign_everybody_out(people):
    with schema_context(ONE):
        grace = get_user_model().objects.create(username="grace", is_staff=True, is_superuser=True)
    staff = Client(SERVER_NAME=HOSTS[ONE])
    with schema_context(ONE):
        staff.force_login(grace, "django.contrib.auth.backends.ModelBackend")
        rows = [row.pk for row in OIDCSession.objects.all()]
    chosen = {"action": "sign_out_selected", "_selected_action": rows, "select_across": "1"}
    staff.post(LIST, {**chosen, "index": "0", "confirmed": "1"})
    assert still_in(people) == {TWO}


def test_deactivated_user(people, django_capture_on_commit_callbacks):
    with schema_context(ONE), django_capture_on_commit_callbacks(execute=True):
        user = get_user_model().objects.get()
        user.is_active = False
        user.save()
    assert still_in(people) == {TWO}


def test_end_command(people):
    call_command(
        "tenant_command", "oidc_logout_end_sessions", "--all", "--no-input", schema_name=ONE
    )
    assert still_in(people) == {TWO}


def test_clear_command(people, signals):
    with schema_context(ONE):
        Session.objects.all().delete()
    call_command("all_tenants_command", "oidc_logout_clear_sessions", stdout=StringIO())
    assert still_in(people) == {TWO}
    assert signals["ended"] == [("desk", "The session no longer existed.")]
