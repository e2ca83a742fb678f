"""The modules of the OpenID conformance suite's receiver plans, by their names.

`openid-ssf-receiver-test-plan` and `openid-ssf-receiver-caep-test-plan`, each by push and by poll.
"""

from __future__ import annotations

import time

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.management import CommandError

from django_oidc_logout.security_events import policy, receipts, state
from tests import events
from tests.events import CAEP, SESSION_REVOKED, SSF, assert_accepted, assert_rejected, claims_of
from tests.factories import is_signed_in
from tests.security_events.transmitter import SITE, signals

pytestmark = pytest.mark.django_db

PASSWORD = {"credential_type": "password", "change_type": "update"}
STREAM = {"format": "opaque", "id": "s-1"}


@pytest.fixture(params=["push", "poll"])
def stream(request, idp, transmitter):
    """Return a stream that our command has created."""
    signals("create", **(SITE if request.param == "push" else {"poll": True}))
    return Stream(idp, transmitter, request.param)


class Stream:
    """A stream, as the suite has it: it delivers events, and knows what became of each."""

    def __init__(self, idp, transmitter, method):
        self.idp, self.transmitter, self.method = idp, transmitter, method

    def event(self, name=SESSION_REVOKED, details=None, *, key=None, header=None, **claims):
        claims = {"aud": self.transmitter.stream["aud"]} | claims
        return events.encode(
            claims_of(self.idp.issuer, name, details, **claims), key=key, header=header
        )

    def verification(self, **details):
        return self.event(f"{SSF}verification", details, sub_id=STREAM)

    def requested(self):
        """Return the verification event that our command asks for."""
        signals("verify")
        _, _, asked = self.transmitter.calls[-1]
        return self.verification(state=asked["state"])

    def deliver(self, *tokens):
        """Deliver events in this order. Return what the site reports of each: None is fine."""
        if self.method == "push":
            return [self._push(token) for token in tokens]
        self.transmitter.sets = {str(number): token for number, token in enumerate(tokens)}
        self.transmitter.errors.clear()
        signals("poll")
        assert self.transmitter.sets == {}  # each is acknowledged or reported
        errors = [self.transmitter.errors.get(str(number)) for number in range(len(tokens))]
        return [error and error["err"] for error in errors]

    def _push(self, token):
        answer = events.post(token, headers={"authorization": "Bearer hush"})
        if answer.status_code == 202:
            return assert_accepted(answer)
        word = answer.json()["err"]
        assert_rejected(answer, word)
        return word


@pytest.mark.requirement("OpenID openid-ssf-receiver-*")
def test_openid_ssf_receiver_happypath(stream, sign_in, told):
    client = sign_in()
    assert stream.deliver(stream.requested(), stream.event()) == [None, None]
    assert receipts.verified_at("default")
    assert not is_signed_in(client)
    assert [each["event"] for each in told] == [f"{SSF}verification", SESSION_REVOKED]
    signals("delete")


def test_openid_ssf_receiver_stream_create_delete(stream):
    assert stream.transmitter.stream
    signals("delete")
    assert stream.transmitter.stream is None


def test_openid_ssf_receiver_stream_verification(stream):
    assert receipts.verified_at("default") is None
    assert stream.deliver(stream.requested()) == [None]
    assert receipts.verified_at("default")


def test_openid_ssf_receiver_unsolicited_stream_verification(stream):
    """A transmitter that verifies on its own does not send a state."""
    assert stream.deliver(stream.verification()) == [None]
    assert receipts.verified_at("default")


def test_openid_ssf_receiver_stream_status_update(stream, told):
    """The site only reads the status: it never pauses a stream."""
    assert "Status: enabled" in signals("status")
    update = stream.event(f"{SSF}stream-updated", {"status": "disabled"}, sub_id=STREAM)
    assert stream.deliver(update) == [None]
    assert told[0]["details"] == {"status": "disabled"}


def test_openid_ssf_receiver_transmitter_initiated_status_change(stream, sign_in):
    client = sign_in()
    paused, enabled = (
        stream.event(f"{SSF}stream-updated", {"status": status}, sub_id=STREAM)
        for status in ("paused", "enabled")
    )
    assert stream.deliver(paused) == [None]
    assert stream.deliver(enabled, stream.event()) == [None, None]
    assert not is_signed_in(client)


def test_openid_ssf_receiver_stream_supported_events(stream):
    names = [name for name in policy.DEFAULTS if name != f"{SSF}verification"]
    assert stream.deliver(*map(stream.event, names)) == [None] * len(names)


@pytest.mark.requirement("OpenID openid-ssf-receiver-*")
def test_openid_ssf_receiver_stream_caep_interop(stream, sign_in):
    """Each kind of subject, with the two events of the profile."""
    assert "Stream: s-1" in signals("status")
    assert stream.deliver(stream.requested()) == [None]
    by_email = {"format": "email", "email": "ada@example.com"}
    by_sub = {"format": "iss_sub", "iss": stream.idp.issuer, "sub": "ada"}
    for name, details in ((SESSION_REVOKED, {}), (f"{CAEP}credential-change", PASSWORD)):
        for subject in (by_email, by_sub, {"format": "complex", "user": by_sub}):
            known = {"email": "ada@example.com", "email_verified": True}
            client = sign_in(**known, auth_time=int(time.time()) + 5)
            assert stream.deliver(stream.event(name, details, sub_id=subject)) == [None]
            assert not is_signed_in(client)
    signals("delete")


def test_openid_ssf_receiver_invalid_set_rejection(stream, sign_in, told):
    client = sign_in()
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    head, payload, _ = stream.event().split(".")
    tampered = {
        f"{head}.{payload}.{'A' * 342}": "invalid_key",
        stream.event(iss="https://idp.example.com"): "invalid_issuer",
        stream.event(aud="https://another.example.com"): "invalid_audience",
        stream.event(key=key, header={"kid": "unknown"}): "invalid_key",
    }
    assert stream.deliver(*tampered) == [*tampered.values()]
    assert is_signed_in(client)
    assert not told


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "another",
        5,
        {},
        lambda: state.sign("other", "s-1"),
        lambda: state.sign("default", "s-1") + "x",
    ],
)
def test_openid_ssf_receiver_verification_wrong_state(stream, told, wrong):
    wrong = wrong() if callable(wrong) else wrong
    assert stream.deliver(stream.verification(state=wrong)) == ["invalid_state"]
    assert receipts.verified_at("default") is None
    assert not told
    assert stream.deliver(stream.requested()) == [None]


def test_openid_ssf_receiver_verification_wrong_subject(stream, told):
    signals("verify")
    _, _, asked = stream.transmitter.calls[-1]
    details = {"state": asked["state"]}
    for wrong in ({"id": "another"}, {"id": ["s-1"]}, {"id": None}):
        event = stream.event(f"{SSF}verification", details, sub_id=STREAM | wrong)
        assert stream.deliver(event) == ["invalid_state"]
    assert receipts.verified_at("default") is None
    assert not told
    assert stream.deliver(stream.requested()) == [None]


def test_state_suffices_if_the_verification_does_not_name_the_stream(stream):
    signals("verify")
    _, _, asked = stream.transmitter.calls[-1]
    event = stream.event(f"{SSF}verification", {"state": asked["state"]}, sub_id={"format": "x"})
    assert stream.deliver(event) == [None]


def test_openid_ssf_receiver_stream_issuer_mismatch(transmitter):
    """The stream is not used, and can be deleted."""
    transmitter.answer_iss = "https://idp.example.com"
    for action in ("create", "verify", "status", "poll"):
        with pytest.raises(CommandError, match="delete the stream"):
            signals(action, poll=action == "create")
    assert [path for _, path, _ in transmitter.calls] == ["/configuration"] * 4
    signals("delete")
    assert transmitter.stream is None


def test_openid_ssf_receiver_verification_behind_queued_events(stream, sign_in):
    client = sign_in()
    queued = [stream.event() for _ in range(3)]
    assert stream.deliver(*queued, stream.requested()) == [None] * 4
    assert receipts.verified_at("default")
    assert not is_signed_in(client)


def test_openid_ssf_receiver_redelivered_set(stream, sign_in, told):
    client, token = sign_in(), stream.event()
    assert [stream.deliver(token), stream.deliver(token)] == [[None], [None]]
    assert not is_signed_in(client)
    assert len(told) == 1


def test_openid_ssf_receiver_removed_subject_event(stream, sign_in):
    """An event about somebody whom the site does not know is accepted."""
    client = sign_in()
    nobody = {"format": "email", "email": "removed@example.com"}
    assert stream.deliver(stream.event(sub_id=nobody)) == [None]
    assert is_signed_in(client)


def test_openid_ssf_receiver_access_token_expiry(transmitter):
    """Each command asks for a token of its own."""
    signals("create", **SITE)
    asked = [path for _, path in transmitter.idp.asked].count("/token")
    signals("verify")
    assert [path for _, path in transmitter.idp.asked].count("/token") == asked + 1
