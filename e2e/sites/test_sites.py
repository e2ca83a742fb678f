"""The same scenario at each site: what people, the provider and staff do, and what was forgotten.

The sites are what the documentation's pages say. See `table` for how they differ.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import jwt
import pytest

from e2e.providers.waiting import eventually
from e2e.sites.person import Page
from e2e.sites.table import BUTTONS_PAGE, STAFF
from tests.docs.markdown import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.sites.federation import Federation, Site
    from e2e.sites.person import Person

    Visitor = Callable[[str, Federation], Person]

LINE = re.compile(r"Add (path\(.+?\)\)) before it")


def claims_of(hint: str) -> dict[str, object]:
    return jwt.decode(hint, options={"verify_signature": False})


def outcomes(site: Site) -> list[tuple[str, bool]]:
    return [(each["outcome"], each["recorded"]) for each in site.said() if "outcome" in each]


def warnings(site: Site) -> list[str]:
    """Return the warnings at a site but for sign-ins that were refused, which is a test's own."""
    said = [each["message"] for each in site.said() if each.get("level") in {"WARNING", "ERROR"}]
    return [message for message in said if not message.startswith("Refused a sign-in")]


def logins(site: Site) -> int:
    return sum("logged_in" in each for each in site.said())


def hints(site: Site) -> list[tuple[str, str]]:
    """Return what Django's checks say of a site's configuration: IDs, and what to do."""
    (said,) = (each["checks"] for each in site.said() if "checks" in each)
    return [(check_id, hint) for check_id, hint in said]


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
    assert hints(site) == []


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


@pytest.mark.parametrize("name", ["allauth", "authlib", "social"], indirect=True)
def test_ended_stays_ended(site: Site, federation: Federation, visitor: Visitor) -> None:
    """That of mozilla-django-oidc is in `e2e/providers`."""
    mary, staff = visitor("mary", federation), visitor(STAFF, federation)
    for person in mary, staff:
        person.sign_in(site)
    staff.sign_out_everybody_called(site, "mary", reauthenticate="yes")
    ended, before = time.time(), logins(site)
    assert not mary.is_signed_in(site)

    page = mary.press_sign_in(site)
    assert not mary.was_asked
    assert page.status_code == 403
    assert "with your password" in page.text
    assert logins(site) == before, "the sign-in was refused only after login()"

    (way_on,) = (link for link in Page(page).links if "/logout/reauthenticate/" in link)
    assert eventually(lambda: time.time() >= int(ended) + 1)  # `auth_time` is in whole seconds
    mary.get(way_on)  # leads to the site's login page, which is its home page
    mary.sign_in(site)
    assert mary.was_asked
    assert logins(site) == before + 1


def test_forgotten_step(name: str, federation: Federation, visitor: Visitor) -> None:
    """The sign-out reaches the provider, and a warning says what to do about the rest."""
    site, ada = federation.site(name, forgets=True), visitor("ada", federation)
    assert {check_id for check_id, _ in hints(site)} == site.kind.told
    ada.sign_in(site)
    (warning,) = warnings(site)
    assert "sign-out will lack the hint" in warning
    sent = ada.press(site)
    assert sent["client_id"] == site.client["client_id"]
    assert "id_token_hint" not in sent
    assert outcomes(site) == [("redirect", False)]
    ada.sign_in(site)
    assert ada.was_asked


@pytest.mark.parametrize("name", ["wagtail"], indirect=True)
def test_the_check_of_logout_buttons_says_the_documented_lines(
    name: str, federation: Federation
) -> None:
    """`test_browser` presses the buttons with these lines."""
    found = hints(federation.site(name, forgets=True))
    lines = [LINE.match(hint)[1] for check_id, hint in found if check_id == "oidc_logout.W056"]
    assert [line.split('"')[1] for line in lines] == ["cms/logout/", "api-auth/logout/"]
    page = (ROOT / BUTTONS_PAGE).read_text()
    assert [line for line in lines if f"    {line},\n" not in page] == []
