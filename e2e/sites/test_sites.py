"""The same scenario at each site: what people, the provider and staff do, and what was forgotten.

The sites are what the documentation's pages say. See `table` for how they differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jwt

from e2e.sites.table import STAFF

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.sites.federation import Federation, Site
    from e2e.sites.person import Person

    Visitor = Callable[[str], Person]


def claims_of(hint: str) -> dict[str, object]:
    return jwt.decode(hint, options={"verify_signature": False})


def outcomes(site: Site) -> list[tuple[str, bool]]:
    return [(each["outcome"], each["recorded"]) for each in site.said() if "outcome" in each]


def warnings(site: Site) -> list[str]:
    return [each["message"] for each in site.said() if each.get("level") in {"WARNING", "ERROR"}]


def test_sign_in_and_sign_out(site: Site, federation: Federation, visitor: Visitor) -> None:
    ada, before = visitor("ada"), len(outcomes(site))
    ada.sign_in(site)
    assert ada.was_asked
    sent = ada.press(site)
    assert sent["action"] == site.kind.button
    assert sent["client_id"] == site.client["client_id"]
    hint = claims_of(sent["id_token_hint"])
    assert (hint["iss"], hint["sub"]) == (federation.issuer, "ada")
    assert outcomes(site)[before:] == [("redirect", True)]
    ada.sign_in(site)
    assert ada.was_asked, "the provider still knew who it is"
    ada.press(site)
    assert warnings(site) == []


def test_sign_out_at_the_provider(site: Site, visitor: Visitor) -> None:
    ada, other_browser = visitor("ada"), visitor("ada")
    for browser in ada, other_browser:
        browser.sign_in(site)
    ada.sign_out_at_the_provider()
    assert not ada.is_signed_in(site)
    assert other_browser.is_signed_in(site)
    ada.sign_in(site)
    assert ada.was_asked
    assert warnings(site) == []


def test_staff_end_sessions(site: Site, visitor: Visitor) -> None:
    grace, edith, staff = visitor("grace"), visitor("edith"), visitor(STAFF)
    for person in grace, edith, staff:
        person.sign_in(site)
    staff.sign_out_everybody_called(site, "grace")
    assert not grace.is_signed_in(site)
    assert edith.is_signed_in(site)
    grace.sign_in(site)
    assert not grace.was_asked, "staff end the session at the site alone"
    assert warnings(site) == []
