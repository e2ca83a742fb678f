"""The instruments count what really happens, by code."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from django_oidc_logout import signals
from django_oidc_logout.api import end_sessions
from django_oidc_logout.codes import RefusedCode
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.sessions import entry
from tests.absence import need_package
from tests.factories import post_logout_token

pytestmark = pytest.mark.django_db

UID = "oidc_logout.django_oidc_logout"
SIGNALS = [
    signals.signed_in,
    signals.sign_in_refused,
    signals.signed_out,
    signals.session_ended,
    signals.logout_token_rejected,
    signals.security_event,
]


@pytest.fixture
def read(monkeypatch):
    """Connect the instruments; return a function that reads them."""
    need_package("opentelemetry.sdk", "opentelemetry-sdk")
    from django.apps import AppConfig  # noqa: PLC0415
    from opentelemetry import metrics  # noqa: PLC0415  # may be absent
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader  # noqa: PLC0415

    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    monkeypatch.setattr(metrics, "get_meter", provider.get_meter)
    AppConfig.create("django_oidc_logout.contrib.opentelemetry").ready()

    def metrics_read():
        data = reader.get_metrics_data()
        return [
            metric
            for resource in (data.resource_metrics if data else [])
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]

    def read():
        return {
            (metric.name, *point.attributes.values()): getattr(point, "value", None) or point.count
            for metric in metrics_read()
            for point in metric.data.data_points
        }

    def points(name):
        return [p for m in metrics_read() if m.name == name for p in m.data.data_points]

    read.points = points
    yield read
    for signal in SIGNALS:
        assert signal.disconnect(dispatch_uid=UID)
    provider.shutdown()


def test_sign_in_and_sign_out(read, sign_in, client):
    sign_in().post("/oidc/logout/", {"local": "1"})
    client.post("/oidc/logout/")  # nobody is signed in
    assert read() == {
        ("oidc.sign_ins", "recorded", "default"): 1,
        ("oidc.signed_out", "local_only", "default", "skipped"): 1,
        ("oidc.session_duration", "local_only", "default"): 1,
    }


@pytest.mark.parametrize(
    ("hours", "bucket"), [(0, (0, 60)), (3, (2 * 3600, 4 * 3600)), (24 * 13, (604_800, 1_209_600))]
)
def test_durations_that_sessions_have_are_told_apart(read, sign_in, hours, bucket):
    """The default session lasts two weeks."""
    sign_in()
    since = timezone.now() - timedelta(hours=hours)
    OIDCSession.objects.update(signed_in_at=since)
    end_sessions(user=OIDCSession.objects.get().user)
    (point,) = read.points("oidc.session_duration")
    (filled,) = (number for number, count in enumerate(point.bucket_counts) if count)
    bounds = [0, *point.explicit_bounds]
    assert (bounds[filled], bounds[filled + 1]) == bucket
    assert point.explicit_bounds[-1] > settings.SESSION_COOKIE_AGE


def test_password_sign_in_has_no_duration(read, client, admin_user):
    client.force_login(admin_user, backend="django.contrib.auth.backends.ModelBackend")
    client.post("/oidc/logout/")
    assert read() == {("oidc.signed_out", "not_through_provider", "", "skipped"): 1}


def test_sign_out_of_an_overdue_session_has_one_duration(read, sign_in):
    client = sign_in()
    session, past = client.session, timezone.now() - timedelta(minutes=1)
    entry.limit(session, past.timestamp())
    session.save()
    OIDCSession.objects.update(ends_at=past)
    client.post("/oidc/logout/")
    assert read() == {
        ("oidc.sign_ins", "recorded", "default"): 1,
        ("oidc.signed_out", "redirected", "default", "skipped"): 1,
        ("oidc.sessions_ended", "overdue", "default", "expired"): 1,
        ("oidc.session_duration", "overdue", "default"): 1,
    }


@pytest.mark.urls("tests.test_reauthentication")
def test_sign_out_by_a_view_of_django_rest_framework(read, sign_in):
    sign_in().post("/leave-by-api/")
    assert read() == {
        ("oidc.sign_ins", "recorded", "default"): 1,
        ("oidc.signed_out", "local_only", "default", "skipped"): 1,
        ("oidc.session_duration", "local_only", "default"): 1,
    }


def test_ends_and_rejections(read, sign_in, logout_token):
    sign_in()
    end_sessions(user=OIDCSession.objects.get().user)
    post_logout_token(logout_token(iat=5))
    post_logout_token("x")
    assert read() == {
        ("oidc.sign_ins", "recorded", "default"): 1,
        ("oidc.sessions_ended", "by_site", "default", "site"): 1,
        ("oidc.session_duration", "by_site", "default"): 1,
        ("oidc.logout_tokens_rejected", "too_old", "default"): 1,
        ("oidc.logout_tokens_rejected", "not_a_jwt", ""): 1,
    }


def test_refusals_and_security_events(read):
    signals.sign_in_refused.send(
        None, request=None, sub_digest="", code=RefusedCode.SESSION_OVER, provider="default"
    )
    signals.security_event.send(None, provider="default", event="e", subject={}, details={})
    assert read() == {
        ("oidc.sign_ins_refused", "session_over", "default"): 1,
        ("oidc.security_events", "default", "e"): 1,
    }
