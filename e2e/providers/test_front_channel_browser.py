"""A real provider's frames in a real Chromium, which sends no cookies to another site."""

from __future__ import annotations

import shutil
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.absence import need

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from django_oidc_logout.demo.agreed import Site
    from e2e.providers.federation import Federation


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


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def sign_in(page: Page, site: Site, *, asked: bool) -> None:
    page.goto(site.url)
    page.get_by_role("link", name="Sign in", exact=True).click()
    if asked:
        page.fill("[name=login]", "ada")
        page.fill("[name=password]", "any")
        press(page, "Sign-in")
    press(page, "Continue")
    page.wait_for_url(f"{site.url}/")
    page.get_by_text("You are signed in").wait_for()


def test_a_frame_ends_the_other_sites_session(front_channel: Federation, page: Page) -> None:
    here, there = front_channel.sites
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    sign_in(page, here, asked=True)
    sign_in(page, there, asked=False)
    visit = front_channel.arrivals(there, "/")[-1]
    assert f"site_{there.port}_session=" in str(visit["Cookie"])

    page.goto(here.url)
    press(page, "Sign out")
    press(page, "Yes, sign me out")
    page.wait_for_url(f"{here.post_logout_redirect_uri}?state=*")
    page.get_by_text("You are signed out").wait_for()

    frame = front_channel.arrivals(there, "/oidc/logout/frontchannel/")[-1]
    assert frame["Sec-Fetch-Dest"] == "iframe"
    assert frame["Sec-Fetch-Site"] == "cross-site"
    assert frame["Cookie"] is None
    assert not [complaint for complaint in complaints if "frame" in complaint]

    page.goto(there.url)
    page.get_by_text("You are not signed in").wait_for()
    page.get_by_role("link", name="Sign in", exact=True).click()
    page.wait_for_url(f"{front_channel.provider.url}/interaction/*")
    page.locator("[name=password]").wait_for()
