"""The tables of docs/explanation/compliance.md: requirements, and the tests that prove them.

A test names what it proves: `@pytest.mark.requirement("ASVS 7.4.1")`. What a requirement asks for,
and how it is met, is in requirements.toml. `python -m tests.docs.compliance_page` writes the page.
"""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

from tests.docs.markdown import ROOT

PAGE = ROOT / "docs" / "explanation" / "compliance.md"
FOLDERS = ("tests", "e2e")
GENERATED = re.compile(r"(?<=<!-- generated -->\n).*(?=<!-- end -->)", re.DOTALL)
MARK = "pytest.mark.requirement"


@cache
def standards():
    """Return the standards with their requirements, as they are written."""
    return tomllib.loads(Path(__file__).with_name("requirements.toml").read_text())["standard"]


def requirements():
    """Return each requirement by its id with the standard's prefix, as tests name it."""
    return {
        f"{standard['prefix']} {each['id']}": each
        for standard in standards()
        for each in standard["requirement"]
    }


@cache
def proofs():
    """Return the tests, as file::test, by the requirement that they name."""
    found = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("test_*.py")):
            file = path.relative_to(ROOT / folder).with_suffix("")
            for node in ast.walk(ast.parse(path.read_text())):
                for id_ in _named_by(node):
                    found.setdefault(id_, []).append(f"{file}::{node.name}")
    return found


def _named_by(node):
    marks = [
        mark
        for mark in getattr(node, "decorator_list", [])
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == MARK
    ]
    return [argument.value for mark in marks for argument in mark.args]


def _note(id_):
    return re.sub(r"\W+", "-", id_.lower().replace("*", "all")).strip("-")


def _section(standard):
    ids = {each["id"]: f"{standard['prefix']} {each['id']}" for each in standard["requirement"]}
    has_levels = "level" in standard["requirement"][0]
    head = ["Requirement", *(["L"] if has_levels else []), "How it is met"]
    rows = [head, ["---"] * len(head)]
    for each in standard["requirement"]:
        name = f"`{each['id']}`" if standard["prefix"] == "OpenID" else f"**{each['id']}**"
        mark = "" if each.get("is_document") else f"[^{_note(ids[each['id']])}]"
        level = [str(each["level"])] if has_levels else []
        rows.append([f"{name} {each['asks']}", *level, each["met"] + mark])
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    notes = "".join(
        f"[^{_note(id_)}]: {', '.join(f'`{test}`' for test in proofs()[id_])}\n"
        for id_ in ids.values()
        if id_ in proofs()
    )
    card = f":::{{container}} cards requirements\n{table}:::\n"
    return f"## {standard['name']}\n\n{standard['intro']}\n\n{card}\n{notes}\n"


def written(page):
    """Return the page with the tables as they must be."""
    tables = "\n" + "".join(map(_section, standards()))
    return GENERATED.sub(lambda _: tables, page)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
