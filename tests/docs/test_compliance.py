"""The compliance page is made from the tests that name requirements; the checks name no others."""

from __future__ import annotations

import re

import pytest

from django_oidc_logout.checks import compliance
from tests.docs.compliance_page import PAGE, proofs, requirements, standards, written
from tests.docs.source import PACKAGE

NUMBER = re.compile(r"ASVS 5\.0 ([\d.]+)(?: and ([\d.]+))?|800-63C-4 section ([\d.]+)|IPSIE (SL\d)")


def test_the_page_is_up_to_date():
    """If it is not, run `python -m tests.docs.compliance_page`."""
    assert PAGE.read_text() == written(PAGE.read_text())
    assert PAGE.read_text().count("[^asvs-7-4-1]") == 2


def test_each_requirement_has_a_test_unless_it_asks_for_a_document():
    documents = {id_ for id_, each in requirements().items() if each.get("is_document")}
    assert len(requirements()) > 30
    assert {*requirements()} - {*proofs()} == documents


def test_each_test_names_a_requirement_that_there_is():
    assert {*proofs()} <= {*requirements()}


def test_the_marker_of_a_test_that_runs_is_the_one_that_is_read(request):
    marked = [item for item in request.session.items if item.get_closest_marker("requirement")]
    named = {(f"{item.module.__name__}", item.originalname) for item in marked}
    read = {name for tests in proofs().values() for name in tests}
    for module, name in named:
        file = module.partition(".")[2].replace(".", "/")
        assert f"{file}::{name}" in read


@pytest.mark.parametrize("standard", standards(), ids=lambda each: each["prefix"])
def test_each_says_what_is_asked_and_how_it_is_met(standard):
    assert all(each["asks"] and each["met"] for each in standard["requirement"])
    assert len({"level" in each for each in standard["requirement"]}) == 1


def test_checks_name_requirements_that_the_page_has():
    text = re.sub(r'"\s+"', "", (PACKAGE / "checks" / "compliance.py").read_text())
    named = [next(filter(None, each)) for each in NUMBER.findall(text)]
    second = [each[1] for each in NUMBER.findall(text) if each[1]]
    known = [id_.split(" ", 1)[1] for id_ in requirements()]
    assert len(named) > len(compliance.CHECKS)
    assert [each for each in named + second if not any(k.startswith(each) for k in known)] == []
