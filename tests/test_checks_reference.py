"""The reference of the checks shows a mistake and its correction for each id, and both are real."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import django
import pytest
from django.core.checks import ERROR, WARNING, run_checks
from django.urls import include, path

from tests import settings as plain
from tests.factories import UNDECIDED

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reference" / "checks.md").read_text()
SECTION = re.compile(
    r"^### oidc_logout\.([EW]\d{3})\n(.*?)(?=^\(|^## |\Z)", re.MULTILINE | re.DOTALL
)
BLOCK = re.compile(r"```python\n# (\w+)\.py\n(.*?)```", re.DOTALL)
SECTIONS = dict(SECTION.findall(PAGE))
EXAMPLES = {id_: BLOCK.findall(text) for id_, text in SECTIONS.items()}

# These are about the database, what is installed, and code: tests/test_logout_buttons.py has W063,
# and tests/test_history.py W064.
# Some checks need other apps than those of the tests.
WITHOUT_EXAMPLE = {"W021", "W024", "W063", "W064"}
OTHER_APPS = {"E015", "W012", "W030"}
ELSEWHERE = {"W026", "W062"}  # in tests/contrib/test_social.py and tests/test_databases.py


def ids_in_code():
    rooms = (ROOT / "django_oidc_logout").glob("checks/*.py")
    return [
        id_ for room in rooms for id_ in re.findall(r"oidc_logout\.([EW]\d{3})", room.read_text())
    ]


def test_each_id_has_a_section_and_each_section_an_id():
    assert sorted(SECTIONS) == sorted(ids_in_code())
    assert len(SECTIONS) == PAGE.count("### oidc_logout.")


def test_each_section_has_an_anchor():
    assert {id_ for id_ in SECTIONS if f"(oidc-logout-{id_.lower()})=\n### " in PAGE} == {*SECTIONS}


def test_each_section_has_a_mistake_and_a_correction():
    lengths = {id_: len(blocks) for id_, blocks in EXAMPLES.items()}
    assert lengths == {id_: 0 if id_ in WITHOUT_EXAMPLE else 2 for id_ in SECTIONS}


def filled(value, usual):
    if not isinstance(value, list) or ... not in value:
        return value
    others = [entry for entry in usual if entry not in value]
    at = value.index(...)
    return [*value[:at], *others, *value[at + 1 :]]


def as_settings(kind, code):
    """Return the settings that a code block of the page defines."""
    namespace = {"include": include, "path": path}
    exec(code, namespace)
    if kind == "settings":
        return {
            name: filled(value, getattr(plain, name, []))
            for name, value in namespace.items()
            if name.isupper()
        }
    module = ModuleType(f"page_of_checks_{kind}")
    vars(module).update(namespace)
    if kind == "urls":
        return {"ROOT_URLCONF": module}
    sys.modules[module.__name__] = module
    return {"AUTHENTICATION_BACKENDS": [f"{module.__name__}.MyBackend"]}


@pytest.fixture(autouse=True)
def _function_of_the_page(monkeypatch):
    module = ModuleType("mysite.oidc")
    module.providers = dict
    monkeypatch.setitem(sys.modules, "mysite", ModuleType("mysite"))
    monkeypatch.setitem(sys.modules, module.__name__, module)


def found(settings, id_, kind, code):
    for name, value in as_settings(kind, code).items():
        setattr(settings, name, value)
    others = UNDECIDED - {f"oidc_logout.{id_}"}
    messages = run_checks(include_deployment_checks=True)
    own = [message for message in messages if message.id.startswith("oidc_logout.")]
    return [message for message in own if message.id not in others]


@pytest.mark.parametrize("id_", sorted({*SECTIONS} - WITHOUT_EXAMPLE - OTHER_APPS - ELSEWHERE))
def test_the_mistake_is_reported(settings, id_):
    kind, code = EXAMPLES[id_][0]
    if "django.middleware.csp" in code and django.VERSION < (6,):
        assert found(settings, id_, kind, code) == []  # Django does not have this middleware yet
        return
    messages = found(settings, id_, kind, code)
    assert messages
    assert {message.id for message in messages} == {f"oidc_logout.{id_}"}
    assert {message.level for message in messages} == {ERROR if id_[0] == "E" else WARNING}
    assert all(message.hint for message in messages)


@pytest.mark.parametrize("id_", sorted({*SECTIONS} - WITHOUT_EXAMPLE - OTHER_APPS - ELSEWHERE))
def test_the_correction_is_not_reported(settings, id_):
    kind, code = EXAMPLES[id_][1]
    assert found(settings, id_, kind, code) == []


PROJECTS = {
    "W030": {
        "settings": """
from tests.settings import *
from settings_of_page import INSTALLED_APPS as said

INSTALLED_APPS = [*INSTALLED_APPS, "django.contrib.messages", *said[1:]]
INSTALLED_APPS.remove("django_oidc_logout")
MIDDLEWARE = [*MIDDLEWARE, "allauth.account.middleware.AccountMiddleware"]
""",
        "urls": "",
    },
    "E015": {
        "settings": "from tests.settings import *\nfrom settings_of_page import *\n",
        "urls": "",
    },
    "W012": {
        "settings": """
from tests.admin.settings import *

ROOT_URLCONF = "page_urls"
""",
        "urls": """
from django.contrib import admin
from django.urls import path
from tests.urls import urlpatterns
from sites_of_page import StaffSite

urlpatterns = [
    *urlpatterns,
    path("admin/", admin.site.urls),
    path("staff/", StaffSite(name="staff").urls),
]
""",
    },
}


@pytest.mark.parametrize("remedied", [False, True])
@pytest.mark.parametrize("id_", sorted(OTHER_APPS))
def test_a_mistake_and_its_correction_with_other_apps(tmp_path, id_, remedied):
    kind, code = EXAMPLES[id_][remedied]
    (tmp_path / f"{kind}_of_page.py").write_text(code)
    for name in ("settings", "urls"):
        (tmp_path / f"page_{name}.py").write_text(PROJECTS[id_][name])
    answer = check(tmp_path)
    assert ("ERRORS" in answer) is (id_[0] == "E" and not remedied)
    assert {*re.findall(r"\(oidc_logout\.(\w+)\)", answer)} == (set() if remedied else {id_})


def check(folder):
    """Return the output of `manage.py check`."""
    run = subprocess.run(
        [sys.executable, "-m", "django", "check", "--no-color"],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "page_settings",
            "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in run.stderr, run.stderr
    return run.stdout + run.stderr
