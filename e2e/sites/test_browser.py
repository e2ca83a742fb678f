"""Other packages' logout buttons in a real Chromium: each reaches a real provider with a hint."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import jwt

from e2e.providers import interaction
from tests.absence import need_package
from tests.docs.markdown import ROOT, blocks_of

if TYPE_CHECKING:
    from e2e.browsers.chromium import ChromiumVisitor
    from e2e.sites.federation import Federation, Site


def headless(site: Site) -> str:
    """Return the script that docs/how-to/allauth.md says, as an expression."""
    blocks = blocks_of((ROOT / "docs" / "how-to" / "allauth.md").read_text())
    (script,) = (block.text for block in blocks if block.language == "javascript")
    own = script.replace("csrftoken=", f"site_{site.port}_csrf=")
    return f"(async () => {{ {own}; return meta.provider; }})()"


def sign_in(window: ChromiumVisitor, site: Site) -> None:
    """Sign in at the provider, which asks for the password."""
    window.open(f"{site.url}/")
    window.click("form button, a")
    interaction.say_who(window)
    interaction.consent(window)
    window.see("You are signed in")


def confirm(window: ChromiumVisitor, federation: Federation, site: Site) -> None:
    """Confirm at the provider, which has a hint, and come back."""
    window.arrive(federation.issuer)
    (hint,) = parse_qs(urlsplit(window.url).query)["id_token_hint"]
    claims = jwt.decode(hint, options={"verify_signature": False})
    assert (claims["sub"], claims["aud"]) == ("ada", site.client["client_id"])
    interaction.confirm(window)
    window.arrive(f"{site.url}/")


def test_allauths_page_and_its_headless_api(
    federation: Federation, window: ChromiumVisitor
) -> None:
    need_package("allauth", "django-allauth")
    site = federation.site("allauth")
    sign_in(window, site)
    window.click("form button")
    confirm(window, federation, site)
    assert window.url == f"{site.url}/"

    sign_in(window, site)
    assert window.evaluate(headless(site)) == "redirect"
    confirm(window, federation, site)
    window.open(f"{site.url}/")
    window.click("form button")
    window.find("[name=password]")


def test_wagtails_sidebar_and_the_browsable_api(
    federation: Federation, window: ChromiumVisitor
) -> None:
    need_package("wagtail", "wagtail")
    site = federation.site("wagtail")
    sign_in(window, site)
    window.open(f"{site.url}/cms/account/")
    window.click("button.sidebar-footer__account")
    window.press_button("Log out")
    confirm(window, federation, site)
    assert window.url.startswith(f"{site.url}/cms/login/")

    sign_in(window, site)
    window.open(f"{site.url}/api/")
    window.click(".dropdown-toggle")
    window.follow("Log out")
    confirm(window, federation, site)
    assert window.url == f"{site.url}/api/"
