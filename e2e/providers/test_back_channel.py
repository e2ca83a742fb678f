"""Real providers post their logout tokens to real sites."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django_oidc_logout.demo.agreed import Site
    from e2e.providers.federation import Federation
    from e2e.providers.visitor import ProviderVisitor


def answers(federation: Federation, site: Site) -> list[int]:
    """Return the status of a site's response to each logout token."""
    return [arrival["status"] for arrival in federation.arrivals(site, "/oidc/logout/backchannel/")]


def test_the_other_site_is_signed_out_as_well(
    back_channel: Federation, visitor: ProviderVisitor
) -> None:
    here, there = back_channel.sites
    noticed, answered = len(back_channel.notices()), len(answers(back_channel, there))
    visitor.sign_in(here)
    visitor.sign_in_unasked(there)
    assert visitor.is_signed_in(here)
    assert visitor.is_signed_in(there)

    landed = visitor.sign_out(here)
    assert landed.url.startswith(here.post_logout_redirect_uri)
    assert "You are signed out" in landed.text
    assert {"notified": there.client_id} in back_channel.notices()[noticed:]
    assert answers(back_channel, there)[answered:] == [200]

    assert not visitor.is_signed_in(here)
    assert not visitor.is_signed_in(there)
    assert visitor.is_asked_who_they_are(visitor.press_sign_in(there))
    assert visitor.is_asked_who_they_are(visitor.press_sign_in(here))


def test_another_browser_of_the_same_person_stays_signed_in(
    back_channel: Federation, visitor: ProviderVisitor, other_browser: ProviderVisitor
) -> None:
    here, there = back_channel.sites
    for browser in visitor, other_browser:
        browser.sign_in(here)
        browser.sign_in_unasked(there)

    visitor.sign_out(here)
    assert not visitor.is_signed_in(there)
    assert other_browser.is_signed_in(here)
    assert other_browser.is_signed_in(there)


def test_who_stays_signed_in_at_the_provider_leaves_one_site(
    back_channel: Federation, visitor: ProviderVisitor
) -> None:
    """The provider also notifies the site that asked, which has signed out already."""
    here, there = back_channel.sites
    noticed, answered = len(back_channel.notices()), len(answers(back_channel, here))
    visitor.sign_in(here)
    visitor.sign_in_unasked(there)

    landed = visitor.sign_out(here, of_the_provider=False)
    assert landed.url.startswith(here.post_logout_redirect_uri)
    assert back_channel.notices()[noticed:] == [{"notified": here.client_id}]
    assert answers(back_channel, here)[answered:] == [200]
    assert not visitor.is_signed_in(here)
    assert visitor.is_signed_in(there)
