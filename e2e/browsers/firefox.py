"""Firefox, driven by Marionette."""

from __future__ import annotations

import warnings
from contextlib import contextmanager

SECONDS = 15

FORGET = """
const [done] = arguments;
const { CLEAR_COOKIES_AND_SITE_DATA, CLEAR_ALL_CACHES } = Ci.nsIClearDataService;
Services.clearData.deleteData(CLEAR_COOKIES_AND_SITE_DATA | CLEAR_ALL_CACHES, () => done());
"""


@contextmanager
def bearing_with_the_driver():
    """Ignore its warnings: it leaves sockets and files to the garbage collector."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class Firefox:
    """A browser."""

    def __init__(self, driver, executable, folder):
        self.driver = driver
        with bearing_with_the_driver():
            self.marionette = driver.marionette.Marionette(
                port=0,
                bin=executable,
                headless=True,
                gecko_log=str(folder / "gecko.log"),
                workspace=str(folder),
            )
            self.marionette.start_session()
        self.first_tab = self.marionette.current_window_handle

    def visitor(self, site, **options):
        return FirefoxVisitor(self, site, **options)

    def quit(self):
        with bearing_with_the_driver():
            self.marionette.quit()
            self.marionette.cleanup()


class FirefoxVisitor:
    """Somebody with their own tab, who removes their cookies at the end."""

    def __init__(self, firefox, site, *, javascript=True):
        self.firefox = firefox
        self.marionette = firefox.marionette
        self.site = site
        self.marionette.set_pref("javascript.enabled", javascript)
        tab = self.marionette.open(type="tab", focus=True)
        self.marionette.switch_to_window(tab["handle"])

    def close(self):
        self.marionette.close()
        self.marionette.switch_to_window(self.firefox.first_tab)
        self.marionette.clear_pref("javascript.enabled")
        with self.marionette.using_context("chrome"):
            self.marionette.execute_async_script(FORGET)

    @property
    def url(self):
        return self.marionette.get_url()

    def open(self, path):
        self.marionette.navigate(self.site + path)

    def click(self):
        """Press the page's button, with a mouse: the driver's own click keeps pages from Back."""
        button = self.marionette.find_element("css selector", "button")
        mouse = self.marionette.actions.sequence("pointer", "mouse", {"pointerType": "mouse"})
        mouse.click(button).perform()

    def back(self):
        self.marionette.go_back()

    def arrive(self, url):
        """Wait for a URL that starts with a text."""
        self._wait(lambda: self.url.startswith(url), url)

    def see(self, text):
        """Wait for a text."""
        self._wait(lambda: text in self.text(), text)

    def text(self):
        return self.marionette.find_element("css selector", "body").text

    def _wait(self, condition, what):
        wait = self.firefox.driver.Wait(
            self.marionette,
            timeout=SECONDS,
            interval=0.02,
            ignored_exceptions=self.firefox.driver.errors.MarionetteException,
        )
        wait.until(lambda _: condition(), message=what)
