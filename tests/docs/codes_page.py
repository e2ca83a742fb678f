"""The tables of docs/reference/codes.md, made from the enumerations.

`python -m tests.docs.codes_page` writes them into the page.
"""

from __future__ import annotations

import ast
import inspect
import re

from django_oidc_logout.codes import (
    EndedCode,
    LogCode,
    NotEndedCode,
    OutcomeCode,
    RefusedCode,
    RejectedCode,
    SignInCode,
    Source,
)
from django_oidc_logout.doctor.findings import TITLES
from tests.docs.markdown import ROOT
from tests.docs.source import syntax_trees

PAGE = ROOT / "docs" / "reference" / "codes.md"
ENUMS = (OutcomeCode, EndedCode, NotEndedCode, RejectedCode, SignInCode, RefusedCode, LogCode)
TABLE = re.compile(r"^\|.*\n(?:\|.*\n)+", re.MULTILINE)


def log_calls():
    """Return the calls that log something, each with its module."""
    return [
        (module, node)
        for module, tree in syntax_trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and ast.unparse(node.func.value) == "logger"
    ]


def messages():
    """Return the messages of each `LogCode`."""
    found = {}
    for _, call in log_calls():
        extra = next(ast.unparse(each.value) for each in call.keywords if each.arg == "extra")
        if extra.startswith("LogCode."):
            message = call.args[1 if call.func.attr == "log" else 0].value
            found.setdefault(LogCode[extra.split(".")[1]], set()).add(message)
    return found


def tables():
    """Return the page's tables in their order."""
    said = messages()
    meanings = dict(re.findall(r'= "(\w+)"\n\s+"""(.*?)"""', inspect.getsource(Source)))
    sentences = {
        enum: [(code, code.sentence or " / ".join(sorted(said.get(code, [])))) for code in enum]
        for enum in ENUMS
    }
    by_name = {
        enum.__name__: [["Code", "Sentence"], *([f"`{code}`", f"`{text}`"] for code, text in each)]
        for enum, each in sentences.items()
    }
    by_name["EndedCode"] = [
        ["Code", "Source", "Sentence"],
        *([f"`{code}`", f"`{code.source}`", f"`{text}`"] for code, text in sentences[EndedCode]),
    ]
    by_name["Source"] = [["Source", "Who"], *([f"`{each}`", meanings[each]] for each in Source)]
    by_name["Findings"] = [
        ["Code", "About"],
        *([f"`{code}`", title] for code, title in TITLES.items()),
    ]
    order = (
        "OutcomeCode",
        "EndedCode",
        "Source",
        "NotEndedCode",
        "RejectedCode",
        "SignInCode",
        "RefusedCode",
        "LogCode",
        "Findings",
    )
    return ["".join(_lines(by_name[name])) for name in order]


def _lines(rows):
    head, *others = rows
    return [f"| {' | '.join(row)} |\n" for row in [head]] + [
        f"|{'---|' * len(head)}\n",
        *(f"| {' | '.join(row)} |\n" for row in others),
    ]


def written(page):
    """Return the page with the tables as they must be."""
    remaining = iter(tables())
    return TABLE.sub(lambda _: next(remaining), page)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
