"""The doctor beside real identity providers: the demo's own, and npm's oidc-provider."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command

from django_oidc_logout.demo.processes import agreement
from django_oidc_logout.doctor import site as doctor_site
from e2e.demo.running import SITE_SETTINGS, Demo
from e2e.providers.waiting import SECONDS
from tests.absence import need_package
from tests.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_oidc_logout.demo.agreed import Provider, Site
    from e2e.providers.federation import Federation

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def demo_of_the_doctor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    need_package("oauth2_provider", "django-oauth-toolkit")
    demo = Demo(tmp_path_factory.mktemp("demo"))
    with demo.running():
        yield demo


@pytest.fixture(params=["demo_of_the_doctor", "provider_9"])
def place(request: pytest.FixtureRequest) -> Demo | Federation:
    """Return sites beside each of the two providers in turn."""
    return request.getfixturevalue(request.param)


def doctor(place: Demo | Federation, site: Site, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the command as people do, in the project and the database of a running site."""
    is_demo = isinstance(place, Demo)
    environment = agreement(place.sites, place.provider, place.folder) | {
        "DEMO_SITE_PORT": str(site.port),
        "DJANGO_SETTINGS_MODULE": SITE_SETTINGS if is_demo else "e2e.providers.settings",
    }
    return subprocess.run(
        [sys.executable, "manage.py", "oidc_logout_doctor", "--site", site.url, *options],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def expected_warnings(place: Demo | Federation) -> list[str]:
    """Return what the doctor warns of: the demo's provider has no stream that could be verified."""
    return ["Security events"] if isinstance(place, Demo) else []


def test_all_is_well(place: Demo | Federation) -> None:
    for site in place.sites:
        answer = doctor(place, site)
        assert answer.returncode == 0, answer.stdout
        warned = re.findall(r"^ +! (.+?)  ", answer.stdout, re.MULTILINE)
        assert warned == expected_warnings(place), answer.stdout


def test_all_is_well_for_machines(place: Demo | Federation) -> None:
    site = place.sites[1]
    answer = doctor(place, site, "--format", "json")
    report = json.loads(answer.stdout)
    (provider,) = report["providers"].values()
    assert report["ok"]
    not_ok = [each["title"] for each in provider["findings"] if each["status"] != "ok"]
    assert not_ok == expected_warnings(place)
    assert provider["register"] == {
        "post_logout_redirect_uri": site.post_logout_redirect_uri,
        "backchannel_logout_uri": site.backchannel_logout_uri,
    }  # neither of the two has the front-channel


# What is wrong in the settings, the finding, and a part of the remedy.
MISTAKES: dict[str, tuple[dict[str, Any], str, str]] = {
    "a slash too many": ({"ISSUER": "{url}/"}, "issuer", 'set OIDC_LOGOUT_PROVIDERS["default"]'),
    "a realm too many": ({"ISSUER": "{url}/realms/main"}, "discovery", "ISSUER is the whole URL"),
    "nobody there": ({"ISSUER": "http://127.0.0.1:{free}"}, "discovery", "Run curl -v"),
    "plain http": ({"ISSUER": "http://idp.example.com"}, "tls", "https URL"),
    "another algorithm": ({"ALGORITHMS": ["ES512"]}, "algorithms", '["RS256"]'),
    "keys elsewhere": ({"JWKS_URI": "{url}/keys"}, "keys", "JWKS_URI"),
    "no keys": (
        {"JWKS_URI": "{url}/.well-known/openid-configuration"},
        "keys",
        "what the provider signs with",
    ),
    "no client": ({"CLIENT_ID": ""}, "client", "OIDC_RP_CLIENT_ID"),
    "no such page": (
        {"END_SESSION_ENDPOINT": "{url}/nowhere"},
        "end-session-answer",
        "Check the URL",
    ),
    "an endpoint on http": (
        {"END_SESSION_ENDPOINT": "http://idp.example.com/logout"},
        "end-session",
        "END_SESSION_ENDPOINT",
    ),
    "a misspelt key": ({"CLIENT": "site"}, "oidc_logout.E002", "The keys are"),
}


def filled(value: Any, provider: Provider) -> Any:
    if not isinstance(value, str):
        return value
    (free,) = free_ports(1)
    return value.format(url=provider.url, free=free)


@pytest.mark.django_db
@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake(
    place: Demo | Federation,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    mistake: tuple[dict[str, Any], str, str],
) -> None:
    options, name, remedy = mistake
    monkeypatch.setattr(doctor_site, "_seen_by_another_process", lambda *_: True)
    settings.OIDC_OP_JWKS_ENDPOINT = None
    entry = {key: filled(value, place.provider) for key, value in options.items()}
    settings.OIDC_LOGOUT_PROVIDERS = {"default": {"ISSUER": place.provider.url, **entry}}
    out = io.StringIO()
    with pytest.raises(SystemExit, match="1"):
        call_command("oidc_logout_doctor", stdout=out, format="json")
    report = json.loads(out.getvalue())
    found = report["site"]["findings"] + report["providers"]["default"]["findings"]
    (fault,) = [f for f in found if f["id"] == name and f["status"] == "error"]
    assert remedy in fault["remedy"]
