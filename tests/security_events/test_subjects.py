"""Subjects of security events: whose sessions end."""

from __future__ import annotations

import json

import pytest
from django.core.cache import cache

from django_oidc_logout.codes import RejectedCode
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.security_events.subjects import Subject
from tests import events
from tests.events import (
    RISC,
    assert_accepted,
)
from tests.factories import is_signed_in
from tests.idp import MISSING

pytestmark = pytest.mark.django_db


def iss_sub(sub="ada", iss="ISS"):
    return {"format": "iss_sub", "iss": iss, "sub": sub}


def email(address="ada@example.com"):
    return {"format": "email", "email": address}


def opaque(name):
    return {"format": "opaque", "id": name}


def aliases(*identifiers):
    return {"format": "aliases", "identifiers": identifiers}


ADA = {"ada", "ada2"}
SUBJECTS = {
    "iss_sub": (iss_sub(), ADA),
    "iss_sub of another issuer": (iss_sub(iss="https://idp.example.com"), set()),
    "iss_sub unknown": (iss_sub("eve"), set()),
    "email": (email(), ADA),
    "email in capitals": (email("Ada@Example.com"), ADA),
    "email unknown": (email("grace@example.com"), set()),
    "opaque, a user's": (opaque("ada"), ADA),
    "opaque, a session's": (opaque("s-2"), {"ada2"}),
    "account": ({"format": "account", "uri": "acct:ada@example.com"}, ADA),
    "account, quoted": ({"format": "account", "uri": "acct:ada%40example.com"}, ADA),
    "account of another scheme": ({"format": "account", "uri": "mailto:ada@example.com"}, set()),
    "account without a name": ({"format": "account", "uri": "acct:"}, set()),
    "account of nothing": ({"format": "account", "uri": "acct"}, set()),
    "complex, account without a name": (
        {"format": "complex", "user": {"format": "account", "uri": "acct:"}},
        set(),
    ),
    "complex, account without a name, session": (
        {
            "format": "complex",
            "user": {"format": "account", "uri": "acct:"},
            "session": opaque("s-1"),
        },
        set(),
    ),
    "phone_number": ({"format": "phone_number", "phone_number": "+1"}, set()),
    "did": ({"format": "did", "url": "did:example:1"}, set()),
    "unknown": ({"format": "unknown", "id": "ada"}, set()),
    "without format": ({"id": "ada"}, set()),
    "aliases": (aliases(email(), opaque("x")), ADA),
    "aliases, the most exact counts": (aliases(email(), iss_sub("grace")), {"grace"}),
    "aliases, the first of a format counts": (aliases(iss_sub("grace"), iss_sub()), {"grace"}),
    "aliases, the second of a format": (aliases(iss_sub("raw-id"), iss_sub()), ADA),
    "aliases, a weaker one": (aliases(email(), iss_sub("raw-id")), ADA),
    "aliases, all unknown": (aliases(email("grace@example.com"), iss_sub("raw-id")), set()),
    "aliases, a session's": (aliases(iss_sub("raw-id"), opaque("s-2")), {"ada2"}),
    "aliases, another issuer's is left out": (
        aliases(iss_sub("grace", "https://x"), email()),
        ADA,
    ),
    "aliases, none known": (aliases({"format": "did"}), set()),
    "complex, user": ({"format": "complex", "user": iss_sub()}, ADA),
    "complex, session": ({"format": "complex", "session": opaque("s-1")}, {"ada"}),
    "complex, both": (
        {"format": "complex", "user": iss_sub(), "session": opaque("s-1")},
        {"ada"},
    ),
    "complex, email": ({"format": "complex", "user": email(), "session": opaque("s-2")}, {"ada2"}),
    "complex, they differ": (
        {"format": "complex", "user": iss_sub("grace"), "session": opaque("s-1")},
        set(),
    ),
    "complex, the email differs": (
        {"format": "complex", "user": email(), "session": opaque("s-3")},
        set(),
    ),
    "complex, all sessions": (
        {"format": "complex", "user": iss_sub(), "session": opaque("ALL")},
        ADA,
    ),
    "complex, all sessions of nobody": ({"format": "complex", "session": opaque("ALL")}, set()),
    "complex, user unknown": (
        {"format": "complex", "user": {"format": "did"}, "session": opaque("s-1")},
        set(),
    ),
    "complex, session unknown": (
        {"format": "complex", "user": iss_sub(), "session": {"format": "jwt_id"}},
        set(),
    ),
    "complex, aliases": (
        {"format": "complex", "user": aliases(iss_sub())},
        ADA,
    ),
    "complex, aliases and session": (
        {
            "format": "complex",
            "user": aliases(iss_sub("raw-id"), email()),
            "session": opaque("s-2"),
        },
        {"ada2"},
    ),
    "complex, aliases differ from the session": (
        {
            "format": "complex",
            "user": aliases(iss_sub("raw-id"), email()),
            "session": opaque("s-3"),
        },
        set(),
    ),
    "complex, complex": ({"format": "complex", "user": {"user": iss_sub()}}, set()),
    "complex, nobody": ({"format": "complex"}, set()),
    "complex, without format": ({"user": iss_sub(), "session": {"id": "s-1"}}, {"ada"}),
    "complex, another member": (
        {"format": "complex", "user": iss_sub(), "device": opaque("d")},
        ADA,
    ),
    "complex, only another member": ({"format": "complex", "device": opaque("d")}, set()),
    "complex, a critical member": (
        {"format": "complex", "user": iss_sub(), "tenant": opaque("t")},
        set(),
    ),
}


def with_issuer(subject, issuer):
    return json.loads(json.dumps(subject).replace('"ISS"', json.dumps(issuer)))


@pytest.mark.parametrize("place", ["sub_id", "subject"])
@pytest.mark.parametrize("name", SUBJECTS)
def test_subjects(idp, make, people, name, place):
    subject, expected = SUBJECTS[name]
    idp.answers["/.well-known/ssf-configuration"] = {
        "issuer": idp.issuer,
        "critical_subject_members": ["tenant"],
    }
    subject = with_issuer(subject, idp.issuer)
    if place == "sub_id":
        token = make(sub_id=subject)
    else:
        token = make(details={"subject": subject}, sub_id=MISSING)
    assert_accepted(events.post(token))
    left = set(OIDCSession.objects.values_list("pk", flat=True))
    assert {name for name, row in people.items() if row.pk not in left} == expected


def test_subject_of_nobody_selects_nothing(people):
    assert not Subject().rows(people["ada"].issuer).exists()


@pytest.mark.parametrize("critical", [MISSING, "device", [], ["tenant"]])
def test_other_member_is_ignored_unless_it_is_critical(idp, make, sign_in, critical):
    document = {"issuer": idp.issuer, "critical_subject_members": critical}
    present = {name: value for name, value in document.items() if value is not MISSING}
    idp.answers["/.well-known/ssf-configuration"] = present
    client = sign_in()
    subject = with_issuer(
        {"format": "complex", "user": iss_sub(), "device": opaque("d")}, idp.issuer
    )
    assert_accepted(events.post(make(sub_id=subject)))
    assert not is_signed_in(client)


def test_other_member_is_ignored_if_the_transmitter_publishes_nothing(idp, make, sign_in):
    client = sign_in()
    subject = with_issuer(
        {"format": "complex", "user": iss_sub(), "device": opaque("d")}, idp.issuer
    )
    assert_accepted(events.post(make(sub_id=subject)))
    assert not is_signed_in(client)


UNAVAILABLE = {
    "an error": lambda handler: handler.send_error(503),
    "not JSON": lambda handler: handler.body(b"<html>"),
    "forbidden": lambda handler: handler.send_error(403),
    "another issuer": {"issuer": "https://other.example.com"},
}


@pytest.mark.parametrize("answer", UNAVAILABLE)
def test_other_member_may_be_critical_if_nobody_can_say(idp, make, sign_in, caplog, answer):
    """The event is neither accepted nor rejected, so the provider sends it again."""
    idp.answers["/.well-known/ssf-configuration"] = UNAVAILABLE[answer]
    client = sign_in()
    subject = {"format": "complex", "user": iss_sub(), "tenant": opaque("t")}
    token = make(sub_id=with_issuer(subject, idp.issuer))
    for _ in range(2):  # the second time, the failure is in the cache
        response = events.post(token)
        assert (response.status_code, response.content.decode()) == (503, CODE.sentence)
    logged = [each for each in caplog.records if getattr(each, "code", "") == CODE]
    assert [each.provider for each in logged] == ["default"] * 2
    assert is_signed_in(client)
    document = {"issuer": idp.issuer, "critical_subject_members": []}
    idp.answers["/.well-known/ssf-configuration"] = document
    cache.clear()  # as half a minute does
    assert_accepted(events.post(token))
    assert not is_signed_in(client)


CODE = RejectedCode.CONFIGURATION_UNAVAILABLE


@pytest.mark.parametrize("status", [404, 410])
def test_other_member_is_ignored_if_the_configuration_is_not_there(idp, make, sign_in, status):
    idp.answers["/.well-known/ssf-configuration"] = lambda handler: handler.send_error(status)
    client = sign_in()
    subject = {"format": "complex", "user": iss_sub(), "tenant": opaque("t")}
    assert_accepted(events.post(make(sub_id=with_issuer(subject, idp.issuer))))
    assert not is_signed_in(client)


@pytest.mark.parametrize("name", ["format", "subject_type"])
def test_configuration_does_not_matter_to_known_members(idp, make, sign_in, name):
    idp.answers["/.well-known/ssf-configuration"] = lambda handler: handler.send_error(503)
    client = sign_in()
    subject = {name: "complex", "user": iss_sub(), "session": opaque("session-1")}
    assert_accepted(events.post(make(sub_id=with_issuer(subject, idp.issuer))))
    assert not is_signed_in(client)


def test_opaque_id_of_another_event_is_a_users(make, people):
    assert_accepted(events.post(make(f"{RISC}account-disabled", sub_id=opaque("s-1"))))
    assert OIDCSession.objects.count() == 4


@pytest.mark.parametrize(
    ("claims", "ends"),
    [
        ({"email": "ada@example.com", "email_verified": True}, True),
        ({"email": "Ada@Example.com", "email_verified": "true"}, True),
        ({"email": "ada@example.com", "email_verified": False}, False),
        ({"email": "ada@example.com", "email_verified": "false"}, False),
        ({"email": "ada@example.com"}, False),
        ({"email": 5, "email_verified": True}, False),
        ({}, False),
    ],
)
def test_email_is_that_of_the_id_token(make, sign_in, claims, ends):
    """The user's own address, which comes from the user info, does not count."""
    client = sign_in(**claims)
    assert_accepted(events.post(make(sub_id=email())))
    assert is_signed_in(client) is not ends


def test_event_that_ends_nothing_is_logged(make, caplog):
    events.post(make(jti="j-1"))
    events.post(make(jti="j\n2", sub_id={"format": "did"}))
    messages = [each.getMessage() for each in caplog.records if "ended no session" in each.message]
    assert "jti=j-1 reason=no matching session began before it" in messages[0]
    assert "jti=(not shown) reason=it does not name anybody whom the site can know" in messages[1]
