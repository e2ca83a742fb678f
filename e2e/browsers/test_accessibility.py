"""Axe finds nothing to complain about, on a phone and at a desk, in the light and in the dark."""

import pytest

from e2e.browsers.conftest import in_chromium
from e2e.browsers.pages import (
    AXE,
    DESKTOP,
    PHONE,
    VIOLATIONS,
    confirm,
    not_told,
    refresh,
    sessions,
    told,
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
    """Return Ada, who takes axe along to every page."""
    axe = need(AXE.is_file() and AXE.read_text(), "npm's axe-core")
    visitor = ada(viewport=viewport, color_scheme=scheme)
    visitor.at_each_page(axe)
    return visitor


def signed_in(visitor, settings, provider):
    visitor.open("/oidc/logout/callback/")
    visitor.see("You are signed in")


@pytest.mark.parametrize("page", [confirm, refresh, told, not_told, signed_in, sessions])
def test_page(visitor, settings, provider, page):
    page(visitor, settings, provider)
    visitor.settle()
    assert visitor.evaluate(VIOLATIONS) == [True, []]
