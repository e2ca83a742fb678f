"""The doctor counts the live sessions that began through a provider."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from django_oidc_logout.doctor import sign_ins
from django_oidc_logout.models import OIDCSession
from tests.factories import force_sign_in

pytestmark = pytest.mark.django_db


def found():
    return [(each.id, each.status, each.detail) for each in sign_ins.sign_ins(None)]


def test_without_sign_ins_there_is_nothing_to_say(client, django_user_model):
    client.force_login(
        django_user_model.objects.create_user("ada"), "django.contrib.auth.backends.ModelBackend"
    )
    assert found() == []


def test_recorded_sign_ins_are_counted(sign_in):
    sign_in()
    start = "Of the 1000 sessions that last longest, 1 began through a provider, and 1 of these"
    assert found() == [("sessions", "ok", f"{start} are recorded.")]


@pytest.mark.parametrize("is_live", [True, False])
def test_sign_ins_that_are_not_recorded_are_a_warning(sign_in, is_live):
    sign_in()
    force_sign_in(other := Client())
    if not is_live:
        session = other.session
        session.set_expiry(-1)
        session.save()
    ((_, status, detail),) = found()
    assert status == ("warning" if is_live else "ok")
    assert (
        "2 began through a provider, and 1 of these are recorded. 1 are not" in detail
    ) is is_live


@pytest.mark.parametrize("engine_name", ["cache", "file", "signed_cookies"])
def test_sessions_that_cannot_be_listed(sign_in, settings, tmp_path, engine_name):
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine_name}"
    settings.SESSION_FILE_PATH = str(tmp_path)
    assert found() == []
    sign_in()
    ((_, status, detail),) = found()
    assert status == "ok"
    assert detail.startswith(f"1 sign-ins are recorded. {engine_name} cannot list sessions")
    OIDCSession.objects.update(expires_at=timezone.now())
    assert found() == []
