"""The package's own pages, which all run under `default-src 'self'` here."""

import pytest
from django.core.cache import cache

from e2e.browsers.conftest import in_chromium

pytestmark = in_chromium

PHONE = {"width": 320, "height": 568}
IS_STYLED = "getComputedStyle(document.querySelector('main')).borderRadius !== '0px'"
NOTE_VIOLATIONS = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));
"""
FITS = "document.documentElement.scrollWidth <= innerWidth"


def stay(handler):
    """Answer a sign-out so that the page which led to it stays."""
    handler.body(b"", status=204)


def confirm(visitor, settings, provider):
    visitor.open("/oidc/logout/")
    visitor.see("Sign out?")


def refresh(visitor, settings, provider):
    settings.OIDC_LOGOUT_RESPONSE = "refresh"
    provider.idp.answers["/end-session"] = stay
    visitor.click()
    visitor.see("Continue if nothing happens")


def told(visitor, settings, provider):
    visitor.click()
    visitor.see("Signed out at 127.0.0.1.")


def not_told(visitor, settings, provider):
    provider.idp.metadata["end_session_endpoint"] = ""
    cache.clear()
    visitor.click()
    visitor.see("127.0.0.1 could not be notified.")


def sessions(visitor, settings, provider):
    visitor.open("/oidc/sessions/")
    visitor.see("Where you are signed in")


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
