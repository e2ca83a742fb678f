"""The command that manages the stream at a transmitter, and polls it."""

from __future__ import annotations

import json
from unittest import mock

import pytest
from django.core.cache import cache
from django.core.management import CommandError

from django_oidc_logout.security_events import receipts, receiver, state, stream
from django_oidc_logout.sessions import engines
from django_oidc_logout.tokens import jws
from tests import events
from tests.events import CAEP, SSF, claims_of
from tests.factories import is_signed_in, other_provider
from tests.security_events.transmitter import POLL, PUSH, SITE, signals

pytestmark = pytest.mark.django_db

URL = "https://www.example.com/oidc/logout/events/"


def test_create(transmitter):
    assert "s-1" in signals("create", **SITE)
    delivery = transmitter.stream["delivery"]
    assert delivery == {
        "method": PUSH,
        "endpoint_url": URL,
        "authorization_header": "Bearer hush",
    }
    assert f"{SSF}verification" in transmitter.stream["events_requested"]
    assert f"{CAEP}session-presented" not in transmitter.stream["events_requested"]
    assert transmitter.token_form["scope"] == "ssf.manage ssf.read"


def test_create_without_a_header_on_the_registered_site(transmitter, configure):
    configure(
        SHARED_SIGNALS={"AUDIENCE": "another"},
        POST_LOGOUT_REDIRECT_URI="https://www.example.com/oidc/logout/callback/",
    )
    assert "Set SHARED_SIGNALS[\"AUDIENCE\"] to 'site/s-1'." in signals("create")
    assert transmitter.stream["delivery"] == {
        "method": PUSH,
        "endpoint_url": URL,
    }


def test_create_needs_the_site(transmitter):
    with pytest.raises(CommandError, match="--site"):
        signals("create")


def test_status(transmitter):
    signals("create", **SITE)
    assert "Last verified: never" in signals("status")
    receipts.note_verification("default")
    said = signals("status")
    assert "Status: enabled\nDelivery: urn:ietf:rfc:8935\n" in said
    assert f"Endpoint: {URL}\nAudience: site/s-1\nEvent: " in said
    assert "Last verified: 2" in said
    assert transmitter.calls[-1][:2] == ("GET", "/status?stream_id=s-1")


def test_status_of_an_odd_stream(transmitter):
    signals("create", **SITE)
    transmitter.stream |= {"delivery": None, "events_delivered": None}
    assert "Delivery: None" in signals("status")


def test_verify(transmitter, told):
    signals("create", **SITE)
    signals("verify")
    _, _, asked = transmitter.calls[-1]
    assert asked["stream_id"] == "s-1"
    assert state.is_valid(asked["state"], "default", {"format": "opaque", "id": "s-1"})


def test_delete(transmitter):
    signals("create", **SITE)
    signals("delete")
    assert transmitter.stream is None
    assert transmitter.calls[-1][:2] == ("DELETE", "/configuration?stream_id=s-1")


@pytest.fixture
def shared(transmitter, configure):
    """Return the streams of a client that two other sites use as well. One of them polls."""
    configure(POST_LOGOUT_REDIRECT_URI="https://www.example.com/oidc/logout/callback/")
    signals("create")
    pushed = {"method": PUSH, "endpoint_url": "https://other.example.com/oidc/logout/events/"}
    polled = {"method": POLL, "endpoint_url": f"{transmitter.idp.issuer}/poll"}
    others = {"s-0": pushed, "s-2": polled, "s-3": None}
    streams = [{"stream_id": id_, "delivery": delivery} for id_, delivery in others.items()]
    streams.insert(1, transmitter.stream)

    def configuration(handler):
        transmitter.answer(handler, streams if handler.command == "GET" else None)

    transmitter.idp.answers["/configuration"] = configuration
    return streams


@pytest.mark.parametrize(
    ("options", "chosen"), [({}, "s-1"), ({"site": "https://other.example.com"}, "s-0")]
)
@pytest.mark.usefixtures("shared")
def test_stream_that_pushes_to_the_site(transmitter, options, chosen):
    assert f"Stream: {chosen}\n" in signals("status", **options)
    signals("verify", **options)
    assert transmitter.calls[-1][2]["stream_id"] == chosen
    signals("delete", **options)
    assert transmitter.calls[-1][:2] == ("DELETE", f"/configuration?stream_id={chosen}")


@pytest.mark.usefixtures("shared")
def test_stream_that_is_named(transmitter):
    assert signals("poll", stream="s-2") == "Events received: 0, rejected: 0\n"
    signals("delete", stream="s-3")
    assert transmitter.calls[-1][:2] == ("DELETE", "/configuration?stream_id=s-3")


@pytest.mark.parametrize("action", ["status", "verify", "poll", "delete"])
@pytest.mark.parametrize("options", [{}, {"stream": "s-9"}])
def test_stream_that_is_not_known(transmitter, shared, action, options):
    """The client of the site has streams, but none of them pushes to it."""
    del shared[1]
    with pytest.raises(CommandError, match=r"these streams: s-0, s-2, s-3\. .* --stream"):
        signals(action, **options)
    assert {method for method, *_ in transmitter.calls[1:]} == {"GET"}


@pytest.mark.usefixtures("shared")
def test_stream_is_not_known_without_the_url_of_the_site(configure):
    configure(POST_LOGOUT_REDIRECT_URI="")
    with pytest.raises(CommandError, match="--stream"):
        signals("delete")


def test_poll(idp, sign_in, transmitter, told):
    client = sign_in()
    signals("create", poll=True)
    assert transmitter.stream["delivery"]["method"] == POLL
    good = events.encode(claims_of(idp.issuer, aud="site/s-1", jti="1"))
    verification = claims_of(idp.issuer, f"{SSF}verification", aud="site/s-1", jti="2")
    bad = claims_of(idp.issuer, aud="another", jti="3")
    transmitter.sets = {"1": good, "2": events.encode(verification), "3": events.encode(bad)}
    transmitter.sets["4"] = "nonsense"
    assert signals("poll") == "Events received: 2, rejected: 2\n"
    assert not is_signed_in(client)
    assert receipts.verified_at("default")
    assert transmitter.sets == {}
    assert {jti: each["err"] for jti, each in transmitter.errors.items()} == {
        "3": "invalid_audience",
        "4": "invalid_request",
    }
    assert len(told) == 2
    assert signals("poll") == "Events received: 0, rejected: 0\n"


def test_poll_leaves_what_fails(idp, sign_in, transmitter, monkeypatch):
    client = sign_in()
    signals("create", poll=True)
    transmitter.sets = {"1": events.encode(claims_of(idp.issuer, aud="site", jti="1"))}
    with monkeypatch.context() as patch:
        patch.setattr(engines, "delete", mock.Mock(side_effect=ConnectionError))
        with pytest.raises(CommandError, match="failed: 1"):
            signals("poll")
    assert "1" in transmitter.sets
    assert signals("poll") == "Events received: 1, rejected: 0\n"
    assert not is_signed_in(client)


@pytest.fixture
def poison(monkeypatch):
    """Let each event whose `jti` begins with "p" fail in a way that nobody foresaw."""
    receive = receiver.receive

    def receive_or_fail(encoded, **options):
        if jws.parse(encoded)[1]["jti"].startswith("p"):
            raise ZeroDivisionError
        return receive(encoded, **options)

    monkeypatch.setattr(receiver, "receive", receive_or_fail)


def revoked(idp, jti, sub):
    subject = {"format": "iss_sub", "iss": idp.issuer, "sub": sub}
    return events.encode(claims_of(idp.issuer, aud="site", jti=jti, sub_id=subject))


@pytest.mark.usefixtures("poison")
def test_poll_that_meets_a_poisonous_event(idp, sign_in, transmitter, caplog):
    """It is sent again, so that it can be processed once the site has been corrected."""
    ada, grace = sign_in(), sign_in(sub="grace")
    signals("create", poll=True)
    subs = {"1": "ada", "p\n2": "ada", "3": "grace"}
    transmitter.sets = {jti: revoked(idp, jti, sub) for jti, sub in subs.items()}
    with pytest.raises(CommandError, match="received: 2, rejected: 0, failed: 1;"):
        signals("poll")
    assert [is_signed_in(client) for client in (ada, grace)] == [False, False]
    assert [*transmitter.sets] == ["p\n2"]
    assert not transmitter.errors
    (logged,) = [each for each in caplog.records if each.levelname == "ERROR"]
    assert (logged.code, logged.provider) == ("event_not_processed", "default")
    assert logged.getMessage().endswith(f"issuer={idp.issuer} jti=(not shown)")


@pytest.mark.usefixtures("poison")
def test_poll_reaches_the_events_behind_poisonous_ones(idp, sign_in, transmitter, monkeypatch):
    """The transmitter sends only as many as the site asks for, the oldest first."""
    client = sign_in()
    monkeypatch.setattr(stream, "MAX_EVENTS", 2)
    signals("create", poll=True)
    names = ("p1", "p2", "p3", "4")
    transmitter.sets = {jti: revoked(idp, jti, "ada") for jti in names}
    for _ in range(2):
        with pytest.raises(CommandError, match="failed: 3;"):
            signals("poll")
    assert not is_signed_in(client)
    assert [*transmitter.sets] == ["p1", "p2", "p3"]


def test_poll_rejects_a_state_that_cannot_be_encoded(idp, sign_in, transmitter):
    client = sign_in()
    signals("create", poll=True)
    state = {"state": "a:b:\ud800"}
    bad = events.encode(claims_of(idp.issuer, f"{SSF}verification", state, aud="site", jti="1"))
    transmitter.sets = {"1": bad, "2": revoked(idp, "2", "ada")}
    assert signals("poll") == "Events received: 1, rejected: 1\n"
    assert transmitter.errors["1"]["err"] == "invalid_state"
    assert not is_signed_in(client)


def test_poll_leaves_what_it_cannot_verify(idp, sign_in, transmitter, told):
    """Once, although the transmitter sends it again in the same poll."""
    client = sign_in()
    signals("create", poll=True)
    bad = events.encode(claims_of(idp.issuer, aud="another", jti="2"))
    transmitter.sets = {"1": events.encode(claims_of(idp.issuer, aud="site", jti="1")), "2": bad}
    keys = idp.answers.pop("/jwks")
    cache.clear()
    with pytest.raises(CommandError, match="received: 0, rejected: 1, failed: 1;"):
        signals("poll")
    assert [*transmitter.sets] == ["1"]
    assert is_signed_in(client)
    assert not told
    idp.answers["/jwks"] = keys
    cache.clear()  # as half a minute does
    assert signals("poll") == "Events received: 1, rejected: 0\n"
    assert not is_signed_in(client)
    assert len(told) == 1


def test_poll_whose_acknowledgement_is_lost(idp, sign_in, transmitter, told):
    client = sign_in()
    signals("create", poll=True)
    token = events.encode(claims_of(idp.issuer, aud="site", jti="1"))
    transmitter.sets = {"1": token}

    def lose(handler):
        if json.loads(idp.body)["ack"]:
            handler.send_error(502)
        else:
            transmitter.poll(handler)

    idp.answers["/poll"] = lose
    with pytest.raises(CommandError, match="502"):
        signals("poll")
    assert not is_signed_in(client)
    idp.answers["/poll"] = transmitter.poll
    assert signals("poll") == "Events received: 1, rejected: 0\n"
    assert transmitter.sets == {}
    assert len(told) == 1


def test_poll_ends_although_the_transmitter_ignores_acknowledgements(idp, transmitter, told):
    signals("create", poll=True)
    sets = {"1": events.encode(claims_of(idp.issuer, aud="site", jti="1"))}
    idp.answers["/poll"] = lambda handler: transmitter.answer(handler, {"sets": sets})
    assert signals("poll") == "Events received: 1, rejected: 0\n"
    assert len(told) == 1


@pytest.mark.parametrize("action", ["status", "verify", "poll", "delete"])
def test_no_stream(transmitter, action):
    with pytest.raises(CommandError, match="create one"):
        signals(action)


@pytest.mark.parametrize(
    ("answer", "message"),
    [({"error": "conflict"}, "status 409: conflict"), ([], "status 409"), (None, "status 409")],
)
def test_transmitter_that_refuses(transmitter, answer, message):
    transmitter.configuration = lambda handler: transmitter.answer(handler, answer, 409)
    transmitter.idp.answers["/configuration"] = transmitter.configuration
    with pytest.raises(CommandError, match=message):
        signals("create", **SITE)


@pytest.mark.parametrize("answer", [{"err": "exists"}, None])
def test_stream_that_exists_already(transmitter, answer):
    transmitter.idp.answers["/configuration"] = lambda each: transmitter.answer(each, answer, 409)
    with pytest.raises(CommandError, match=r"status 409.*exists already, run status .* delete"):
        signals("create", **SITE)


def test_text_that_cannot_be_printed(transmitter):
    signals("create", **SITE)
    transmitter.stream["aud"] = "site/\ud800"
    assert "Audience: site/\\ud800\n" in signals("status")


@pytest.mark.parametrize("content", [b"[1]", b"<html>", b""])
def test_transmitter_that_answers_nonsense(transmitter, content):
    transmitter.idp.answers["/configuration"] = lambda handler: handler.body(content)
    with pytest.raises(CommandError, match="JSON object"):
        signals("create", **SITE)


def test_token_that_is_not_issued(transmitter):
    transmitter.idp.answers["/token"] = lambda handler: handler.body(
        b'{"error": "invalid_scope"}', status=400
    )
    with pytest.raises(CommandError, match=r"token for ssf.manage ssf.read: invalid_scope"):
        signals("create", **SITE)


def test_transmitter_that_is_down(transmitter):
    transmitter.idp.answers["/.well-known/ssf-configuration"] = lambda each: each.send_error(503)
    with pytest.raises(CommandError, match="503"):
        signals("create", **SITE)


def test_provider_must_be_chosen(idp, transmitter, configure):
    other_provider(configure, idp, SHARED_SIGNALS={})
    with pytest.raises(CommandError, match="'default', 'other'"):
        signals("status")
    with pytest.raises(CommandError, match="create one"):
        signals("status", provider="default")
    with pytest.raises(CommandError, match="'default', 'other'"):
        signals("status", provider="third")
    configure(SHARED_SIGNALS=None)
    configure("other", SHARED_SIGNALS=None)
    cache.clear()
    with pytest.raises(CommandError, match="none"):
        signals("status")
