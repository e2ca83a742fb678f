"""The history: what is written, what it never breaks, and what a person gets of it."""

from __future__ import annotations

import importlib
import json
import sys
from contextlib import nullcontext, suppress
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_oidc_logout.api import end_sessions
from django_oidc_logout.codes import RefusedCode
from django_oidc_logout.models import OIDCSession, SessionEvent
from django_oidc_logout.receivers import history
from django_oidc_logout.sessions import devices, engines, pending
from django_oidc_logout.signals import session_ended, sign_in_refused, signed_in, signed_out
from tests.factories import create_row, other_provider, post_logout_token

pytestmark = pytest.mark.django_db

LONG = timedelta(days=5000)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"


@pytest.fixture(autouse=True)
def _history(settings):
    settings.OIDC_LOGOUT_HISTORY_DAYS = 30


def events():
    return list(
        SessionEvent.objects.order_by("pk").values_list("kind", "code", "source", "provider")
    )


def run(*options):
    out = StringIO()
    call_command("oidc_logout_history", *options, stdout=out, stderr=StringIO())
    return [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.mark.requirement("ASVS 16.2.1", "ASVS 16.3.1")
def test_sign_in_and_sign_out(sign_in, django_user_model):
    client = sign_in()
    row = OIDCSession.objects.get()
    client.post("/oidc/logout/", {"local": "1"})
    client.post("/oidc/logout/", {"local": "1"})  # nobody is signed in
    assert events() == [
        ("sign_in", "recorded", "person", "default"),
        ("sign_out", "local_only", "person", "default"),
    ]
    user = django_user_model.objects.get()
    for event in SessionEvent.objects.all():
        assert (event.user, event.actor) == (user, user)
        assert (event.sub_digest, event.sid_digest) == (row.sub_digest, row.sid_digest)
    assert str(event) == "sign_out: local_only"


@pytest.mark.requirement("ASVS 16.3.1")
def test_ended_and_rejected(sign_in, logout_token, client):
    sign_in()
    end_sessions(user=OIDCSession.objects.get().user)
    post_logout_token(logout_token(iat=5))
    client.get("/oidc/logout/backchannel/")  # anybody can send this
    assert events()[1:] == [
        ("ended", "by_site", "site", "default"),
        ("rejected", "too_old", "provider", "default"),
    ]


def test_sign_in_that_was_not_recorded(sign_in, monkeypatch):
    def fail(*args, **kwargs):
        raise DatabaseError

    monkeypatch.setattr("django_oidc_logout.sign_in.recording.rows.record", fail)
    sign_in()
    assert events() == [("sign_in", "not_recorded", "person", "default")]
    event, user = SessionEvent.objects.get(), get_user_model().objects.get()
    assert (event.user, event.actor) == (user, user)


@pytest.mark.requirement("ASVS 16.3.1")
def test_refused_sign_in(rf):
    sign_in_refused.send(
        None,
        request=rf.get("/"),
        provider="default",
        sub_digest="1" * 64,
        code=RefusedCode.SESSION_OVER,
    )
    event = SessionEvent.objects.get()
    assert (event.kind, event.sub_digest, event.provider) == ("refused", "1" * 64, "default")


@pytest.mark.parametrize(("is_new", "named"), [(True, True), (False, False)])
def test_refused_sign_in_names_whom_login_has_signed_in(rf, django_user_model, is_new, named):
    """Without `login()`, the request's user may be somebody else who has been signed in before."""
    request = rf.get("/")
    request.user = ada = django_user_model.objects.create(username="ada")
    if is_new:
        pending.note_login(request)
    about = {"provider": "default", "sub_digest": "1" * 64, "code": RefusedCode.SESSION_OVER}
    sign_in_refused.send(None, request=request, **about)
    event = SessionEvent.objects.get()
    assert (event.user, event.actor) == (ada if named else None, None)


def test_deleted_user_is_not_named(sign_in, django_user_model, django_capture_on_commit_callbacks):
    sign_in()
    with django_capture_on_commit_callbacks(execute=True):
        django_user_model.objects.get().delete()
    assert events()[-1][1] == "user_deleted"
    assert set(SessionEvent.objects.values_list("user", "actor")) == {(None, None)}


def test_nothing_is_written_by_default(settings, sign_in):
    del settings.OIDC_LOGOUT_HISTORY_DAYS
    sign_in().post("/oidc/logout/")
    assert events() == []


def test_history_that_cannot_be_written(sign_in, monkeypatch, caplog):
    def fail(*args, **kwargs):
        raise DatabaseError

    monkeypatch.setattr("django.db.models.query.QuerySet.bulk_create", fail)
    client = sign_in()
    assert OIDCSession.objects.exists()
    client.post("/oidc/logout/")
    assert not OIDCSession.objects.exists()
    assert {record.code for record in caplog.records if record.levelname == "ERROR"} == {
        "history_not_written"
    }


def break_the_transaction(**arguments):
    name = "the same"
    for _ in range(2):
        get_user_model().objects.create(username=name)


@pytest.mark.parametrize(
    ("signal", "kind"), [(signed_in, "sign_in"), (signed_out, "sign_out"), (session_ended, "ended")]
)
@pytest.mark.parametrize("suppresses", [False, True])
def test_receiver_that_breaks_a_transaction_keeps_the_history(sign_in, signal, kind, suppresses):
    """The tests run in a transaction, as requests do with `ATOMIC_REQUESTS`."""

    def receive(**arguments):
        with suppress(IntegrityError) if suppresses else nullcontext():
            break_the_transaction()

    signal.connect(receive)
    try:
        client = sign_in()
        if kind == "ended":
            end_sessions(sub="ada")
        client.post("/oidc/logout/", {"local": "1"})
    finally:
        signal.disconnect(receive)
    assert kind in [event[0] for event in events()]
    assert not get_user_model().objects.filter(username="the same").exists()


def test_sessions_that_end_together_are_one_statement(django_user_model):
    ada = django_user_model.objects.create(username="ada")
    for _ in range(5):
        create_row(user=ada, provider="default")
    with CaptureQueriesContext(connection) as queries:
        assert end_sessions(user=ada) == 5
    written = [each["sql"] for each in queries if SessionEvent._meta.db_table in each["sql"]]
    assert len(written) == 1
    assert events() == [("ended", "by_site", "site", "default")] * 5


def test_old_events_are_removed_in_batches(settings, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(history, "BATCH", 2)
    old, new = timezone.now() - timedelta(days=31), timezone.now()
    SessionEvent.objects.bulk_create(
        SessionEvent(at=at, kind="sign_in", code="recorded") for at in [old] * 5 + [new] * 2
    )
    out = StringIO()
    call_command("oidc_logout_clear_sessions", stdout=out)
    assert "Events removed: 5" in out.getvalue()
    assert SessionEvent.objects.count() == 2
    settings.OIDC_LOGOUT_HISTORY_DAYS = 0
    assert history.clear() == 2


def test_old_events_are_removed_while_the_session_store_is_down(sign_in, monkeypatch):
    def down(keys):
        raise OSError("down")

    sign_in()
    SessionEvent.objects.update(at=timezone.now() - timedelta(days=31))
    monkeypatch.setattr(engines, "read", down)
    with pytest.raises(CommandError, match="down"):
        call_command("oidc_logout_clear_sessions", stdout=StringIO())
    assert events() == []


@pytest.mark.parametrize("days", ["90", -1, True, 10**7, 10**10])
def test_wrong_setting_removes_nothing(settings, days):
    SessionEvent.objects.create(kind="sign_in", code="recorded", at=timezone.now() - LONG)
    settings.OIDC_LOGOUT_HISTORY_DAYS = days
    assert history.clear() == 0
    assert SessionEvent.objects.exists()


def test_export_and_erasure(sign_in, django_user_model):
    sign_in().post("/oidc/logout/", {"local": "1"})
    user = django_user_model.objects.get()
    other = django_user_model.objects.create(username="eve")
    SessionEvent.objects.create(kind="ended", code="by_staff", user=other, actor=user)
    found = run("--user", user.username)
    assert [each["code"] for each in found] == ["recorded", "local_only", "by_staff"]
    assert found[0]["user"] == found[0]["actor"] == user.username
    assert found[2]["user"] == "eve"
    assert len(run("--user", user.username, "--erase")) == 3
    assert run("--user", user.username) == []
    assert list(SessionEvent.objects.values_list("user__username", "actor")) == [("eve", None)]
    assert run("--user", "eve", "--erase")[0]["actor"] is None


def test_export_and_erasure_of_what_has_only_the_digest(sign_in, django_user_model):
    sign_in()
    user, row = django_user_model.objects.get(), OIDCSession.objects.get()
    other = django_user_model.objects.create(username="eve")
    of_eve = create_row(user=other, sub="eve")
    for sub_digest in (row.sub_digest, of_eve.sub_digest, "1" * 64, ""):
        SessionEvent.objects.create(kind="refused", code="session_over", sub_digest=sub_digest)
    SessionEvent.objects.create(kind="sign_in", code="recorded", user=other)
    for name, left in ((user.username, 4), ("eve", 2)):  # of Eve, there is only a row in the index
        assert {each["event"] for each in run("--user", name, "--erase")} == {"sign_in", "refused"}
        assert SessionEvent.objects.count() == left
    assert set(SessionEvent.objects.values_list("sub_digest", flat=True)) == {"1" * 64, ""}


def test_export_and_erasure_by_sub(idp, sign_in, django_user_model):
    sign_in(sub="ada")
    user, of_ada = django_user_model.objects.get(), OIDCSession.objects.get().sub_digest
    SessionEvent.objects.all().delete()  # they were too old
    OIDCSession.objects.all().delete()
    for sub_digest in (of_ada, "1" * 64):
        SessionEvent.objects.create(kind="refused", code="session_over", sub_digest=sub_digest)
    SessionEvent.objects.create(kind="ended", code="by_staff", user=user)
    assert [each["event"] for each in run("--user", user.username)] == ["ended"]
    both = run("--user", user.username, "--sub", "ada")
    assert [each["event"] for each in both] == ["refused", "ended"]
    assert run("--issuer", "https://other.example.com", "--sub", "ada") == []
    assert len(run("--issuer", idp.issuer, "--sub", "ada", "--erase")) == 1
    assert set(SessionEvent.objects.values_list("sub_digest", flat=True)) == {"1" * 64, ""}


def test_export_of_a_deleted_user(sign_in, django_user_model):
    sign_in(sub="ada")
    django_user_model.objects.all().delete()
    assert [each["user"] for each in run("--sub", "ada")] == [None]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "Give --user or --sub"),
        (["--issuer", "https://idp.example.com"], "Give --user or --sub"),
        (["--user", "", "--sub", "ada"], "--user is empty"),
        (["--user", "ada", "--sub", ""], "--sub is empty"),
    ],
)
def test_export_of_whom(options, message):
    with pytest.raises(CommandError, match=message):
        run(*options)


def test_export_by_sub_needs_an_issuer_if_there_are_several(configure, idp):
    other_provider(configure, idp)
    with pytest.raises(CommandError, match="issuer is required"):
        run("--sub", "ada")


def test_export_of_nobody():
    with pytest.raises(CommandError, match="No user matches 'ghost'"):
        run("--user", "ghost")


@pytest.mark.parametrize(
    ("kept", "remote", "expected"),
    [
        (False, "203.0.113.7", ("", "")),
        (True, "203.0.113.7", ("Firefox, Linux", "203.0.113.0")),
        (True, "::ffff:203.0.113.7", ("Firefox, Linux", "203.0.113.0")),
        ({}, "203.0.113.7", ("", "")),
        ({"address": "truncated"}, "2001:db8:1:2::3", ("Firefox, Linux", "2001:db8:1::")),
        ({"address": "full"}, "203.0.113.7", ("Firefox, Linux", "203.0.113.7")),
        ({"address": "full"}, "fe80::1%eth0", ("Firefox, Linux", "fe80::1")),
        ({"address": "none"}, "203.0.113.7", ("Firefox, Linux", "")),
        ({"address": "?"}, "203.0.113.7", ("Firefox, Linux", "")),
        (True, "", ("Firefox, Linux", "")),
    ],
)
def test_device_and_address(settings, rf, kept, remote, expected):
    settings.OIDC_LOGOUT_KEEP_DEVICE = kept
    request = rf.get("/", REMOTE_ADDR=remote, headers={"user-agent": FIREFOX})
    assert tuple(devices.describe(request).values()) == expected


def test_devices_without_ua_parser_or_user_agent(settings, rf, monkeypatch):
    settings.OIDC_LOGOUT_KEEP_DEVICE = True
    assert devices.describe(rf.get("/"))["device"] == ""
    monkeypatch.setattr(devices, "ua_parser", None)
    request = rf.get("/", headers={"user-agent": FIREFOX})
    assert devices.describe(request)["device"] == ""
    (message,) = run_checks()
    assert message.id == "oidc_logout.W064"
    assert devices.describe(None) == {"device": "", "address": ""}


def test_ua_parser_need_not_be_installed(monkeypatch):
    with monkeypatch.context() as absent:
        absent.setitem(sys.modules, "ua_parser", None)
        assert importlib.reload(devices).ua_parser is None
    assert importlib.reload(devices).ua_parser is not None


def test_device_is_kept_with_the_session(settings, sign_in):
    settings.OIDC_LOGOUT_KEEP_DEVICE = True
    sign_in()
    assert OIDCSession.objects.get().address == "127.0.0.0"
    assert SessionEvent.objects.get().address == "127.0.0.0"
