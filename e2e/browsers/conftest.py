"""Two browsers, and the identity provider and site that they visit.

Without a browser, its driver or npm's packages the tests that want them are skipped; with
REQUIRE_ALL=1 they fail. NODE_MODULES names the folder of npm's packages, if it is another than
`node_modules` beside this file (`npm install --no-save htmx.org @hotwired/turbo axe-core`).
"""

from __future__ import annotations

import shutil
from importlib import import_module
from pathlib import Path

import pytest

import django_oidc_logout
from django_oidc_logout.signals import signed_out
from e2e.browsers.firefox import Firefox, bearing_with_the_driver
from e2e.browsers.provider import Provider
from e2e.browsers.urls import NODE_MODULES
from e2e.demo.running import Demo
from tests.absence import need, need_package

in_chromium = pytest.mark.parametrize("browser", ["chromium"], indirect=True)


def need_module(name):
    try:
        with bearing_with_the_driver():
            return import_module(name)
    except ModuleNotFoundError:
        return need(None, f"Python's {name}")


@pytest.fixture(scope="session")
def firefox(tmp_path_factory):
    executable = need(shutil.which("firefox-esr"), "firefox-esr")
    driver = need_module("marionette_driver")
    browser = Firefox(driver, executable, tmp_path_factory.mktemp("firefox"))
    yield browser
    browser.quit()


@pytest.fixture(params=["chromium", "firefox"])
def browser(request):
    """Return each of the browsers in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def htmx():
    need((NODE_MODULES / "htmx.org").is_dir(), "npm's htmx.org")


@pytest.fixture
def turbo():
    need((NODE_MODULES / "@hotwired/turbo").is_dir(), "npm's @hotwired/turbo")


@pytest.fixture
def provider(idp):
    """Return the identity provider, which is on another site: 127.0.0.1."""
    return Provider(idp)


@pytest.fixture
def site(settings, provider, live_server):
    """Return the site's URL, on localhost."""
    settings.ROOT_URLCONF = "e2e.browsers.urls"
    settings.ALLOWED_HOSTS = [".localhost"]
    settings.STATIC_ROOT = Path(django_oidc_logout.__file__).parent / "static"
    return live_server.url


@pytest.fixture
def visit(browser, site):
    """Return a function that opens a browser for somebody, with options."""
    visitors = []

    def visit(site=site, **options):
        visitors.append(browser.visitor(site, **options))
        return visitors[-1]

    yield visit
    for visitor in visitors:
        visitor.close()


@pytest.fixture
def ada(visit):
    """Return a function that lets Ada sign in and open a page."""

    def ada(path="/", **options):
        visitor = visit(**options)
        visitor.open(f"/oidc/authenticate/?next={path}")
        visitor.see("This page is for ada@example.com.")
        return visitor

    return ada


@pytest.fixture
def sign_outs():
    """Return the requests that sign out, as they come."""
    requests = []

    def note(request, **kwargs):
        requests.append(request)

    signed_out.connect(note)
    yield requests
    signed_out.disconnect(note)


def is_signed_out(visitor):
    """Return whether a browser that has the site's pages is signed out."""
    visitor.open("/")
    visitor.see("This page is for ")
    return "nobody" in visitor.text()


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Run the demo."""
    need_package("oauth2_provider", "django-oauth-toolkit")
    demo = Demo(tmp_path_factory.mktemp("demo"))
    with demo.running():
        yield demo
