"""Take the pictures of the admin console: `python -m e2e.providers.keycloak.screenshots`."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from docs.screenshots import smaller
from e2e.providers.keycloak.serve import ADMIN, PASSWORD
from e2e.providers.keycloak.server import REALM, SECRET, running
from e2e.providers.keycloak.sites import representation

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from e2e.providers.keycloak.server import Keycloak

FOLDER = Path(__file__).parents[3] / "docs" / "providers"
VIEW = {"width": 1280, "height": 1000}
# The first and the last field of each picture.
PICTURES = {
    "keycloak-access": ("help-label-validRedirectUri", "help-label-webOrigins"),
    "keycloak-logout": (
        "help-label-frontchannelLogout",
        "help-label-attributes.logout🍺confirmation🍺enabled",
    ),
}
LEFT, RIGHT, MARGIN = 300, 960, 40  # without the menu


def take(page: Page, keycloak: Keycloak) -> None:
    """Open the client's settings, and save a picture of each part."""
    admin = keycloak.admin()
    client = admin.add_client("site", SECRET, **representation("https://www.example.com"))
    try:
        page.goto(f"{keycloak.url}/admin/master/console/#/{REALM}/clients/{client}/settings")
        page.fill("#username", ADMIN)
        page.fill("#password", PASSWORD)
        page.click("#kc-login")
        page.get_by_text("Valid post logout redirect URIs").first.wait_for()
        page.wait_for_load_state("networkidle")
        for name, ends in PICTURES.items():
            (FOLDER / f"{name}.png").write_bytes(smaller(picture(page, *ends)))
    finally:
        admin.remove_client(client)


def picture(page: Page, first: str, last: str) -> bytes:
    """Return a picture of the page between two fields."""
    page.get_by_test_id(last).scroll_into_view_if_needed()
    top, bottom = (page.get_by_test_id(each).bounding_box() for each in (first, last))
    assert top
    assert bottom
    clip = {
        "x": LEFT,
        "y": top["y"] - MARGIN,
        "width": RIGHT - LEFT,
        "height": bottom["y"] - top["y"],
    }
    return page.screenshot(animations="disabled", clip=clip)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        with running(Path(os.environ.get("KEYCLOAK_RUN") or folder)) as keycloak:
            take(browser.new_page(viewport=VIEW), keycloak)


if __name__ == "__main__":
    main()
