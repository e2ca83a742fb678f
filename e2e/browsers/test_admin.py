"""The demo's admin in Chromium: its "Log out", and the list of sessions that staff end."""

from __future__ import annotations

import re
import time

import pytest

from e2e.browsers.chromium import ChromiumVisitor
from e2e.browsers.pages import AXE, DESKTOP, PHONE, VIOLATIONS
from e2e.providers.waiting import eventually
from tests.absence import need

DJANGOS_LINK = '<a href="?">Show all</a>'  # of every list that does not count all its rows
SESSIONS = "/admin/django_oidc_logout/oidcsession/"


class Person(ChromiumVisitor):
    """Somebody with an account at the demo's identity provider."""

    def __init__(self, chromium, demo, **options):
        self.demo = demo
        super().__init__(chromium, demo.sites[0].url, **options)

    def press(self, role, name):
        """Press the one link or button of that name."""
        self.run(self.page.get_by_role(role, name=name, exact=True).click())

    def sign_in(self, username, password):
        """Sign in through the provider, and return to the site's home page."""
        self.ask_to_sign_in()
        self.give_password(username, password)

    def give_password(self, username, password):
        """Give it to the provider, and return to the site's home page."""
        self.run(self.page.fill("[name=username]", username))
        self.run(self.page.fill("[name=password]", password))
        self.press("button", "Sign in")
        self.arrive(f"{self.site}/")
        self.see("You are signed in")

    def ask_to_sign_in(self):
        """Press the site's "Sign in", and be asked for the password by the provider."""
        self.open("/")
        self.see("You are not signed in")
        self.press("link", "Sign in")
        self.arrive(f"{self.demo.provider.url}/sign-in/")
        self.run(self.page.wait_for_selector("input[type=password]"))

    def ask_to_end_session_of(self, person):
        """Choose a person's session and the action, and get the confirmation page."""
        self.open(SESSIONS)
        row = self.page.get_by_role("row").filter(has_text=person).first
        self.run(row.get_by_role("checkbox").check())
        self.run(self.page.select_option("[name=action]", label="Sign out selected sessions"))
        self.run(self.page.click("button[name=index]"))
        self.see("1 session will end.")


@pytest.fixture
def visit(chromium, demo):
    """Return a function that opens a browser for somebody, with options."""
    people = []

    def visit(**options):
        people.append(Person(chromium, demo, **options))
        return people[-1]

    yield visit
    for person in people:
        person.close()


@pytest.fixture(params=[True, False], ids=["javascript", "no javascript"])
def javascript(request):
    return request.param


def test_log_out(visit, javascript):
    ada = visit(javascript=javascript)
    ada.sign_in("ada", "lovelace")
    ada.open("/admin/")
    ada.press("button", "Log out")
    ada.arrive(f"{ada.site}/admin/login/")
    ada.ask_to_sign_in()


def test_sign_out_at_the_question(visit, javascript):
    ada = visit(javascript=javascript)
    ada.sign_in("ada", "lovelace")
    ada.open("/oidc/logout/")
    ada.press("button", "Sign out")
    ada.see("Signed out at Example ID.")
    ada.press("link", "Back to the site")
    ada.see("You are not signed in")


def test_ending_the_session_of_another(visit, javascript):
    ada, grace = visit(javascript=javascript), visit(javascript=javascript)
    ada.sign_in("ada", "lovelace")
    grace.sign_in("grace", "hopper")

    ada.ask_to_end_session_of("grace")
    ada.see("grace@example.org")
    ada.press("button", "Yes, sign out")
    ada.see("1 session has ended.")

    grace.press("link", "Home")
    grace.see("You are not signed in")
    ada.press("link", "View site")
    ada.see("You are signed in")


def test_asking_for_the_password(visit):
    """The provider still knows who Grace is, but the site wants her password."""
    ada, grace = visit(javascript=False), visit(javascript=False)
    ada.sign_in("ada", "lovelace")
    grace.sign_in("grace", "hopper")

    ada.ask_to_end_session_of("grace")
    ada.run(ada.page.get_by_label("Ask for the password at the next sign-in").check())
    ada.press("button", "Yes, sign out")
    ada.see("1 session has ended.")
    ended = time.time()

    grace.press("link", "Home")
    grace.press("link", "Sign in")
    grace.see("with your password")
    assert eventually(lambda: time.time() >= int(ended) + 1)  # `auth_time` is in whole seconds
    grace.press("link", "Sign in again")
    grace.give_password("grace", "hopper")


def test_ending_ones_own_session(visit, javascript):
    ada = visit(javascript=javascript)
    ada.sign_in("ada", "lovelace")
    ada.ask_to_end_session_of("This session")
    ada.see("Your own session is among them")
    ada.press("button", "Yes, sign out")
    ada.arrive(f"{ada.site}/admin/login/")
    ada.ask_to_sign_in()


def walk(ada):
    """Visit the pages as people do, and stop at each."""
    ada.open("/")
    ada.see("You are not signed in")
    yield "home, not signed in"
    ada.ask_to_sign_in()
    yield "the provider's sign-in"
    ada.sign_in("ada", "lovelace")
    yield "home, signed in"
    ada.press("link", "identity provider")
    ada.see("Ada Lovelace is signed in here")
    yield "the provider's home"
    ada.open("/private/")
    ada.see("Only people who are signed in")
    yield "private"
    ada.open(SESSIONS)
    ada.see("This session")
    yield "the admin's list"
    ada.run(ada.page.locator("#result_list tbody th a").first.click())
    ada.run(ada.page.wait_for_url(re.compile(r"/\d+/change/")))
    ada.see("Subject")
    yield "the admin's page of one"
    ada.ask_to_end_session_of("This session")
    yield "the admin's question"
    ada.open("/oidc/logout/")
    ada.see("Sign out?")
    yield "our question"
    ada.press("button", "Sign out")
    ada.see("Signed out at Example ID.")
    yield "signed out"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_axe_finds_nothing(visit, viewport, scheme):
    axe = need(AXE.is_file() and AXE.read_text(), "npm's axe-core")
    ada = visit(viewport=viewport, color_scheme=scheme)
    ada.at_each_page(axe)
    found = {}
    for page in walk(ada):
        ada.settle()
        passes, violations = ada.evaluate(VIOLATIONS)
        found[page] = [passes, [each for each in violations if each[1] != [DJANGOS_LINK]]]
    assert found == {page: [True, []] for page in found}
