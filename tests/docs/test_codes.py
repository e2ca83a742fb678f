"""Each outcome, end, rejection and log line has a code, and the reference lists them all."""

from __future__ import annotations

import ast
import re
from dataclasses import fields

import pytest
from django.dispatch import Signal

from django_oidc_logout import signals
from django_oidc_logout.codes import LogCode
from django_oidc_logout.doctor.findings import TITLES
from django_oidc_logout.outcome import Outcome
from tests.docs.codes_page import ENUMS, PAGE, log_calls, messages, written
from tests.docs.source import syntax_trees

LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
NOT_LOGGERS = {"logger", "messages", "message"}  # Django's messages, and an asyncio task
SENDING = {"send", "asend", "send_robust", "asend_robust"}


def test_the_page_is_up_to_date():
    """If it is not, run `python -m tests.docs.codes_page`."""
    assert PAGE.read_text() == written(PAGE.read_text())


@pytest.mark.parametrize("enum", ENUMS)
def test_codes_are_stable_words(enum):
    assert [code.value for code in enum] == [code.name.lower() for code in enum]
    sentences = [code.sentence for code in enum if code.sentence]
    assert len({*sentences}) == len(sentences)


def keywords(call):
    return {each.arg: ast.unparse(each.value) for each in call.keywords}


def calls():
    """Return each call in the package with where it is, to be read in a failure."""
    return [
        (f"{module}:{node.lineno}", node)
        for module, tree in syntax_trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    ]


def test_each_log_line_has_a_code():
    found = log_calls()
    assert len(found) > 40
    without = [call for _, call in found if ".extra(" not in keywords(call).get("extra", "")]
    assert [ast.unparse(call) for call in without] == []


def test_each_log_line_is_found():
    """Nothing logs under another name than `logger`, which is always the package's."""
    others = [
        where
        for where, call in calls()
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in LEVELS
        and ast.unparse(call.func.value) not in NOT_LOGGERS
    ]
    assert others == []
    made = {ast.unparse(call) for _, call in calls() if "getLogger" in ast.unparse(call.func)}
    assert made == {"logging.getLogger('django_oidc_logout')"}


def sent():
    """Return the calls that send a signal of the package, each with the signal's name."""
    names = {name for name, value in vars(signals).items() if isinstance(value, Signal)}
    return [
        (name, call)
        for _, call in calls()
        for name in names
        if (name in map(ast.unparse, call.args[:1]) and "announce" in ast.unparse(call.func))
        or ast.unparse(call.func).startswith(f"{name}.send")
    ]


def test_each_signal_has_a_code():
    """The outcome of a sign-out has one; a security event is named by its URI."""
    named = {"signed_out": "outcome", "security_event": "event"}
    found = sent()
    assert {name for name, _ in found} == {
        name for name, value in vars(signals).items() if isinstance(value, Signal)
    }
    without = [name for name, call in found if named.get(name, "code") not in keywords(call)]
    assert without == []
    assert "code" in {each.name for each in fields(Outcome)}


def test_no_signal_is_sent_in_another_way():
    """A sending that `test_each_signal_has_a_code` does not see would have no code to check."""
    expected = {"logout_token_rejected.send_robust", "signal.send_robust"}
    sending = {
        ast.unparse(call.func)
        for _, call in calls()
        if isinstance(call.func, ast.Attribute) and call.func.attr in SENDING
    }
    assert sending - {"self.send"} == expected  # `self` is a consumer, which sends to a socket


def test_each_refusal_has_a_code_of_its_own():
    """Without one, the exception would have the code of its base class."""
    raised = [
        (where, call)
        for where, call in calls()
        if ast.unparse(call.func) in {"LogoutTokenInvalid", "SecurityEventInvalid"}
    ]
    assert len(raised) > 30
    assert [where for where, call in raised if not has_rejected_code(call)] == []


def has_rejected_code(call):
    given = [*map(ast.unparse, call.args), keywords(call).get("code", "")]
    return any(text.startswith("RejectedCode.") or text == "code" for text in given)


def test_each_json_response_that_refuses_or_reports_has_a_code():
    functions = [
        (module, node)
        for module, tree in syntax_trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and "JsonResponse(" in ast.unparse(node)
    ]
    assert len(functions) > 5
    without = {
        f"{module}.{node.name}": node
        for module, node in functions
        if "'code'" not in ast.unparse(node)
    }
    # The first says nothing but whether; the second gets its code from its callers.
    refusals = "django_oidc_logout.sign_in.refusals"
    assert set(without) == {"django_oidc_logout.views.get", f"{refusals}._unauthorized"}
    codes = [
        keywords(node)["code"]
        for node in ast.walk(syntax_trees()[refusals])
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "_unauthorized"
    ]
    assert codes == ["refusal.code", "EndedCode.OVERDUE"]


def test_each_finding_of_the_doctor_has_a_code():
    made = [
        call
        for where, call in calls()
        if where.startswith("django_oidc_logout.doctor.")
        and ast.unparse(call.func).removeprefix("findings.") in {"ok", "warning", "error"}
    ]
    assert len(made) > 50
    constants = [call.args[0].value for call in made if isinstance(call.args[0], ast.Constant)]
    assert {*constants} <= {*TITLES}
    named = {text for call in made for text in re.findall(r"'([\w-]+)'", ast.unparse(call))}
    assert {*TITLES} - named - {"checks"} == set()


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
