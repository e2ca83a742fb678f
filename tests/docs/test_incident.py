"""The steps of docs/how-to/incident.md do what the page says. The commands are the page's own."""

from __future__ import annotations

import io
import shlex
import time

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command, get_commands, load_command_class
from django.core.management.base import SystemCheckError
from django.test import Client

from django_oidc_logout.models import OIDCSession
from tests.absence import need_package
from tests.docs.markdown import ROOT, blocks_of, fragments_of
from tests.docs.test_code_blocks import MANAGE
from tests.factories import create_row, is_signed_in, other_provider, post_logout_token

pytestmark = pytest.mark.django_db

PAGE = "docs/how-to/incident.md"
AN_HOUR_AGO = int(time.time()) - 3600


@pytest.fixture
def commands(idp):
    """Return a function that returns the commands of a section, each as a function to run it."""
    need_package("markdown_it", "markdown-it-py")

    def of(section, **replaced):
        text = (ROOT / PAGE).read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
        replaced = {"https://idp.example.com": idp.issuer, **replaced}
        found = [
            MANAGE.fullmatch(command)[1]
            for block in blocks_of(text)
            if block.language == "console"
            for command in block.commands()
        ]
        assert found
        return [runner([replaced.get(part, part) for part in shlex.split(line)]) for line in found]

    return of


def runner(line):
    """Return a function that runs a command as `manage.py` does, with its system checks."""
    name, *arguments = line
    command = load_command_class(get_commands()[name], name)
    options = {"skip_checks": False} if command.requires_system_checks else {}
    if name == "oidc_logout_end_sessions":
        options["interactive"] = False

    def run():
        out = io.StringIO()
        try:
            call_command(command, *arguments, stdout=out, stderr=out, **options)
        except SystemExit:
            assert name == "oidc_logout_doctor"  # it has found something
        return out.getvalue()

    return run


@pytest.fixture
def laptop(sign_in):
    """Return a browser that has signed in here, an hour after the provider asked its person."""
    return sign_in(auth_time=AN_HOUR_AGO)


def gets_in(sign_in):
    """Return whether somebody who is still signed in at the provider gets in with one click."""
    client = Client()
    try:
        sign_in(client, auth_time=AN_HOUR_AGO)
    except AssertionError:  # the answer is not a redirect
        return False
    return is_signed_in(client)


def test_stolen_laptop(laptop, sign_in, commands, settings):
    settings.OIDC_LOGOUT_HISTORY_DAYS = 90
    user = get_user_model().objects.get()
    end, _, history = commands("A stolen laptop", ada=user.username)
    assert "Sessions ended: 1" in end()
    assert not is_signed_in(laptop)
    assert not gets_in(sign_in)
    assert '"refused"' in history()


def test_stolen_laptop_that_is_signed_in_only_at_the_provider(laptop, sign_in, commands):
    laptop.post("/oidc/logout/", {"local": "1"})
    user, sub = get_user_model().objects.get(), "248289761001"
    by_user, by_sub, _ = commands("A stolen laptop", ada=user.username, **{sub: "ada"})
    assert "no session matches" in by_user()
    assert gets_in(sign_in)
    assert OIDCSession.objects.get().sub == "ada"
    by_sub()
    assert not gets_in(sign_in)


@pytest.mark.urls("tests.test_account")
def test_sign_out_everywhere_else_does_not_ask_for_the_password(laptop, sign_in):
    phone = sign_in(auth_time=AN_HOUR_AGO)
    phone.post("/oidc/sessions/", {"everywhere_else": "1"})
    assert not is_signed_in(laptop)
    assert gets_in(sign_in)


def test_somebody_leaves(laptop, commands, django_capture_on_commit_callbacks):
    user = get_user_model().objects.get()
    (left,) = commands("Somebody leaves", ada=user.username)
    assert left() == "Sessions that would end: 1\n"
    user.is_active = False
    with django_capture_on_commit_callbacks(execute=True):
        user.save()
    assert left() == "Sessions that would end: 0\n"
    assert not is_signed_in(laptop)


def test_leaked_signing_key(laptop, sign_in, commands):
    clear, doctor, end = commands("A signing key of the provider has leaked")
    clear()
    assert "Keys" in doctor()
    assert "Sessions ended: 1" in end()
    assert not is_signed_in(laptop)
    assert not gets_in(sign_in)


def stop_sign_ins(settings):
    namespace = {}
    exec(fragments_of(PAGE, "The provider was breached")["# settings.py"], namespace)
    settings.AUTHENTICATION_BACKENDS = namespace["AUTHENTICATION_BACKENDS"]


def test_breach_of_the_only_provider(laptop, sign_in, commands, settings, logout_token):
    stop_sign_ins(settings)
    assert not is_signed_in(laptop)
    assert not gets_in(sign_in)
    (end,) = commands("The provider was breached")
    assert "Sessions ended: 1" in end()
    assert not OIDCSession.objects.exists()
    assert post_logout_token(logout_token()).status_code == 200
    settings.OIDC_LOGOUT_PROVIDERS = {}
    with pytest.raises(SystemCheckError, match=r"oidc_logout\.E001"):
        end()


def test_breach_of_one_of_several_providers(laptop, commands, idp, configure, settings):
    other_provider(configure, idp)
    (end,) = commands("The provider was breached")
    stay = create_row(issuer="https://other.example.com")
    assert "Sessions ended: 1" in end()
    assert not is_signed_in(laptop)
    assert OIDCSession.objects.get() == stay
    settings.OIDC_LOGOUT_PROVIDERS = {"other": settings.OIDC_LOGOUT_PROVIDERS["other"]}
    assert post_logout_token(idp.logout_token()).json()["code"] == "unknown_provider"
    assert end().startswith("Sessions to end: 0")


def test_leaked_secret_key(laptop, commands, settings):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another" * 10, []
    assert not is_signed_in(laptop)
    (end,) = commands("The site's own secret key has leaked")
    assert "Sessions ended: 1" in end()
    assert not OIDCSession.objects.exists()
