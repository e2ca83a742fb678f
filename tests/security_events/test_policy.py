"""What each security event does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from django_oidc_logout.models import OIDCSession
from django_oidc_logout.providers.dialects import Dialect
from django_oidc_logout.providers.transmitter import configured_transmitters
from django_oidc_logout.security_events import policy
from tests import events
from tests.events import (
    CAEP,
    RISC,
    SESSION_REVOKED,
    SSF,
    assert_accepted,
)

pytestmark = pytest.mark.django_db

OWN = "https://example.com/event-type/opted-out"
ENDING = [
    (SESSION_REVOKED, {}),
    (f"{CAEP}credential-change", {"credential_type": "password", "change_type": "update"}),
    (f"{CAEP}credential-change", {"credential_type": "fido2-roaming", "change_type": "revoke"}),
    (f"{CAEP}credential-change", {"credential_type": "app", "change_type": "delete"}),
    (f"{CAEP}risk-level-change", {"current_level": "HIGH", "previous_level": "LOW"}),
    (f"{RISC}account-disabled", {"reason": "hijacking"}),
    (f"{RISC}account-purged", {}),
    (f"{RISC}account-credential-change-required", {}),
    (f"{RISC}credential-compromise", {"credential_type": "password"}),
    (f"{RISC}sessions-revoked", {}),
]
TELLING = [
    (f"{CAEP}credential-change", {"credential_type": "password", "change_type": "create"}),
    (f"{CAEP}credential-change", {"credential_type": "pin", "change_type": "update"}),
    (f"{CAEP}credential-change", {}),
    (f"{CAEP}risk-level-change", {"current_level": "LOW", "previous_level": "HIGH"}),
    (f"{CAEP}token-claims-change", {"claims": {"role": "ro"}}),
    (f"{CAEP}assurance-level-change", {"change_direction": "decrease"}),
    (f"{CAEP}device-compliance-change", {"current_status": "not-compliant"}),
    (f"{RISC}account-enabled", {}),
    (f"{RISC}identifier-changed", {"new-value": "x"}),
    (f"{RISC}identifier-recycled", {}),
    (f"{RISC}opt-in", {}),
    (f"{RISC}opt-out-initiated", {}),
    (f"{RISC}opt-out-cancelled", {}),
    (f"{RISC}opt-out-effective", {}),
    (f"{RISC}recovery-activated", {}),
    (f"{RISC}recovery-information-changed", {}),
    (f"{SSF}stream-updated", {"status": "paused"}),
    (f"{SSF}verification", {}),
    (OWN, {}),
]
IGNORED = [(f"{CAEP}session-established", {}), (f"{CAEP}session-presented", {})]
ACTIONS = (
    [(*each, "end") for each in ENDING]
    + [(*each, "tell") for each in TELLING]
    + [(*each, "ignore") for each in IGNORED]
)


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(("event", "details", "action"), ACTIONS)
def test_default_policy(make, told, event, details, action):
    assert_accepted(events.post(make(event, details)))
    assert OIDCSession.objects.count() == (2 if action == "end" else 4)
    assert [each["event"] for each in told] == [event]


def test_each_event_has_a_case():
    assert set(policy.DEFAULTS) <= {event for event, _, _ in ACTIONS}


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("is_short", [True, False])
@pytest.mark.parametrize("action", policy.ACTIONS)
def test_policy_of_the_site(make, told, signals_of, action, is_short):
    for event, details, _ in (*ACTIONS[:3], *ACTIONS[-3:]):
        name = policy.short_name(event) if is_short else event
        signals_of(POLICY={name: action})
        before, told[:] = OIDCSession.objects.count(), []
        assert_accepted(events.post(make(event, details)))
        is_ended = OIDCSession.objects.count() < before
        assert is_ended is (action == "end" and before == 4)
        assert told


@pytest.mark.parametrize(
    ("written", "change"),
    [
        ({}, set()),
        ({"session-presented": "tell"}, {f"{CAEP}session-presented"}),
        ({f"{CAEP}session-established": "end"}, {f"{CAEP}session-established"}),
        ({"session-revoked": "ignore", "opt-in": "end"}, {SESSION_REVOKED}),
        ({OWN: "end", SESSION_REVOKED: "end"}, {OWN}),
        ({OWN: "tell"}, {OWN}),
        ({OWN: "ignore"}, set()),
        ({OWN: "forget"}, {OWN}),
        ({"of-its-own": "end", 5: "end"}, set()),
    ],
)
def test_ignored_events_are_not_requested(signals_of, written, change):
    signals_of(POLICY=written)
    (transmitter,) = configured_transmitters()
    requested = set(policy.requested(transmitter))
    assert requested ^ ({*policy.DEFAULTS} - {event for event, _ in IGNORED}) == change


@pytest.mark.parametrize(("written", "ignored"), [({}, set()), ({"opted-out": "ignore"}, {OWN})])
def test_events_of_the_provider_are_requested(signals_of, written, ignored):
    signals_of(POLICY=written)
    (transmitter,) = configured_transmitters()
    dialect = Dialect(policy={OWN: "end", f"{CAEP}session-presented": "tell", "of-its-own": "end"})
    requested = policy.requested(replace(transmitter, dialect=dialect))
    expected = {*policy.DEFAULTS, OWN} - {f"{CAEP}session-established"} - ignored
    assert sorted(requested) == sorted(expected)


@pytest.mark.parametrize("written", [{"session-revoked": "forget"}, "end", {5: 5}])
def test_policy_that_is_wrong_is_left_out(make, people, signals_of, written):
    signals_of(POLICY=written)
    assert_accepted(events.post(make()))
    assert OIDCSession.objects.count() == 2


@pytest.mark.parametrize(("event", "details"), ENDING + TELLING)
def test_openid_ssf_receiver_supported_events(make, event, details):
    assert_accepted(events.post(make(event, details)))
