"""allauth's own logout in a real Chromium: its page, and its headless API called by a script."""

from __future__ import annotations

import shutil
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.absence import need, need_package

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from e2e.sites.federation import Federation, Site

# As docs/how-to/allauth.md says, with the CSRF token that Django wants of a script.
HEADLESS = """async () => {
  const token = document.cookie.match(/site_\\d+_csrf=([^;]+)/)[1];
  const options = { method: "DELETE", headers: { "X-CSRFToken": token } };
  const { meta } = await (await fetch("/_allauth/browser/v1/auth/session", options)).json();
  if (meta.redirect_to) window.location.assign(meta.redirect_to);
  return meta.provider;
}"""


@pytest.fixture
def page() -> Iterator[Page]:
    """Return a window that can open only servers on this machine."""
    executable = need(shutil.which("chromium"), "chromium")
    need(find_spec("playwright"), "Python's playwright")
    with import_module("playwright.sync_api").sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, chromium_sandbox=False)
        page = browser.new_page()
        page.route("https://**", lambda route: route.abort())
        yield page
        browser.close()


def sign_in(page: Page, site: Site) -> None:
    """Sign in at the provider, which asks for the password."""
    page.goto(site.url)
    page.locator("form button").click()
    page.fill("[name=login]", "ada")
    page.fill("[name=password]", "any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_text("You are signed in").wait_for()


def come_back(page: Page, site: Site) -> None:
    page.get_by_role("button", name="Yes, sign me out").click()
    page.wait_for_url(f"{site.url}/")
    assert "You are signed in" not in page.content()


def test_allauths_page_and_its_headless_api(federation: Federation, page: Page) -> None:
    need_package("allauth", "django-allauth")
    site = federation.site("allauth")
    sign_in(page, site)
    page.locator("form button").click()
    come_back(page, site)

    sign_in(page, site)
    assert page.evaluate(HEADLESS) == "redirect"
    come_back(page, site)
    page.locator("form button").click()
    page.locator("[name=password]").wait_for()
