"""Axe reports no violations, on phone and desktop, with light and dark colours."""

import pytest

from e2e.browsers.conftest import in_chromium
from e2e.browsers.pages import (
    AXE,
    DESKTOP,
    PHONE,
    VIOLATIONS,
    confirm,
    not_signed_out,
    reauthenticate,
    refresh,
    sessions,
    signed_out,
)
from tests.absence import need

pytestmark = in_chromium


@pytest.fixture(params=["light", "dark"])
def scheme(request):
    return request.param


@pytest.fixture(params=[PHONE, DESKTOP], ids=["phone", "desktop"])
def viewport(request):
    return request.param


@pytest.fixture
def visitor(ada, viewport, scheme):
    """Return Ada, whose browser runs axe on every page."""
    axe = need(AXE.is_file() and AXE.read_text(), "npm's axe-core")
    visitor = ada(viewport=viewport, color_scheme=scheme)
    visitor.at_each_page(axe)
    return visitor


def signed_in(visitor, settings, provider):
    visitor.open("/oidc/logout/callback/")
    visitor.see("You are signed in")


@pytest.mark.parametrize(
    "page", [confirm, refresh, signed_out, not_signed_out, signed_in, sessions, reauthenticate]
)
def test_page(visitor, settings, provider, page):
    page(visitor, settings, provider)
    visitor.settle()
    assert visitor.evaluate(VIOLATIONS) == [True, []]
