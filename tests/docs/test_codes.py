"""Each outcome, end, rejection and log line has a code, and the reference lists them all."""

from __future__ import annotations

import ast

import pytest

from django_oidc_logout.codes import LogCode
from tests.docs.codes_page import ENUMS, PAGE, log_calls, messages, written
from tests.docs.source import syntax_trees


def test_the_page_is_up_to_date():
    """If it is not, run `python -m tests.docs.codes_page`."""
    assert PAGE.read_text() == written(PAGE.read_text())


@pytest.mark.parametrize("enum", ENUMS)
def test_codes_are_stable_words(enum):
    assert [code.value for code in enum] == [code.name.lower() for code in enum]
    sentences = [code.sentence for code in enum if code.sentence]
    assert len({*sentences}) == len(sentences)


def test_each_log_line_has_a_code():
    def has_code(call):
        extra = {each.arg: ast.unparse(each.value) for each in call.keywords}.get("extra", "")
        return ".extra(" in extra

    assert [(module, call.lineno) for module, call in log_calls() if not has_code(call)] == []


def test_each_message_has_a_code_of_its_own():
    found = messages()
    assert [code for code in LogCode if len(found.get(code, ())) != 1] == []


def test_each_code_is_used():
    """A code that nothing can send would be an empty promise."""
    used = {
        ast.unparse(node)
        for tree in syntax_trees().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
    }
    unused = [code for enum in ENUMS for code in enum if f"{enum.__name__}.{code.name}" not in used]
    assert unused == []
