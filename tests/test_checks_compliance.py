"""`check --deploy` names the requirements of security standards that the settings do not meet."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from django.core.checks import Tags, run_checks
from django.core.management import CommandError, call_command

from django_oidc_logout import providers
from tests.factories import ISSUER

REQUIREMENT = re.compile(r"\((?:(?:ASVS 5\.0 |NIST SP 800-63C-4 section |IPSIE )[^()]+)\)")
PROVIDERS = "django_oidc_logout.providers"


class OwnProvider(providers.OIDCProvider):
    """A site's own, which does not say whether it has a channel."""


def check(settings, **options):
    """Return the ids of the compliance checks for a provider that has the usual limit."""
    entry = {"ISSUER": ISSUER, "MAX_SESSION_AGE": 600, "REQUIRE_TYP": True, **options}
    settings.OIDC_LOGOUT_PROVIDERS = {"default": entry}
    settings.OIDC_LOGOUT_HISTORY_DAYS = 30
    return ids()


def ids():
    return [each.id.removeprefix("oidc_logout.") for each in messages()]


def messages(*, deploy=True):
    found = run_checks(tags=[Tags.security], include_deployment_checks=deploy)
    return [each for each in found if each.id.startswith("oidc_logout.W05")]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, []),
        ({"MAX_SESSION_AGE": None}, ["W051"]),
        ({"BACKEND": f"{PROVIDERS}.CognitoProvider"}, ["W054"]),
        ({"BACKEND": f"{PROVIDERS}.WorkOSProvider"}, ["W054"]),
        ({"BACKEND": f"{PROVIDERS}.AppleProvider"}, ["W054"]),
        ({"BACKEND": f"{PROVIDERS}.GoogleProvider"}, ["W054"]),
        ({"BACKEND": f"{PROVIDERS}.GoogleProvider", "SHARED_SIGNALS": {}}, []),
        ({"BACKEND": f"{PROVIDERS}.GoogleProvider", "RECHECK": True}, []),
        ({"BACKEND": f"{__name__}.OwnProvider"}, []),
        ({"BACKEND": "nowhere.Provider"}, []),
        ({"REQUIRE_TYP": False}, ["W055"]),
        ({"REQUIRE_TYP": False, "BACKEND": f"{PROVIDERS}.CognitoProvider"}, ["W054"]),
    ],
)
def test_providers(settings, options, expected):
    assert check(settings, **options) == expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("OIDC_LOGOUT_HISTORY_DAYS", 0, ["W052"]),
        ("OIDC_LOGOUT_HISTORY_DAYS", 1, []),
        ("OIDC_LOGOUT_FOLLOW_USER", False, ["W053"]),
        ("OIDC_LOGOUT_FOLLOW_USER", None, []),
    ],
)
def test_settings(settings, name, value, expected):
    check(settings)
    setattr(settings, name, value)
    assert ids() == expected


def test_each_provider_is_named(settings):
    check(settings)
    settings.OIDC_LOGOUT_PROVIDERS = {
        "one": {"ISSUER": ISSUER, "BACKEND": f"{PROVIDERS}.GoogleProvider"},
        "two": {"ISSUER": f"{ISSUER}/2", "MAX_SESSION_AGE": 5},
        "four": {"ISSUER": f"{ISSUER}/4", "MAX_SESSION_AGE": 5},
        "three": {"ISSUER": f"{ISSUER}/3", "BACKEND": f"{PROVIDERS}.WorkOSProvider"},
    }
    lifetime, channel, type_ = messages()
    assert "'two', 'four'" in type_.msg
    assert "'one', 'three'" in lifetime.msg
    assert "'one', 'three'" in channel.msg


@pytest.fixture
def _nothing_is_met(settings):
    settings.OIDC_LOGOUT_PROVIDERS = {
        "default": {"ISSUER": ISSUER, "BACKEND": f"{PROVIDERS}.GoogleProvider"},
        "other": {"ISSUER": f"{ISSUER}/other", "CLIENT_ID": "site"},
    }
    settings.OIDC_LOGOUT_FOLLOW_USER = False


@pytest.mark.usefixtures("_nothing_is_met")
def test_each_names_its_requirement_and_a_remedy():
    found = messages()
    assert [each.id[-4:] for each in found] == ["W051", "W052", "W053", "W054", "W055"]
    assert all(REQUIREMENT.search(each.msg) for each in found)
    assert all(each.hint for each in found)


@pytest.mark.usefixtures("_nothing_is_met")
def test_they_are_for_production_only():
    assert messages(deploy=False) == []


@pytest.mark.usefixtures("_nothing_is_met")
def test_they_can_be_silenced(settings):
    with pytest.raises(CommandError, match=r"ASVS 5\.0 7\.4\.2"):
        call_command("check", "--deploy", "--fail-level", "WARNING", stderr=StringIO())
    settings.SILENCED_SYSTEM_CHECKS = [f"oidc_logout.W05{n}" for n in range(1, 6)]
    assert ids() != []  # `run_checks` does not ask the setting; the command does
    err = StringIO()
    call_command("check", "--deploy", stderr=err)
    assert "oidc_logout." not in err.getvalue()
