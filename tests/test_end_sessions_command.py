"""`manage.py oidc_logout_end_sessions`."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from django.utils import timezone

from django_oidc_logout.management.commands import oidc_logout_end_sessions as command
from django_oidc_logout.models import OIDCSession, ReauthenticationMark
from django_oidc_logout.sessions import end, engines, index, reauthentication
from django_oidc_logout.signals import session_ended
from tests.factories import ISSUER, create_row, other_provider

pytestmark = pytest.mark.django_db

COMMAND = "oidc_logout_end_sessions"
OTHER = "https://other.example.com"


@pytest.fixture
def rows():
    """Create rows: Ada has two, at two issuers; Bob has one, from yesterday."""
    users = get_user_model().objects
    ada = users.create(username="ada", email="ada@example.com")
    bob = users.create(username="bob", email="bob@example.com")
    yesterday = timezone.now() - timedelta(days=1)
    create_row(user=ada, sid="1")
    create_row(user=ada, sid="1", issuer=OTHER)
    create_row(user=bob, sub="bob", sid="2", signed_in_at=yesterday)


def run(*arguments, **options):
    out = options.pop("out", io.StringIO())
    call_command(COMMAND, *arguments, "--no-input", stdout=out, **options)
    return out.getvalue()


NOW = timezone.now().isoformat()
TODAY = timezone.localdate().isoformat()  # the command reads a date in TIME_ZONE
# The arguments, and how many of the three sessions end.
CASES = [
    (["--all"], 3),
    (["--user", "ada"], 2),
    (["--user", "BOB@example.com"], 1),
    (["--issuer", OTHER], 1),
    (["--issuer", OTHER, "--sub", "ada"], 1),
    (["--sub", "ada"], 1),
    (["--sid", "2"], 1),
    (["--sid", "9"], 0),
    (["--user", "ada", "--sid", "2"], 0),
    (["--signed-in-before", "2000-01-01"], 0),
    (["--signed-in-before", NOW, "--user", "bob"], 1),
    (["--signed-in-before", TODAY, "--user", "ada"], 0),
]


@pytest.mark.requirement("ASVS 7.4.5")
@pytest.mark.parametrize(("arguments", "count"), CASES)
@pytest.mark.usefixtures("rows")
def test_what_ends(arguments, count):
    assert run(*arguments, "--dry-run") == f"Sessions that would end: {count}\n"
    assert OIDCSession.objects.count() == 3
    assert run(*arguments) == f"Sessions to end: {count}\nSessions ended: {count}\n"
    assert OIDCSession.objects.count() == 3 - count


@pytest.mark.parametrize("text", ["2000-01-01", "2100-01-01T00:00+02:00"])
def test_time_without_time_zones(settings, text):
    settings.USE_TZ = False
    assert timezone.is_naive(command._time(text))


WRONG = [
    ([], "Give at least one criterion"),
    (["--all", "--user", "ada"], "--all allows only --signed-in-before"),
    (["--user", "nobody"], "No user matches 'nobody'"),
    (["--signed-in-before", "yesterday"], "invalid _time value"),
    (["--issuer", ISSUER, "--sub", ""], "--sub is empty"),
    (["--user", ""], "--user is empty"),
    (["--all", "--sid", ""], "--all allows only --signed-in-before"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
@pytest.mark.usefixtures("rows")
def test_what_is_wrong(arguments, message):
    with pytest.raises(CommandError, match=message):
        run(*arguments)
    assert OIDCSession.objects.count() == 3


def test_issuer_is_needed_if_there_are_several(configure, idp):
    other_provider(configure, idp)
    with pytest.raises(CommandError, match="issuer is required"):
        run("--sub", "ada")


@pytest.mark.parametrize(("answer", "left"), [("yes", 0), ("no", 3), ("", 3)])
@pytest.mark.usefixtures("rows")
def test_it_asks(monkeypatch, capsys, answer, left):
    monkeypatch.setattr("builtins.input", lambda prompt: answer)
    call_command(COMMAND, "--all")
    assert OIDCSession.objects.count() == left
    assert ("No session has ended" in capsys.readouterr().out) is bool(left)


@pytest.mark.usefixtures("rows")
def test_nobody_can_confirm(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(CommandError, match="Add --no-input"):
        call_command(COMMAND, "--all", stdout=io.StringIO())
    assert OIDCSession.objects.count() == 3


@pytest.mark.usefixtures("rows")
def test_reauthentication(idp):
    run("--sub", "grace", "--issuer", OTHER, "--reauthenticate")
    assert ReauthenticationMark.objects.count() == 1
    run("--user", "ada", "--reauthenticate")
    assert ReauthenticationMark.objects.count() == 3
    run("--all")
    assert ReauthenticationMark.objects.count() == 3


# The arguments, and whether they select somebody who can be required to authenticate again.
MARKED = [
    (["--user", "ada"], True),
    (["--user", "grace"], False),  # without a session
    (["--user", "ada", "--signed-in-before", "2000-01-01"], False),
    (["--sid", "9"], False),
    (["--sub", "grace"], True),
    (["--user", "grace", "--sub", "grace"], True),
]


@pytest.mark.parametrize(("arguments", "is_marked"), MARKED)
@pytest.mark.usefixtures("rows", "idp")
def test_person_without_a_session_cannot_be_required_to_authenticate(arguments, is_marked):
    get_user_model().objects.create(username="grace")
    err = io.StringIO()
    run(*arguments, "--reauthenticate", stderr=err)
    assert ReauthenticationMark.objects.exists() is is_marked
    assert ("--issuer URL --sub SUB" not in err.getvalue()) is is_marked


@pytest.mark.usefixtures("rows")
def test_no_warning_if_nobody_must_authenticate_again():
    err = io.StringIO()
    run("--sid", "9", stderr=err)
    assert err.getvalue() == ""


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def many(monkeypatch):
    """Create ten rows, to be ended three at a time."""
    monkeypatch.setattr(index, "BATCH", 3)
    for _ in range(10):
        create_row()


@pytest.mark.usefixtures("many")
def test_progress():
    out = run("--all", out=Terminal())
    assert "\r[#########---------------------] 3/10\r" in out
    assert "\r[##############################] 10/10\n" in out


@pytest.mark.usefixtures("many")
def test_it_goes_on_after_an_interruption(monkeypatch):
    calls = []
    real = end.end_rows

    def interrupted(rows, **arguments):
        calls.append(len(rows))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(rows, **arguments)

    with monkeypatch.context() as patched:
        patched.setattr(end, "end_rows", interrupted)
        with pytest.raises(CommandError, match=r"ended: 6, left: 4\..*signed-in-before 20") as got:
            run("--all")
    assert got.value.returncode == 130
    before = str(got.value).split()[-1].rstrip(".")
    create_row(sub="since", signed_in_at=timezone.now() + timedelta(minutes=1))
    assert "Sessions ended: 4" in run("--all", "--signed-in-before", before)
    assert OIDCSession.objects.get().sub == "since"


@pytest.mark.usefixtures("many")
def test_interruption_of_a_command_with_a_time(monkeypatch):
    def interrupted(rows, **arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(end, "end_rows", interrupted)
    with pytest.raises(CommandError, match=r"run the same command again\.$"):
        run("--signed-in-before", "2100-01-01")


@pytest.mark.usefixtures("many")
def test_interruption_of_a_receiver(monkeypatch):
    """What has ended is announced, and counted."""
    told = []

    def interrupted(session, **_):
        told.append(session.sub)
        if len(told) == 2:
            raise KeyboardInterrupt

    session_ended.connect(interrupted)
    try:
        with pytest.raises(CommandError, match=r"ended: 3, left: 7\."):
            run("--all")
    finally:
        session_ended.disconnect(interrupted)
    assert len(told) == 3
    assert OIDCSession.objects.count() == 7


@pytest.mark.usefixtures("many")
def test_interruption_of_the_question(monkeypatch):
    def interrupted(_question):
        raise KeyboardInterrupt

    monkeypatch.setattr("builtins.input", interrupted)
    with pytest.raises(CommandError, match=r"No session has ended\.") as got:
        call_command("oidc_logout_end_sessions", "--all", stdout=io.StringIO())
    assert got.value.returncode == 130
    assert OIDCSession.objects.count() == 10


@pytest.mark.usefixtures("many")
def test_session_that_begins_while_the_command_asks_stays(monkeypatch):
    def answer(_question):
        create_row(sub="later")
        return "yes"

    monkeypatch.setattr("builtins.input", answer)
    out = io.StringIO()
    call_command("oidc_logout_end_sessions", "--all", stdout=out)
    assert "Sessions ended: 10" in out.getvalue()
    assert OIDCSession.objects.get().sub == "later"


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("criterion", [["--issuer", ISSUER, "--sub", "ada"], ["--user", "ada"]])
def test_nobody_is_signed_out_if_the_marks_cannot_be_written(monkeypatch, caplog, criterion):
    def down(_digests, _using):
        raise DatabaseError

    monkeypatch.setattr(reauthentication, "_write", down)
    with pytest.raises(CommandError):
        run(*criterion, "--reauthenticate")
    assert OIDCSession.objects.count() == 3
    assert "Could not require people to authenticate again" in caplog.text


@pytest.mark.usefixtures("many")
def test_session_that_begins_in_the_meantime_stays(monkeypatch):
    real = end.end_rows

    def and_begin(rows, **arguments):
        create_row(sub="later")
        return real(rows, **arguments)

    monkeypatch.setattr(end, "end_rows", and_begin)
    assert "Sessions ended: 10" in run("--all")
    assert set(OIDCSession.objects.values_list("sub", flat=True)) == {"later"}


@pytest.mark.usefixtures("many")
def test_sessions_that_cannot_be_ended(monkeypatch):
    fails = str(OIDCSession.objects.order_by("pk")[4].session_key)
    real = engines.delete

    def delete(*keys):
        if fails in keys:
            raise ConnectionError
        real(*keys)

    monkeypatch.setattr(engines, "delete", delete)
    with pytest.raises(CommandError, match="could not be ended: 1"):
        run("--issuer", ISSUER)
    assert OIDCSession.objects.get().session_key == fails
