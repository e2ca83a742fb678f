"""Receiving security events: what is accepted, and when."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from unittest import mock

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.cache import cache
from django.core.management import call_command
from django.db import DatabaseError
from django.utils import timezone
from jwt.algorithms import RSAAlgorithm

from django_oidc_logout.codes import RejectedCode
from django_oidc_logout.fields import digest
from django_oidc_logout.models import OIDCSession, ReauthenticationMark, ReceivedEvent
from django_oidc_logout.security_events import marks, receipts, state
from django_oidc_logout.sessions import engines, entry
from django_oidc_logout.signals import security_event
from tests import events
from tests.events import (
    AUDIENCE,
    CAEP,
    PUSHED,
    SESSION_REVOKED,
    SSF,
    URL,
    assert_accepted,
    assert_rejected,
    claims_of,
)
from tests.factories import is_signed_in, other_provider
from tests.idp import MISSING

pytestmark = pytest.mark.django_db

# What is accepted


@pytest.mark.requirement("NIST 4.8", "IPSIE SL2 terminate")
def test_event_ends_the_sessions_of_its_subject(idp, sign_in, make, signals, told):
    here, elsewhere, other = sign_in(), sign_in(), sign_in(sub="grace")
    assert_accepted(events.post(make(details={"reason_admin": {"en": "left"}})))
    assert [is_signed_in(client) for client in (here, elsewhere, other)] == [False, False, True]
    assert [reason for _, reason in signals["ended"]] == [
        "The provider ended the session (security event)."
    ] * 2
    assert told == [
        {
            "provider": "default",
            "event": SESSION_REVOKED,
            "subject": {"format": "iss_sub", "iss": idp.issuer, "sub": "ada"},
            "details": {"reason_admin": {"en": "left"}},
        }
    ]


def test_repetition_is_accepted_and_does_nothing(sign_in, make, told):
    sign_in()
    token = make()
    assert_accepted(events.post(token))
    cache.clear()  # it may be small, or restarted
    later = sign_in(auth_time=ago(-5))
    OIDCSession.objects.update(signed_in_at=timezone.now() - timedelta(hours=1), id_token="")
    assert_accepted(events.post(token))
    assert is_signed_in(later)
    assert len(told) == 1


@pytest.mark.requirement("IPSIE SL2 reauthenticate", "NIST 4.8")
def test_person_must_authenticate_again(idp, sign_in, make):
    sign_in()
    assert_accepted(events.post(make()))
    marked = ReauthenticationMark.objects.values_list("sub_digest", flat=True)
    assert list(marked) == [digest(idp.issuer, "ada")]
    sign_in(auth_time=ago(-5))


def test_person_whose_one_session_was_revoked_need_not_authenticate_again(sign_in, make):
    client = sign_in()
    session = {"format": "opaque", "id": "session-1"}
    assert_accepted(events.post(make(sub_id={"format": "complex", "session": session})))
    assert not is_signed_in(client)
    assert not ReauthenticationMark.objects.exists()


def opaque(name):
    return {"format": "opaque", "id": name}


@pytest.mark.parametrize(("subject", "marked"), [(opaque("ada"), ["ada"]), (opaque("s-1"), [])])
@pytest.mark.usefixtures("people")
def test_opaque_id_of_one_session_does_not_mark_its_person(idp, make, subject, marked):
    assert_accepted(events.post(make(sub_id=subject)))
    assert OIDCSession.objects.filter(sid="s-1").count() == 1  # elsewhere's
    assert marked_people() == [digest(idp.issuer, sub) for sub in marked]


def marked_people():
    return list(ReauthenticationMark.objects.values_list("sub_digest", flat=True))


def marked_at():
    return ReauthenticationMark.objects.get().not_before.timestamp()


@pytest.mark.parametrize(
    "said",
    [
        lambda at: {"details": {"event_timestamp": at}},
        lambda at: {"details": {"toe": at}},
        lambda at: {"toe": at},
        lambda at: {"iat": at},
    ],
    ids=["event_timestamp", "toe of the event", "toe", "iat"],
)
def test_who_has_authenticated_since_an_event_may_sign_in(make, sign_in, said):
    """A provider may send an event late."""
    at = ago(30 * 86400)
    assert_accepted(events.post(make(**said(at))))
    assert marked_at() == at
    assert is_signed_in(sign_in(auth_time=at + 1))


def test_mark_is_not_later_than_now(make):
    """The provider's clock may be ahead."""
    assert_accepted(events.post(make(iat=ago(-50))))
    assert marked_at() <= time.time()


def test_older_event_does_not_move_a_mark_back(make):
    times = [ago(60), ago(30), ago(90)]
    for at in times:
        assert_accepted(events.post(make(iat=at)))
    assert marked_at() == times[1]


def test_marks_that_cannot_be_written(sign_in, make, monkeypatch):
    client, token = sign_in(), make()
    with monkeypatch.context() as patch:
        patch.setattr(marks, "require", mock.Mock(side_effect=DatabaseError))
        assert events.post(token).status_code == 503
    assert is_signed_in(client)
    assert_accepted(events.post(token))
    assert not is_signed_in(client)


def test_simultaneous_repetition_is_told_once(sign_in, make, told):
    sign_in()
    token = make()
    with mock.patch.object(receipts, "is_known", return_value=False):
        assert_accepted(events.post(token))
        assert_accepted(events.post(token))
    assert len(told) == 1


def test_same_jti_of_another_issuer_is_another_event(idp, configure, sign_in, make, told):
    other_provider(configure, idp, SHARED_SIGNALS={"JWKS_URI": f"{idp.issuer}/jwks"})
    issuer = "https://other.example.com"
    sign_in()
    assert_accepted(events.post(make(jti="1")))
    assert_accepted(events.post(events.encode(claims_of(issuer, aud="site", jti="1"))))
    assert [each["provider"] for each in told] == ["default", "other"]


def test_receipts_are_kept_for_days(make):
    events.post(make())
    events.post(make())
    old = ReceivedEvent.objects.first()
    old.received_at = timezone.now() - receipts.KEEP
    old.save()
    assert str(old) == old.digest
    call_command("oidc_logout_clear_sessions")
    assert ReceivedEvent.objects.count() == 1


@pytest.mark.parametrize("aud", [AUDIENCE, [AUDIENCE], ["other", AUDIENCE]])
def test_audience_may_be_a_list(make, sign_in, aud):
    client = sign_in()
    assert_accepted(events.post(make(aud=aud)))
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    ("aud", "is_ours"),
    [
        ("site", True),
        ("site/0b1e", True),
        (["x", "site/0b1e"], True),
        ("site/0b1e/more", False),
        ("sit", False),
        ("site2", False),
        ("", False),
    ],
)
def test_audience_is_the_client_or_its_stream_by_default(make, signals_of, aud, is_ours):
    signals_of(AUDIENCE=MISSING)
    assert events.post(make(aud=aud)).status_code == (202 if is_ours else 400)


def test_several_audiences_may_be_configured(make, signals_of):
    signals_of(AUDIENCE=["a", "b", 5])
    assert_accepted(events.post(make(aud="b")))
    assert_rejected(events.post(make(aud="site")), "invalid_audience")


def test_provider_without_a_client_needs_an_audience(settings, configure, make):
    configure(CLIENT_ID="", SHARED_SIGNALS={})
    assert_rejected(events.post(make(aud="")), "invalid_audience")


@pytest.mark.parametrize("typ", ["secevent+jwt", "SecEvent+JWT", "application/secevent+jwt"])
def test_typ_may_have_the_prefix(make, typ):
    assert_accepted(events.post(make(header={"typ": typ})))


def test_content_type_may_have_parameters(make):
    assert_accepted(events.post(make(), f"{PUSHED}; charset=utf-8"))


def test_line_end_after_the_token_is_ignored(make):
    assert_accepted(events.post(make() + "\r\n"))


def test_works_under_login_required(settings, make):
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    assert_accepted(events.post(make()))


# The option


@pytest.mark.parametrize("option", [None, "yes", []])
def test_without_the_option_there_is_nothing(configure, make, option):
    token = make()
    configure(SHARED_SIGNALS=option)
    assert events.post(token).status_code == 404


def fail():
    raise RuntimeError


def test_providers_that_cannot_be_asked_are_our_failure(settings, make, caplog):
    token = make()
    settings.OIDC_LOGOUT_PROVIDERS = f"{__name__}.fail"
    answer = events.post(token)
    code = RejectedCode.PROVIDERS_UNREADABLE
    assert (answer.status_code, answer.content.decode()) == (503, code.sentence)
    logged = [each for each in caplog.records if getattr(each, "code", "") == code]
    assert [each.levelname for each in logged] == ["WARNING"]


@pytest.mark.usefixtures("make")
def test_other_methods(client, signals, caplog):
    assert client.get(URL).status_code == 405
    assert len(signals["rejected"]) == 1
    assert [each.code for each in caplog.records if hasattr(each, "code")] == ["wrong_method"]


def test_other_methods_without_the_option(client, signals):
    """Anybody can ask for a URL that does not exist."""
    assert client.get(URL).status_code == 405
    assert not signals["rejected"]


@pytest.mark.parametrize("language", ["en", "de", ""])
def test_description_is_english(make, language):
    """Whatever language Django's LocaleMiddleware has chosen (RFC 8935, section 2.3)."""
    rejected = events.post("nonsense", headers={"accept-language": language})
    assert_rejected(rejected, "invalid_request")
    assert rejected["Content-Language"] == "en"


def test_header_is_compared(make, sign_in, signals_of, signals):
    signals_of(AUTHORIZATION="Bearer expected")
    client = sign_in()
    for header in ({}, {"authorization": "Bearer other"}, {"authorization": "Bearer é"}):
        assert_rejected(events.post(make(), headers=header), "authentication_failed")
    assert is_signed_in(client)
    assert len(signals["rejected"]) == 3
    assert_accepted(events.post(make(), headers={"authorization": "Bearer expected"}))
    assert not is_signed_in(client)


def test_header_is_compared_in_constant_time(make, signals_of):
    signals_of(AUTHORIZATION="Bearer expected")
    name = "django_oidc_logout.security_events.token.constant_time_compare"
    with mock.patch(name, return_value=True) as compare:
        assert_accepted(events.post(make(), headers={"authorization": "Bearer other"}))
    compare.assert_called_once_with("Bearer other", "Bearer expected")


# Keys


@pytest.mark.parametrize(
    "path",
    ["/.well-known/ssf-configuration/realms/main", "/realms/main/.well-known/ssf-configuration"],
)
def test_keys_are_those_that_the_transmitter_publishes(idp, make, signals_of, sign_in, path):
    issuer = f"{idp.issuer}/realms/main"
    idp.answers[path] = {"issuer": issuer, "jwks_uri": f"{idp.issuer}/signals"}
    idp.answers["/signals"] = idp.answers["/jwks"]
    signals_of(ISSUER=issuer, JWKS_URI=MISSING)
    client = sign_in()
    subject = {"format": "iss_sub", "iss": idp.issuer, "sub": "ada"}
    assert_accepted(events.post(make(iss=issuer, sub_id=subject)))
    assert_accepted(events.post(make(iss=issuer, sub_id=subject)))
    assert [each for _, each in idp.asked].count("/signals") == 1
    assert not is_signed_in(client)


def test_provider_that_publishes_no_signals_signs_with_its_own_keys(make, signals_of, sign_in):
    signals_of(JWKS_URI=MISSING)
    client = sign_in()
    assert_accepted(events.post(make()))
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    "document",
    [
        None,
        {"issuer": "https://other.example.com", "jwks_uri": "https://other.example.com/jwks"},
        {"issuer": "{}/t"},
        {"issuer": "{}/t", "jwks_uri": 5},
        {"issuer": "{}/t", "jwks_uri": "ftp://127.0.0.1/jwks"},
    ],
)
def test_keys_that_cannot_be_found_are_our_failure(idp, make, signals_of, sign_in, document):
    issuer = f"{idp.issuer}/t"
    client = sign_in()
    signals_of(ISSUER=issuer, JWKS_URI=MISSING)
    subject = {"format": "iss_sub", "iss": idp.issuer, "sub": "ada"}
    token = make(iss=issuer, sub_id=subject)
    if document:
        idp.answers["/.well-known/ssf-configuration/t"] = document | {
            "issuer": document["issuer"].format(idp.issuer)
        }
    answer = events.post(token)
    assert answer.status_code == 503
    assert idp.issuer.encode() not in answer.content
    asked = len(idp.asked)
    assert events.post(token).status_code == 503
    assert len(idp.asked) == asked or document  # a failure is remembered
    assert is_signed_in(client)
    cache.clear()
    idp.answers["/.well-known/ssf-configuration/t"] = {
        "issuer": issuer,
        "jwks_uri": f"{idp.issuer}/jwks",
    }
    assert_accepted(events.post(token))
    assert not is_signed_in(client)


def hang_up(handler):
    handler.close_connection = True
    handler.connection.close()


FAULTS = {
    "an error": lambda handler: handler.send_error(500),
    "no response": hang_up,
    "not JSON": lambda handler: handler.body(b"<html>"),
}


def assert_nothing_was_done(client, told):
    assert is_signed_in(client)
    assert not told
    assert not ReceivedEvent.objects.exists()
    assert not ReauthenticationMark.objects.exists()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("is_known", [True, False], ids=["a new key", "the first key"])
def test_keys_that_cannot_be_fetched(idp, make, sign_in, signals, told, fault, is_known):  # noqa: PLR0913, PLR0917  # fixtures
    """The event is neither accepted nor rejected, so the provider sends it again."""
    client, key = sign_in(), rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
    cache.clear()
    if is_known:  # the cache has another key of the provider
        assert_accepted(events.post(make(f"{CAEP}session-presented")))
        ReceivedEvent.objects.all().delete()
        told.clear()
    idp.answers["/jwks"] = FAULTS[fault]
    token = make(key=key, header={"kid": "new"})
    for _ in range(2):
        answer = events.post(token)
        assert (answer.status_code, answer["Content-Type"]) == (503, "text/plain")
        assert_nothing_was_done(client, told)
    assert [issuer for issuer, _ in signals["rejected"]] == [idp.issuer] * 2
    idp.answers["/jwks"] = {"keys": [jwk | {"kid": "new"}]}
    cache.clear()  # as half a minute does
    assert_accepted(events.post(token))
    assert not is_signed_in(client)
    assert len(told) == 1


def test_new_key_is_fetched(idp, make, sign_in):
    sign_in()
    events.post(make())
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
    idp.answers["/jwks"] = {"keys": [jwk | {"kid": "new"}]}
    assert_accepted(events.post(make(key=key, header={"kid": "new"})))


def test_key_of_another_provider_is_rejected(idp, make, configure, sign_in):
    """The other provider's keys are those of `idp`; the default provider's are elsewhere."""
    other_provider(configure, idp, SHARED_SIGNALS={"JWKS_URI": f"{idp.issuer}/jwks"})
    client = sign_in()
    idp.answers["/own"] = {"keys": []}
    configure(SHARED_SIGNALS={"AUDIENCE": AUDIENCE, "JWKS_URI": f"{idp.issuer}/own"})
    assert_rejected(events.post(make()), "invalid_key")
    assert is_signed_in(client)


def test_secret_never_signs_an_event(make, configure, sign_in, settings):
    configure(ALGORITHMS=["HS256"])
    token = make(key=settings.OIDC_RP_CLIENT_SECRET.encode(), alg="HS256", header={"kid": MISSING})
    with mock.patch("jwt.algorithms.HMACAlgorithm.check_key_length", return_value=None):
        assert_rejected(events.post(token), "invalid_key")
    assert_accepted(events.post(make()))  # the default of the standard


# Our own failures


def test_store_that_fails(make, sign_in, monkeypatch, signals, told):
    client, token = sign_in(), make()
    with monkeypatch.context() as patch:
        patch.setattr(engines, "delete", mock.Mock(side_effect=ConnectionError))
        assert events.post(token).status_code == 503
    assert not told
    assert signals["rejected"]
    assert_accepted(events.post(token))
    assert not is_signed_in(client)
    assert len(told) == 1


@pytest.mark.parametrize("name", ["is_known", "keep", "note_verification"])
def test_database_that_fails(make, monkeypatch, told, name):
    token = make(f"{SSF}verification", {})
    with monkeypatch.context() as patch:
        patch.setattr(receipts, name, mock.Mock(side_effect=DatabaseError))
        assert events.post(token).status_code == 503
    assert not told
    assert_accepted(events.post(token))
    assert len(told) == 1


def test_index_that_fails(make, monkeypatch):
    token = make()
    with monkeypatch.context() as patch:
        patch.setattr(
            "django_oidc_logout.sessions.index.matching", mock.Mock(side_effect=DatabaseError)
        )
        assert events.post(token).status_code == 503
    assert_accepted(events.post(token))


def test_provider_class_that_cannot_be_used(make, configure):
    token = make()
    configure(BACKEND="missing.Provider")
    assert events.post(token).status_code == 503


def test_receiver_that_fails_changes_nothing(make, sign_in):
    client = sign_in()

    def fail(**_):
        raise RuntimeError

    security_event.connect(fail)
    try:
        assert_accepted(events.post(make()))
    finally:
        security_event.disconnect(fail)
    assert not is_signed_in(client)


# When


def ago(seconds):
    return int(time.time()) - seconds


WHEN = {
    "when the token was issued": (lambda: {"iat": ago(60)}, {}, False),
    "the event's time": (dict, {"event_timestamp": 60}, False),
    "the older name of the event's time": (dict, {"toe": 60}, False),
    "the newer name comes first": (dict, {"event_timestamp": -1, "toe": 60}, True),
    "the event is later than its token": (dict, {"event_timestamp": -60}, True),
    "the token's toe": (lambda: {"toe": ago(60)}, {}, False),
    "the token's toe, not its iat": (lambda: {"toe": ago(60), "iat": ago(-5)}, {}, False),
    "the event's time comes first": (lambda: {"toe": ago(60)}, {"event_timestamp": -1}, True),
    "the token's toe comes second": (
        lambda: {"toe": ago(60)},
        {"toe": -1, "event_time": -1},
        False,
    ),
    "toe is later than its token": (lambda: {"toe": ago(-60), "iat": ago(60)}, {}, False),
    "milliseconds": (dict, {"event_timestamp": 60}, False),
    "milliseconds of the token's toe": (lambda: {"toe": ago(60) * 1000}, {}, False),
    "milliseconds, later": (dict, {"event_timestamp": -1}, True),
    "milliseconds of the token": (lambda: {"iat": ago(60) * 1000}, {}, False),
    "milliseconds of the token, later": (lambda: {"iat": ago(-1) * 1000}, {}, True),
}


@pytest.mark.parametrize("name", WHEN)
def test_event_ends_no_session_that_began_after_it(make, sign_in, name):
    client = sign_in()
    claims, times, ends = WHEN[name]
    unit = 1000 if name.startswith("milliseconds") else 1
    details = {each: ago(seconds) * unit for each, seconds in times.items()}
    assert_accepted(events.post(make(details=details, **claims())))
    assert is_signed_in(client) is not ends


@pytest.mark.parametrize("written", ["yesterday", True, None, -5, [], 10**400])
@pytest.mark.parametrize("is_claim", [True, False], ids=["toe", "event_timestamp"])
def test_time_that_is_not_a_time_is_left_out(make, sign_in, written, is_claim):
    client = sign_in()
    said = {"toe": written} if is_claim else {"details": {"event_timestamp": written}}
    assert_accepted(events.post(make(**said)))
    assert not is_signed_in(client)


def test_renewed_session_began_at_its_sign_in(make, sign_in):
    client = sign_in()
    OIDCSession.objects.update(signed_in_at=timezone.now() - timedelta(hours=1))
    assert_accepted(events.post(make(details={"event_timestamp": ago(60)})))
    assert not is_signed_in(client)


def test_renewal_in_the_second_after_the_event_saves_nobody(make, idp, sign_in):
    client, second = sign_in(), int(time.time()) - 5
    OIDCSession.objects.update(
        signed_in_at=entry.moment(second + 0.5), id_token=idp.id_token(iat=second + 1)
    )
    assert_accepted(events.post(make(iat=second, details={"event_timestamp": second})))
    assert not is_signed_in(client)


@pytest.mark.parametrize(("seconds", "ends"), [(30, True), (120, False)])
def test_clocks_may_differ_if_the_id_token_does_not_say_when(make, sign_in, seconds, ends):
    client = sign_in()
    OIDCSession.objects.update(id_token="")
    assert_accepted(events.post(make(details={"event_timestamp": ago(seconds)})))
    assert is_signed_in(client) is not ends


def test_state_expires(make):
    with mock.patch("time.time", return_value=time.time() - state.MAX_AGE - 60):
        old = state.sign("default", "s-1")
    verification = make(f"{SSF}verification", {"state": old})
    assert_rejected(events.post(verification), "invalid_state")
