"""Open pages are left once their session is gone, and not before."""

import pytest
from django.http import JsonResponse

from django_oidc_logout.api import end_sessions
from django_oidc_logout.views import StatusView
from e2e.browsers.conftest import in_chromium
from e2e.browsers.pages import stay

pytestmark = in_chromium

STATUS = "/oidc/logout/status/"
NO = {"signed_in": False}
PUT_TIMERS_OFF = "window.setTimeout = () => 0"
HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


class Tab:
    """One more tab of somebody's browser."""

    def __init__(self, visitor, path="/watched/"):
        self.run = visitor.run
        self.asked = []
        self.run(self._open(visitor.context, visitor.site + path))
        self.see("ada@example.com")

    async def _open(self, context, url):
        self.page = await context.new_page()
        self.page.on("response", self.note)
        await self.page.goto(url)

    def note(self, response):
        if response.url.endswith(STATUS):
            self.asked.append(response.status)

    def see(self, who, **options):
        self.run(self.page.get_by_text(f"This page is for {who}.").wait_for(**options))

    def is_left(self):
        self.see("nobody")

    def asks(self, times):
        """Wait until the page has asked so many times more."""
        self.run(self._asks(len(self.asked) + times))

    async def _asks(self, total):
        while len(self.asked) < total:
            await self.page.wait_for_event("response")

    def fails(self):
        """Wait until the page has asked in vain."""
        self.run(self._fails())

    async def _fails(self):
        await self.page.wait_for_event("requestfailed")


def sign_out(visitor):
    visitor.click()
    visitor.arrive(f"{visitor.site}/oidc/logout/callback/")


def test_sign_out_in_another_tab(ada):
    visitor = ada("/watched/")
    tabs = [Tab(visitor), Tab(visitor)]
    sign_out(visitor)
    for tab in tabs:
        tab.is_left()


def test_sign_out_in_another_tab_of_a_page_that_is_hidden(ada):
    """Browsers put its timers off, by a minute in the end."""
    visitor = ada("/watched/")
    tab = Tab(visitor)
    tab.run(tab.page.evaluate(PUT_TIMERS_OFF))
    tab.run(tab.page.evaluate(HIDE, True))
    sign_out(visitor)
    tab.is_left()


def test_page_that_signs_out_is_not_called_back(ada, provider):
    """Others leave, and tell so, while it still waits for the provider."""
    provider.idp.answers["/end-session"] = stay
    visitor = ada("/watched/")
    tab = Tab(visitor)
    visitor.click()
    tab.is_left()
    visitor.see("This page is for ada@example.com.")


def test_a_form_that_is_no_sign_out(ada):
    visitor = ada("/watched/")
    tab = Tab(visitor)
    visitor.evaluate("document.forms[0].setAttribute('action', '/watched/')")
    visitor.run(visitor.page.route("**/watched/", lambda route: route.fulfill(body="posted")))
    visitor.click()
    visitor.see("posted")
    assert tab.asked == []


@pytest.mark.parametrize("leave_url", ["", "/form-action/"])
def test_session_that_is_ended_elsewhere(ada, provider, leave_url):
    visitor = ada()
    tab = Tab(visitor, f"/watched/?with=interval=1 leave_url='{leave_url}'")
    tab.asks(1)
    tab.see("ada@example.com")
    assert end_sessions(issuer=provider.idp.issuer, sub="ada") == 1
    tab.see("nobody")
    assert tab.page.url.endswith(leave_url)


def test_failure_is_no_reason_to_leave(ada, provider, monkeypatch):
    visitor = ada()
    with monkeypatch.context() as patch:
        patch.setattr(StatusView, "get", lambda *args: JsonResponse(NO, status=500))
        tab = Tab(visitor, "/watched/?with=interval=1")
        assert end_sessions(issuer=provider.idp.issuer, sub="ada") == 1
        tab.asks(2)
        tab.see("ada@example.com")
        assert set(tab.asked) == {500}
    tab.see("nobody")


def test_being_offline_is_no_reason_to_leave(ada):
    visitor = ada()
    tab = Tab(visitor, "/watched/?with=interval=1")
    visitor.run(visitor.context.set_offline(True))
    tab.fails()
    tab.see("ada@example.com")
    visitor.run(visitor.context.set_offline(False))
    tab.asks(1)
    tab.see("ada@example.com")


def test_hidden_page_asks_nothing_until_it_is_looked_at(ada, provider):
    visitor = ada()
    visitor.run(visitor.context.clock.install())
    tab = Tab(visitor)
    tab.run(tab.page.evaluate(HIDE, True))
    tab.run(tab.page.clock.run_for("01:00:00"))
    assert tab.asked == []
    end_sessions(issuer=provider.idp.issuer, sub="ada")
    tab.run(tab.page.evaluate(HIDE, False))
    tab.run(tab.page.clock.run_for(1))
    tab.is_left()


def test_page_that_comes_back_asks_at_once(ada, provider):
    visitor = ada()
    tab = Tab(visitor)
    end_sessions(issuer=provider.idp.issuer, sub="ada")
    tab.run(tab.page.evaluate("dispatchEvent(new Event('focus'))"))
    tab.is_left()


def test_page_that_was_stored_is_left_on_the_way_back(ada, settings, provider):
    settings.OIDC_LOGOUT_NO_STORE = False
    visitor = ada("/watched/")
    visitor.open("/")
    end_sessions(issuer=provider.idp.issuer, sub="ada")
    visitor.back()
    visitor.arrive(f"{visitor.site}/watched/")
    visitor.see("This page is for nobody.")
