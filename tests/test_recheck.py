"""`manage.py oidc_logout_recheck`: providers that tell nobody are asked."""

from __future__ import annotations

import base64
import io
import json
import random
import time
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from django_oidc_logout.checks.tokens import check_refresh_tokens
from django_oidc_logout.codes import EndedCode
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.providers import confirmation
from django_oidc_logout.sessions import engines, recheck
from tests.factories import is_signed_in, other_provider

pytestmark = pytest.mark.django_db

SECRET = "site's secret"


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """Return how long the command would have waited."""
    seen = []
    monkeypatch.setattr(time, "sleep", seen.append)
    return seen


@pytest.fixture
def idp(idp, configure):
    """Return a provider that can be asked by the refresh grant."""
    configure(RECHECK=True)
    idp.metadata["token_endpoint"] = f"{idp.issuer}/refresh"
    idp.answers["/refresh"] = {"access_token": "a"}
    return idp


def answer(document, status=200):
    """Return what the provider answers."""
    return lambda handler: handler.body(json.dumps(document).encode(), "application/json", status)


def run(*arguments):
    out = io.StringIO()
    call_command("oidc_logout_recheck", *arguments, stdout=out)
    return out.getvalue().strip()


def result(confirmed=0, ended=0, unanswered=0, left=0):
    return (
        f"Sessions confirmed: {confirmed}, ended: {ended}, unanswered: {unanswered}, left: {left}"
    )


INVALID_GRANT = {"error": "invalid_grant", "error_description": "User disabled"}
# What the provider answers, with which status; and what becomes of the session.
BY_REFRESH = [
    ({"access_token": "a"}, 200, result(confirmed=1)),
    (INVALID_GRANT, 400, result(ended=1)),
    (INVALID_GRANT, 401, result(ended=1)),
    (INVALID_GRANT, 500, result(unanswered=1)),
    ({"error": "invalid_client"}, 401, result(unanswered=1)),
    ({"error": "temporarily_unavailable"}, 400, result(unanswered=1)),
    ({"error": ["x"]}, 400, result(unanswered=1)),
    ([], 200, result(unanswered=1)),
]
BY_INTROSPECTION = [
    ({"active": True}, 200, result(confirmed=1)),
    ({"active": False}, 200, result(ended=1)),
    ({"active": "no"}, 200, result(unanswered=1)),
    ({}, 200, result(unanswered=1)),
    ({"active": False}, 400, result(unanswered=1)),
    ({"error": "invalid_client"}, 401, result(unanswered=1)),
]
CASES = [("refresh", *case) for case in BY_REFRESH] + [
    ("introspect", *case) for case in BY_INTROSPECTION
]


@pytest.mark.requirement("ASVS 7.4.2")
@pytest.mark.parametrize("case", CASES)
def test_answers(idp, sign_in, signals, caplog, case):
    way, document, status, expected = case
    if way == "introspect":
        idp.metadata["introspection_endpoint"] = f"{idp.issuer}/introspect"
    client = sign_in()
    idp.answers[f"/{way}"] = answer(document, status)
    assert run() == expected
    assert idp.asked[-1] == ("POST", f"/{way}")
    is_ended = expected == result(ended=1)
    assert is_signed_in(client) is not is_ended
    assert bool(signals["ended"]) is is_ended
    assert ("Could not recheck a session" in caplog.text) is (expected == result(unanswered=1))
    if is_ended:
        assert signals["ended"] == [("session-1", EndedCode.NOT_CONFIRMED.sentence)]


def test_question(idp, sign_in):
    sign_in()
    run()
    assert idp.form == {"grant_type": "refresh_token", "refresh_token": idp.refresh_token}
    credentials = base64.b64decode(idp.headers["Authorization"].split()[1]).decode()
    assert credentials == "site:site%27s%20secret"


def test_question_by_introspection(idp, sign_in):
    idp.metadata["introspection_endpoint"] = f"{idp.issuer}/introspect"
    idp.metadata["introspection_endpoint_auth_methods_supported"] = ["client_secret_post"]
    idp.answers["/introspect"] = {"active": True}
    sign_in()
    run()
    assert idp.form == {
        "token": idp.refresh_token,
        "token_type_hint": "refresh_token",
        "client_id": "site",
        "client_secret": SECRET,
    }


def test_client_without_a_secret_uses_the_refresh_grant(idp, sign_in, configure):
    idp.metadata["introspection_endpoint"] = f"{idp.issuer}/introspect"
    configure(CLIENT_SECRET="")
    sign_in()
    assert run() == result(confirmed=1)
    assert idp.form["client_id"] == "site"
    assert idp.asked[-1] == ("POST", "/refresh")


def test_token_that_replaces_the_old_one_is_kept(idp, sign_in):
    sign_in()
    for number in (1, 2):
        idp.answers["/refresh"] = {"access_token": "a", "refresh_token": f"rotated-{number}"}
        run()
        assert OIDCSession.objects.get().refresh_token == f"rotated-{number}"
    assert idp.form["refresh_token"] == "rotated-1"
    idp.answers["/refresh"] = {"access_token": "a", "refresh_token": 5}
    run()
    assert OIDCSession.objects.get().refresh_token == "rotated-2"


def test_provider_that_does_not_answer(idp, sign_in, configure):
    client = sign_in()
    for number in range(4):
        sign_in(Client(), sid=f"another-{number}")
    configure(ISSUER=idp.issuer, TIMEOUT=0.5)
    idp.answers["/refresh"] = lambda handler: handler.hang()
    assert run() == result(unanswered=3, left=2)
    assert is_signed_in(client)


def test_provider_that_is_gone(idp, sign_in, settings):
    client = sign_in()
    OIDCSession.objects.update(issuer="https://former.example.com")
    assert run() == result(unanswered=1)
    assert is_signed_in(client)


def test_those_who_waited_longest_come_first(idp, sign_in):
    sign_in()
    sign_in(Client(), sid="session-2")
    first = OIDCSession.objects.get(sid="session-1")
    OIDCSession.objects.filter(pk=first.pk).update(rechecked_at=timezone.now() - timedelta(1))
    found = recheck._live().values_list("sid", flat=True)
    assert list(found) == ["session-2", "session-1"]


@pytest.mark.parametrize("seconds", ["0", "-1"])
def test_time_is_limited(idp, sign_in, seconds):
    sign_in()
    assert run("--max-seconds", seconds) == result(left=1)


def test_rate_is_limited_and_jittered(idp, sign_in, waits):
    for number in range(5):
        sign_in(Client(), sid=f"session-{number}")
    waits.clear()
    random.seed(1)
    assert run("--rate", "2", "--jitter", "60") == result(confirmed=5)
    jitter, *pauses = waits
    assert 0 < jitter < 60
    assert len(set(pauses)) == len(pauses) == 5
    assert all(0 <= pause <= 0.75 for pause in pauses)


def test_whom_it_concerns(idp, sign_in, configure):
    """Not sessions that have expired, nor those without a refresh token or of other providers."""
    other_provider(configure, idp)
    sign_in()
    fields = OIDCSession.objects.values().get()
    for number, change in enumerate(
        (
            {"expires_at": timezone.now() - timedelta(8)},
            {"expires_at": timezone.now() - timedelta(1), "ends_at": timezone.now()},
            {"provider": "other"},
            {"refresh_token": ""},
        )
    ):
        row = OIDCSession(**{**fields, "id": None, "session_key": f"k{number}", **change})
        row.save()
    assert run() == result(confirmed=1)


def test_session_that_lasts_longer_than_its_row_says(idp, sign_in):
    client = sign_in()
    OIDCSession.objects.update(expires_at=timezone.now() - timedelta(6))
    idp.answers["/refresh"] = answer(INVALID_GRANT, 400)
    assert run() == result(ended=1)
    assert not is_signed_in(client)


@pytest.mark.parametrize("good", [True, False])
def test_token_that_is_replaced_in_the_meantime(idp, sign_in, monkeypatch, good):
    client = sign_in()

    def ask(options, token):
        row = OIDCSession.objects.get()
        row.refresh_token = "newer"
        row.save()
        return confirmation.Confirmation(is_good=good, refresh_token="rotated" if good else "")

    monkeypatch.setattr(confirmation, "ask", ask)
    assert run() == (result(confirmed=1) if good else result(left=1))
    assert OIDCSession.objects.get().refresh_token == "newer"
    assert is_signed_in(client)


def test_session_that_ends_or_is_asked_about_in_the_meantime(idp, sign_in, monkeypatch):
    sign_in()
    live = recheck._live()
    pk = live.get().pk
    earlier = OIDCSession.objects.get()
    OIDCSession.objects.update(rechecked_at=timezone.now())
    monkeypatch.setattr(type(live), "first", lambda self: earlier)
    assert recheck._claim(pk) is None
    monkeypatch.undo()
    OIDCSession.objects.all().delete()
    assert recheck._claim(pk) is None


def test_token_that_cannot_be_decrypted(idp, sign_in, settings):
    sign_in()
    settings.SECRET_KEY = "another"
    assert run() == result()


def test_session_that_cannot_be_ended(idp, sign_in, monkeypatch):
    sign_in()
    idp.answers["/refresh"] = answer(INVALID_GRANT, 400)

    def down(*keys):
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(engines, "delete", down)
        assert run() == result(left=1)
    assert run() == result(ended=1)


@pytest.mark.parametrize("is_on", [True, False])
def test_token_is_kept_only_if_it_is_needed(idp, configure, sign_in, is_on):
    configure(RECHECK=is_on)
    sign_in()
    assert bool(OIDCSession.objects.get().refresh_token) is is_on


def test_wrong_calls(idp, configure, monkeypatch):
    with pytest.raises(CommandError, match="--rate must be greater"):
        run("--rate", "0")
    configure(RECHECK=False)
    with pytest.raises(CommandError, match="has RECHECK = True"):
        run()
    configure(RECHECK=True)

    def down():
        raise DatabaseError("down")

    monkeypatch.setattr(recheck, "_live", down)
    with pytest.raises(CommandError, match="The index cannot be used: down"):
        run()


def test_backend_that_drops_the_token_is_found(idp, settings):
    settings.AUTHENTICATION_BACKENDS = ["mozilla_django_oidc.auth.OIDCAuthenticationBackend"]
    assert [each.msg.split(",")[0] for each in check_refresh_tokens()] == ["RECHECK is on"]
