"""The same scenario at each site: what people, the provider and staff do, and what was forgotten.

The sites are what the documentation's pages say. See `table` for how they differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jwt
import pytest

from e2e.sites.table import STAFF

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.sites.federation import Federation, Site
    from e2e.sites.person import Person

    Visitor = Callable[[str, Federation], Person]


def claims_of(hint: str) -> dict[str, object]:
    return jwt.decode(hint, options={"verify_signature": False})


def outcomes(site: Site) -> list[tuple[str, bool]]:
    return [(each["outcome"], each["recorded"]) for each in site.said() if "outcome" in each]


def warnings(site: Site) -> list[str]:
    return [each["message"] for each in site.said() if each.get("level") in {"WARNING", "ERROR"}]


def sign_in_and_out(site: Site, ada: Person) -> None:
    before = len(outcomes(site))
    ada.sign_in(site)
    assert ada.was_asked
    sent = ada.press(site)
    assert sent["action"] == site.kind.button
    assert sent["client_id"] == site.client["client_id"]
    assert claims_of(sent["id_token_hint"])["iss"] == ada.federation.issuer
    assert outcomes(site)[before:] == [("redirect", True)]
    ada.sign_in(site)
    assert ada.was_asked, "the provider still knew who it is"
    ada.press(site)
    assert warnings(site) == []


def test_sign_in_and_sign_out(site: Site, federation: Federation, visitor: Visitor) -> None:
    sign_in_and_out(site, visitor("ada", federation))


@pytest.mark.parametrize("name", ["allauth", "authlib", "social"], indirect=True)
def test_at_django_oauth_toolkit(name: str, toolkit: Federation, visitor: Visitor) -> None:
    """That of mozilla-django-oidc is in `e2e/providers`."""
    sign_in_and_out(toolkit.site(name), visitor("ada", toolkit))


def test_sign_out_at_the_provider(site: Site, federation: Federation, visitor: Visitor) -> None:
    ada, other_browser = visitor("ada", federation), visitor("ada", federation)
    for browser in ada, other_browser:
        browser.sign_in(site)
    ada.sign_out_at_the_provider()
    assert not ada.is_signed_in(site)
    assert other_browser.is_signed_in(site)
    ada.sign_in(site)
    assert ada.was_asked
    assert warnings(site) == []


def test_staff_end_sessions(site: Site, federation: Federation, visitor: Visitor) -> None:
    grace, edith, staff = (visitor(name, federation) for name in ("grace", "edith", STAFF))
    for person in grace, edith, staff:
        person.sign_in(site)
    staff.sign_out_everybody_called(site, "grace")
    assert not grace.is_signed_in(site)
    assert edith.is_signed_in(site)
    grace.sign_in(site)
    assert not grace.was_asked, "staff end the session at the site alone"
    assert warnings(site) == []


def test_forgotten_step(name: str, federation: Federation, visitor: Visitor) -> None:
    """The sign-out reaches the provider, and a warning says what to do about the rest."""
    site, ada = federation.site(name, forgets=True), visitor("ada", federation)
    ada.sign_in(site)
    (warning,) = warnings(site)
    assert "sign-out will lack the hint" in warning
    sent = ada.press(site)
    assert sent["client_id"] == site.client["client_id"]
    assert "id_token_hint" not in sent
    assert outcomes(site) == [("redirect", False)]
    ada.sign_in(site)
    assert ada.was_asked
