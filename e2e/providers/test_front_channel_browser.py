"""A real provider's frames in a real Chromium, which sends no cookies to another site."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2e.providers import interaction
from e2e.providers.waiting import eventually

if TYPE_CHECKING:
    from django_oidc_logout.demo.agreed import Site
    from e2e.browsers.chromium import ChromiumVisitor
    from e2e.providers.federation import Federation

FRAME = "/oidc/logout/frontchannel/"


def sign_in(window: ChromiumVisitor, site: Site, *, asked: bool) -> None:
    window.open(site.url)
    window.follow("Sign in")
    if asked:
        interaction.say_who(window)
    interaction.consent(window)
    window.arrive(f"{site.url}/")
    window.see("You are signed in")


def test_a_frame_ends_the_other_sites_session(
    front_channel: Federation, window: ChromiumVisitor
) -> None:
    here, there = front_channel.sites
    sign_in(window, here, asked=True)
    sign_in(window, there, asked=False)
    visit = front_channel.arrivals(there, "/")[-1]
    assert f"site_{there.port}_session=" in str(visit["Cookie"])

    before = len(front_channel.arrivals(there, FRAME))
    window.open(here.url)
    window.press_button("Sign out")
    interaction.confirm(window)
    window.arrive(f"{here.post_logout_redirect_uri}?state=")
    window.see("You are signed out")

    assert eventually(lambda: len(front_channel.arrivals(there, FRAME)) > before)
    frame = front_channel.arrivals(there, FRAME)[-1]
    assert frame["Sec-Fetch-Dest"] == "iframe"
    assert frame["Sec-Fetch-Site"] == "cross-site"
    assert frame["Cookie"] is None
    assert not [complaint for complaint in window.console if "frame" in complaint]

    window.open(there.url)
    window.see("You are not signed in")
    window.follow("Sign in")
    window.arrive(f"{front_channel.provider.url}/interaction/")
    window.find("[name=password]")
