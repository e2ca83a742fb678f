"""The page for contributors, and the forms that they fill in."""

from __future__ import annotations

import re

import pytest

from e2e.packaging.conftest import ROOT, load

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def test_what_they_are_told_to_make_can_be_made():
    named = set(re.findall(r"(?:^    |`)make ([a-z]+)", CONTRIBUTING, re.MULTILINE))
    assert {"test", "lint", "demo"} <= named
    assert named <= set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "SECURITY.md", "README.md", "CHANGELOG.md"])
def test_files_that_are_linked_to_are_there(page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text())
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_files_that_are_named_are_there():
    named = re.findall(r"`((?:\.|docs|e2e|tests|tools)[\w./-]*/[\w./-]*)`", CONTRIBUTING)
    assert len(named) > 5
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_form(path):
    form = load(path)
    if path.stem == "config":
        assert form == {"blank_issues_enabled": True}
        return
    assert {"name", "description", "body"} <= form.keys()
    asked = [item for item in form["body"] if item["type"] != "markdown"]
    assert len({item["id"] for item in asked}) == len(asked) > 0
    assert any(item.get("validations", {}).get("required") for item in asked)


def test_hooks_run_what_lint_runs_with_the_tools_of_the_environment():
    (source,) = load(ROOT / ".pre-commit-config.yaml")["repos"]
    assert source["repo"] == "local"
    commands = [hook["entry"].split() for hook in source["hooks"]]
    assert {command[0] for command in commands} <= {
        ".venv/bin/ruff",
        ".venv/bin/mypy",
        ".venv/bin/python",
    }
    lint = MAKEFILE.partition("\nlint:")[2].partition("\n\n")[0]
    for tool in ("ruff check", "ruff format", "mypy", "django makemigrations --check"):
        assert tool in lint
        assert any(tool in " ".join(command).replace(".venv/bin/", "") for command in commands)
