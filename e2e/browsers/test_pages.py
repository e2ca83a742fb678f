"""The package's own pages, which all run under `default-src 'self'` here."""

import pytest

from e2e.browsers.conftest import in_chromium
from e2e.browsers.pages import (
    PHONE,
    confirm,
    not_signed_out,
    reauthenticate,
    refresh,
    sessions,
    signed_out,
)

pytestmark = in_chromium

IS_STYLED = "getComputedStyle(document.querySelector('main')).borderRadius !== '0px'"
NOTE_VIOLATIONS = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));
"""
FITS = "document.documentElement.scrollWidth <= innerWidth"


@pytest.mark.parametrize(
    "page", [confirm, refresh, signed_out, not_signed_out, sessions, reauthenticate]
)
def test_page(ada, settings, provider, page):
    """Each follows the policy, has its style, and does not scroll sideways on a small phone."""
    visitor = ada(viewport=PHONE)
    visitor.at_each_page(NOTE_VIOLATIONS)
    page(visitor, settings, provider)
    visitor.settle()
    assert visitor.evaluate(IS_STYLED)
    assert visitor.evaluate(FITS)
    assert visitor.evaluate("violations") == []


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no javascript"])
def test_sign_in_again(ada, settings, provider, javascript):
    """The page that refuses a sign-in has a way on, to where the person wanted to go."""
    visitor = ada(javascript=javascript)
    reauthenticate(visitor, settings, provider)
    visitor.follow("Sign in again")
    visitor.see("This page is for ada@example.com.")
    assert visitor.url == f"{visitor.site}/watched/"
