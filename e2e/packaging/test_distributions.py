"""What is published: a wheel with the package, and a source distribution with everything."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from e2e.packaging.conftest import ROOT, run
from tests.absence import need, need_package

PACKAGE = ROOT / "django_oidc_logout"
CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = CONFIGURATION["project"]
# Where the long description links to, and what of the repository is shown there.
SHOWN = {
    "https://django-oidc-logout.readthedocs.io/en/latest/": "docs/",
    f"{PROJECT['urls']['Source']}/blob/main/": "",
    "https://raw.githubusercontent.com/django-oidc-logout/django-oidc-logout/main/": "",
}


@pytest.fixture(scope="module")
def wheel(distributions):
    with ZipFile(distributions.wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def sdist(distributions, tmp_path_factory):
    """Return the folder into which the source distribution was unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(distributions.sdist) as archive:
        archive.extractall(folder, filter="data")
    (unpacked,) = folder.iterdir()
    return unpacked


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
        "templates/admin/oidc_logout/sign_out_confirmation.html",
        "locale/de/LC_MESSAGES/django.mo",
        "locale/de/LC_MESSAGES/django.po",  # as Django's own: people correct what they can read
        "management/commands/oidc_logout_clear_sessions.py",
    ],
)
def test_wheel_holds_what_is_not_code(wheel, name):
    assert f"django_oidc_logout/{name}" in wheel


def test_wheel_holds_the_license(wheel):
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in wheel)


# W004: a migration's name begins with a digit, which only an import statement minds.
@pytest.mark.parametrize("tool", ["twine check --strict", "check_wheel_contents --ignore W004"])
def test_tools_find_no_fault(distributions, tool):
    module, *arguments = tool.split()
    need_package(module, module)
    files = [distributions.wheel] + [distributions.sdist] * (module == "twine")
    run(sys.executable, "-m", module, *arguments, *files)


def test_source_distribution_holds_what_the_repository_holds(sdist):
    need(shutil.which("git") and (ROOT / ".git").exists(), "the repository, or git,")
    tracked = subprocess.check_output(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, text=True
    ).split("\0")
    there = {name for name in tracked if name and (ROOT / name).is_file()}
    missing = {name for name in there if not (sdist / name).is_file()}
    assert missing == set()


def test_source_distribution_runs_its_tests(sdist):
    run(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
        *("tests/test_fields.py", "tests/test_tokens.py"),
        cwd=sdist,
    )


def test_what_is_needed_is_little(distributions):
    said = distributions.metadata.get_all("Requires-Dist")
    needed = {line.partition(">=")[0] for line in said if "extra ==" not in line}
    assert needed == {"cryptography", "django", "mozilla-django-oidc", "pyjwt[crypto]", "requests"}


def floors(requirements):
    """Return the one version that each requirement names."""
    parsed = [Requirement(line) for line in requirements]
    return {each.name: Version(next(iter(each.specifier)).version) for each in parsed}


def test_tox_pins_the_oldest_versions_that_are_supported():
    deps = CONFIGURATION["tool"]["tox"]["env"]["py311-lowest"]["deps"]
    assert floors(line for line in deps if "==" in line) == floors(PROJECT["dependencies"])


def test_metadata_is_the_projects(distributions):
    metadata = distributions.metadata
    assert metadata["Name"] == "django-oidc-logout"
    assert metadata["Version"] == PROJECT["version"]
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert metadata["Requires-Python"] == PROJECT["requires-python"]
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata.get_all("Classifier") == PROJECT["classifiers"]
    assert metadata.get_all("Project-URL") == [
        f"{name}, {url}" for name, url in PROJECT["urls"].items()
    ]


def test_long_description_is_rendered_without_loss(distributions):
    """Twine renders it only if a Markdown renderer is installed."""
    need_package("comrak", "readme-renderer[md]")
    from readme_renderer import markdown  # noqa: PLC0415  # may be absent

    html = markdown.render(distributions.metadata.get_payload())
    assert html.count("<h2") == (ROOT / "README.md").read_text().count("\n## ")
    assert "oidc_logout_button" in html
    assert "&lt;img" not in html
    links = re.findall(r'(?:href|src)="([^"]+)"', html)
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    for prefix, folder in SHOWN.items():
        named = [link.removeprefix(prefix) for link in links if link.startswith(prefix)]
        assert named, prefix
        files = [ROOT / folder / re.sub(r"\.html$", ".md", name) for name in named]
        assert [file for file in files if not file.is_file()] == []


@pytest.mark.parametrize("python", PROJECT["requires-python"].removeprefix(">=").split())
def test_classifiers_begin_where_the_requirement_does(python):
    named = [
        line.rpartition(" ")[2] for line in PROJECT["classifiers"] if ":: Python :: 3." in line
    ]
    assert named[0] == python
