"""The demo's page in Chromium: what is pressed in the frames appears in the timeline."""

from __future__ import annotations

import time

import pytest

from e2e.browsers.chromium import ChromiumVisitor
from e2e.browsers.pages import AXE, DESKTOP, PHONE, VIOLATIONS
from e2e.providers.waiting import eventually
from tests.absence import need


class Audience(ChromiumVisitor):
    """Somebody who looks at the page and tries the sites in its frames."""

    def __init__(self, chromium, demo, **options):
        self.demo = demo
        super().__init__(chromium, demo.hub.url, **options)

    def frame(self, name):
        return self.page.frame_locator(f"iframe[name=frame-{name}]")

    def press(self, name, text):
        self.run(self.frame(name).locator("main").get_by_text(text, exact=True).first.click())

    def see_in(self, name, text):
        self.run(self.frame(name).get_by_text(text).first.wait_for())

    def give_password(self, name):
        frame = self.frame(name)
        self.run(frame.locator("[name=username]").fill("ada"))
        self.run(frame.locator("[name=password]").fill("lovelace"))
        self.run(frame.get_by_role("button", name="Sign in").click())
        self.see_in(name, "You are signed in")

    def read(self, text):
        """Wait for a step of the timeline."""
        steps = self.page.locator(".timeline.live .step")
        self.run(steps.filter(has_text=text).first.wait_for())


@pytest.fixture
def visit(chromium, demo):
    people = []

    def visit(**options):
        people.append(Audience(chromium, demo, **options))
        people[-1].run(people[-1].context.request.post(f"{demo.hub.url}/clear/"))
        people[-1].open("/")
        return people[-1]

    yield visit
    for person in people:
        person.close()


def test_one_click_signs_out_everywhere(visit):
    ada = visit()
    ada.press("one", "Sign in")
    ada.give_password("one")
    ada.press("two", "Sign in")
    ada.see_in("two", "You are signed in")
    ada.see_in("provider", "Ada Lovelace is signed in here")
    ada.press("one", "Sign out")
    ada.see_in("one", "You are signed out")
    ada.see_in("two", "You are not signed in")  # its own script has noticed
    ada.see_in("provider", "Nobody is signed in here")
    for text in "“Sign out” is pressed.", "A logout token arrives.", "back-channel":
        ada.read(text)


def test_the_switch_shows_the_bug(visit):
    ada = visit()
    ada.press("one", "Sign in")
    ada.give_password("one")
    ada.run(ada.page.get_by_role("button", name="Django\u2019s logout").click())
    ada.see("no password is asked.")
    ada.press("one", "Sign out (Django\u2019s logout)")
    ada.see_in("one", "You are not signed in")
    ada.press("one", "Sign in")
    ada.see_in("one", "You are signed in")
    ada.read("it does not ask for a password")


def test_a_stolen_device(visit):
    ada = visit()
    ada.press("one", "Sign in")
    ada.give_password("one")
    ada.press("provider", "Report a stolen device")
    ada.see_in("one", "You are not signed in")  # its own script has noticed
    ada.read("A security event arrives.")
    steps = ada.page.locator(".timeline.live .step").filter(has_text="A security event arrives.")
    ada.run(steps.first.locator("summary").click())
    assert "session-revoked" in ada.run(steps.first.locator("pre").inner_text())
    ada.press("one", "Sign in")
    ada.see_in("one", "Please sign in again")
    ada.read("The sign-in is refused")
    at = int(time.time())
    assert eventually(lambda: int(time.time()) > at)  # an `auth_time` is in whole seconds
    ada.press("one", "Sign in again")
    ada.give_password("one")


def test_without_javascript(visit):
    ada = visit(javascript=False)
    ada.press("one", "Sign in")
    ada.give_password("one")
    ada.press("one", "Sign out")
    ada.see_in("one", "You are signed out")
    timeline = ada.page.frame_locator("iframe.steps")
    ada.run(timeline.get_by_text("The browser is back from the provider.").wait_for())
    ada.press("one", "Sign in again")
    ada.give_password("one")
    ada.open("/")  # no script reloads the provider's frame
    ada.press("provider", "Report a stolen device")
    ada.run(timeline.get_by_text("security_event").first.wait_for())
    ada.open("/")
    ada.see_in("one", "You are not signed in")


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_reports_nothing(visit, viewport, scheme):
    axe = need(AXE.is_file() and AXE.read_text(), "npm's axe-core")
    ada = visit(viewport=viewport, color_scheme=scheme)
    ada.press("one", "Sign in")
    ada.give_password("one")
    ada.read("ada is signed in.")
    ada.see_in("provider", "Report a stolen device")
    ada.run(ada.page.get_by_text("More to try").click())
    for frame in ada.page.frames:
        ada.run(frame.evaluate(axe))
        assert ada.run(frame.evaluate(VIOLATIONS)) == [True, []], frame.name
