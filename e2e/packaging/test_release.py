"""The workflow that publishes: when it runs, with which rights, and what it rejects."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from e2e.packaging.conftest import ROOT, load, run
from tests.absence import need

WORKFLOWS = ROOT / ".github" / "workflows"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
MAY_PUBLISH = {"id-token": "write"}
MAY_READ = {"contents": "read"}


@pytest.fixture
def release():
    return load(WORKFLOWS / "release.yml")


@pytest.fixture
def build(release):
    return release["jobs"]["build"]["steps"]


def test_a_tag_publishes_and_nothing_else(release):
    assert release[True] == {"push": {"tags": ["v*"]}}  # YAML takes "on" for a truth


def test_rights_are_the_least(release):
    assert release["permissions"] == {}
    assert {name: job["permissions"] for name, job in release["jobs"].items()} == {
        "green": {"actions": "read"},
        "build": MAY_READ,
        "publish": MAY_PUBLISH,
    }


def test_what_may_publish_runs_nothing_of_the_repository(release):
    """Neither tests nor builds of dependencies run with the right to publish."""
    publish = release["jobs"]["publish"]
    assert [step.get("uses", "").partition("@")[0] for step in publish["steps"]] == [
        "actions/download-artifact",
        "pypa/gh-action-pypi-publish",
    ]
    assert publish["needs"] == "build"
    assert release["jobs"]["build"]["needs"] == "green"
    assert publish["environment"] == "release"
    assert publish["steps"][-1]["with"] == {"attestations": True}


@pytest.mark.parametrize("path", sorted(WORKFLOWS.glob("*.yml")), ids=lambda path: path.name)
def test_workflow(path):
    workflow = load(path)
    assert workflow["permissions"] in ({}, MAY_READ)
    assert all(0 < job["timeout-minutes"] <= 60 for job in workflow["jobs"].values())
    text = path.read_text()
    assert "secrets." not in text
    assert "password" not in text
    assert not re.search(r"run: .*\$\{\{", text), "what others name must not be part of a script"
    assert "cancel-in-progress" in workflow["concurrency"]
    for line in re.findall(r"uses: (.*)", text):
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", line), "not pinned by its commit"
    checkouts = text.count("uses: actions/checkout@")
    assert text.count("persist-credentials: false") == checkouts


def test_zizmor_finds_no_fault():
    zizmor = need(shutil.which("zizmor", path=str(Path(sys.executable).parent)), "zizmor")
    run(zizmor, "--offline", "--quiet", WORKFLOWS)


@pytest.mark.parametrize(("runs", "passes"), [("1", True), ("2", True), ("0", False), ("", False)])
def test_commit_on_which_ci_has_not_succeeded_is_refused(release, tmp_path, runs, passes):
    (step,) = release["jobs"]["green"]["steps"]
    gh = tmp_path / "gh"
    gh.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n[ -n "{runs}" ] && echo {runs}\n')
    gh.chmod(0o755)
    done = subprocess.run(
        [need(shutil.which("bash"), "bash"), "-e", "-c", step["run"]],
        env={
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "GITHUB_REPOSITORY": "owner/name",
            "GITHUB_SHA": "c0ffee",
        },
        capture_output=True,
        check=False,
    )
    assert (done.returncode == 0) is passes, done.stderr
    asked = (tmp_path / "asked").read_text()
    assert "repos/owner/name/actions/workflows/ci.yml/runs" in asked
    assert (WORKFLOWS / "ci.yml").is_file()
    for filter_ in ("head_sha=c0ffee", "branch=main", "event=push", "status=success"):
        assert f"-f {filter_}" in asked


@pytest.mark.parametrize(
    ("tag", "heading", "passes"),
    [
        (f"v{VERSION}", f"## {VERSION} - 2030-01-01", True),
        (f"v{VERSION}", f"## [{VERSION}] - 2030-01-01", True),
        (f"v{VERSION}", "## Unreleased", False),
        (f"v{VERSION}", f"## {VERSION}1", False),
        (f"v{VERSION}", f"Not {VERSION}", False),
        (VERSION, f"## {VERSION}", False),
        (f"v{VERSION}1", f"## {VERSION}1", False),
        ("v", f"## {VERSION}", False),
    ],
)
def test_tag_that_is_not_the_version_is_refused(build, tmp_path, tag, heading, passes):
    (script,) = (step["run"] for step in build if "TAG" in step.get("env", {}))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n{heading}\n")
    bash = need(shutil.which("bash"), "bash")
    done = subprocess.run(
        [bash, "-e", "-c", script],
        cwd=tmp_path,
        env=os.environ | {"TAG": tag},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) is passes, done.stderr
    assert bool(done.stdout) is not passes


def test_what_is_checked_is_what_is_published(build):
    """The distributions that the tests build are the same; those in dist/ are checked by twine."""
    commands = [step.get("run", "") for step in build]
    assert any("python -m build\n" in command for command in commands)
    assert any("twine check --strict dist/*" in command for command in commands)
    assert build[-1]["with"]["path"] == "dist/"
