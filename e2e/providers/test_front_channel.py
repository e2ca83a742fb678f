"""A real provider shows frames, in which a browser without cookies visits real sites."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from e2e.providers.visitor import Page, Visitor

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from django_oidc_logout.demo.agreed import Site
    from e2e.providers.federation import Federation
    from e2e.providers.visitor import ProviderVisitor


@pytest.fixture
def nobody() -> Iterator[Visitor]:
    """Return a client that loads the frames: a browser that sends no cookies."""
    with Visitor() as visitor:
        yield visitor


def frame_of(site: Site, page: requests.Response) -> str:
    """Return the address of the frame for a site."""
    (address,) = (frame for frame in Page(page).frames if frame.startswith(site.url))
    return address


def test_the_frame_for_the_other_site_ends_its_session(
    front_channel: Federation, visitor: ProviderVisitor, nobody: Visitor
) -> None:
    here, there = front_channel.sites
    visitor.sign_in(here)
    visitor.sign_in_unasked(there)

    page = visitor.sign_out(here)
    assert page.url.startswith(front_channel.provider.url)
    assert len(Page(page).frames) == 2
    address = frame_of(there, page)
    query = parse_qs(urlsplit(address).query)
    assert query.keys() == {"iss", "sid"}
    assert query["iss"] == [front_channel.provider.url]
    assert not visitor.is_signed_in(here)
    assert visitor.is_signed_in(there)  # a visitor sees frames, but does not load them

    frame = nobody.get(address)
    assert frame.status_code == 200
    assert "X-Frame-Options" not in frame.headers
    assert frame.headers["Content-Security-Policy"] == (
        f"frame-ancestors {front_channel.provider.url}"
    )
    assert not visitor.is_signed_in(there)

    landed = visitor.get(Page(page).links[-1])
    assert landed.url.startswith(here.post_logout_redirect_uri)
    assert "You are signed out" in landed.text
    assert visitor.is_asked_who_they_are(visitor.press_sign_in(there))


def test_the_frame_for_one_session_leaves_another_browser_alone(
    front_channel: Federation,
    visitor: ProviderVisitor,
    other_browser: ProviderVisitor,
    nobody: Visitor,
) -> None:
    here, there = front_channel.sites
    for browser in visitor, other_browser:
        browser.sign_in(here)
        browser.sign_in_unasked(there)

    page = visitor.sign_out(here)
    for site in here, there:
        assert nobody.get(frame_of(site, page)).status_code == 200
    assert not visitor.is_signed_in(there)
    assert other_browser.is_signed_in(here)
    assert other_browser.is_signed_in(there)
