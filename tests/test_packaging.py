"""What is in the wheel, and that the migrations are complete."""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path
from zipfile import ZipFile

import pytest
from django.core.management import call_command

from tests.absence import need_package

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "django_oidc_logout"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    need_package("hatchling", "hatchling")
    builder = import_module("hatchling.builders.wheel").WheelBuilder(str(ROOT))
    path = next(builder.build(directory=str(tmp_path_factory.mktemp("wheel"))))
    with ZipFile(path) as archive:
        return set(archive.namelist())


def test_wheel_holds_the_package_and_nothing_else(wheel):
    code = {name for name in wheel if ".dist-info/" not in name}
    assert {name.partition("/")[0] for name in code} == {"django_oidc_logout"}
    files = {
        str(path.relative_to(ROOT))
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert code == files


@pytest.mark.parametrize(
    "name",
    [
        "py.typed",
        "migrations/0001_initial.py",
        "static/oidc_logout/pages.css",
        "templates/oidc_logout/signed_out.html",
        "locale/de/LC_MESSAGES/django.mo",
        "management/commands/clear_oidc_sessions.py",
    ],
)
def test_wheel_holds_what_is_not_code(wheel, name):
    assert f"django_oidc_logout/{name}" in wheel


def test_wheel_holds_the_license(wheel):
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in wheel)


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_what_is_needed_is_little():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {requirement.partition(">=")[0] for requirement in project["dependencies"]}
    assert names == {"django", "mozilla-django-oidc", "pyjwt[crypto]", "requests"}
