"""The package's own pages, which all run under `default-src 'self'` here."""

import pytest

from e2e.browsers.conftest import in_chromium
from e2e.browsers.pages import PHONE, confirm, not_told, refresh, sessions, told

pytestmark = in_chromium

IS_STYLED = "getComputedStyle(document.querySelector('main')).borderRadius !== '0px'"
NOTE_VIOLATIONS = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));
"""
FITS = "document.documentElement.scrollWidth <= innerWidth"


@pytest.mark.parametrize("page", [confirm, refresh, told, not_told, sessions])
def test_page(ada, settings, provider, page):
    """It keeps the policy, has its style, and needs no scrolling sideways on a small phone."""
    visitor = ada(viewport=PHONE)
    visitor.at_each_page(NOTE_VIOLATIONS)
    page(visitor, settings, provider)
    visitor.settle()
    assert visitor.evaluate(IS_STYLED)
    assert visitor.evaluate(FITS)
    assert visitor.evaluate("violations") == []
