"""Chromium, driven by Playwright."""

from __future__ import annotations

import asyncio
import threading

SECONDS = 15


class Chromium:
    """A browser. Playwright has its own thread, because Django's tests cannot run inside a loop."""

    def __init__(self, playwright, executable):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.playwright = self.run(playwright.async_playwright().start())
        self.browser = self.run(
            self.playwright.chromium.launch(
                executable_path=executable,
                chromium_sandbox=False,
                ignore_default_args=["--disable-back-forward-cache"],
            )
        )

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(4 * SECONDS)

    def visitor(self, site, **options):
        return ChromiumVisitor(self, site, **options)

    def quit(self):
        self.run(self.browser.close())
        self.run(self.playwright.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


class ChromiumVisitor:
    """Somebody with a profile and a window of their own."""

    def __init__(self, chromium, site, *, javascript=True, **options):
        self.run = chromium.run
        self.site = site
        self.console = []
        self.run(self._begin(chromium.browser, java_script_enabled=javascript, **options))

    async def _begin(self, browser, **options):
        self.context = await browser.new_context(**options)
        self.context.set_default_timeout(SECONDS * 1000)
        self.context.on("console", lambda message: self.console.append(message.text))
        self.page = await self.context.new_page()

    def close(self):
        self.run(self.context.close())

    @property
    def url(self):
        return self.page.url

    def open(self, path):
        self.run(self.page.goto(self.site + path))

    def stay_on_this_machine(self):
        """Refuse what is on https, as the fonts of a provider's page are."""
        self.run(self.context.route("https://**", lambda route: route.abort()))

    def click(self, selector="button"):
        """Press the page's button, or what else a selector finds."""
        self.run(self.page.click(selector, no_wait_after=True))

    def press_button(self, name):
        self.run(self.page.get_by_role("button", name=name, exact=True).click())

    def fill(self, **values):
        """Fill in the fields of a form."""
        for name, value in values.items():
            self.run(self.page.fill(f"[name={name}]", value))

    def follow(self, name):
        """Follow the one link of that name."""
        self.run(self.page.get_by_role("link", name=name, exact=True).click())

    def back(self):
        self.run(self.page.evaluate("void setTimeout(() => history.back())"))

    def arrive(self, url):
        """Wait for a URL that starts with a text."""
        self.run(self.page.wait_for_url(lambda now: now.startswith(url)))

    def see(self, text):
        """Wait for a text."""
        self.run(self.page.get_by_text(text).wait_for())

    def find(self, selector):
        """Wait for what a selector finds."""
        self.run(self.page.locator(selector).wait_for())

    def text(self):
        return self.run(self.page.inner_text("body"))

    def at_each_page(self, script):
        """Run a script in each later page, before its own."""
        self.run(self.page.add_init_script(script))

    def evaluate(self, script):
        """Return the value of an expression, awaited."""
        return self.run(self.page.evaluate(script))

    def settle(self):
        """Wait until the page has loaded everything."""
        self.run(self.page.wait_for_load_state())

    def hear(self, text):
        """Wait for a message in the console."""
        self.run(self._hear(text))

    async def _hear(self, text):
        while not any(text in message for message in self.console):
            await self.context.wait_for_event("console")

    def cookies_of(self, host):
        """Return the names of the cookies that belong to a host."""
        cookies = self.run(self.context.cookies())
        return {cookie["name"] for cookie in cookies if cookie["domain"] == host}
