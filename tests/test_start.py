"""The system checks, as a new process runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import django_oidc_logout

ROOT = Path(django_oidc_logout.__file__).parent.parent


def run(*arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )


# Prints the ids of what two runs find, of which the first imports the checks.
CHECK = """
import json, django
from django.core.checks import run_checks
from django.test import override_settings
django.setup()
with override_settings(OIDC_LOGOUT_PROVIDERS={{}}):
    for options in {first}, {everything}:
        print(json.dumps(sorted(message.id for message in run_checks(**options))))
"""
EVERYTHING = {"include_deployment_checks": True, "databases": ["default"]}
FIRST_RUNS = {"everything": EVERYTHING, "one tag": {"tags": ["oidc_logout"]}}


@pytest.mark.parametrize("first", FIRST_RUNS.values(), ids=FIRST_RUNS)
def test_what_checks_find_they_say_each_time_and_once(first):
    printed = run("-c", CHECK.format(first=first, everything=EVERYTHING)).stdout
    found, again = map(json.loads, printed.splitlines())
    mine = [name for name in again if name.startswith("oidc_logout.")]
    assert mine == sorted(set(mine))
    assert set(found) <= set(again)
    assert "oidc_logout.E001" in found
    if first is EVERYTHING:
        assert found == again
