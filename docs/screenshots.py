"""Take the screenshots of the demo: `make screenshots`.

This runs the demo on free ports and walks through it in Chromium. The README has a picture of the
demo's page after a sign-out, with its timeline; the front page of the documentation also has what
Django's own logout leaves behind, beside ours. Each page in the how-to guides has pictures of its
own: narrow and wide, light and dark. With Pillow (`pip install pillow`) these are a third as large.
"""

from __future__ import annotations

import io
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

try:
    from PIL import Image
except ModuleNotFoundError:
    Image = None

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Frame, Page

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "demo.png"
VIEW = {"width": 1280, "height": 1190}
COMPARED = {"django": "before", "ours": "after"}
COMPARED_VIEW = {"width": 620, "height": 900}
COMPARED_STYLE = """
  .frames { grid-template-columns: minmax(0, 1fr); }
  .frames .site-two, .frames .links { display: none; }
  .frames iframe, .frames .provider iframe { height: 19rem; }
"""
PAGES = ROOT / "docs" / "pages"
WIDTHS = (360, 1200)
SCHEMES = ("light", "dark")
HEIGHT = 560
COLOURS = 64
SECONDS_TO_PAINT = 1
SECONDS_TO_START = 30
LONG = 1400  # random bytes: with them in `next`, the redirect is too long for a header


def free_ports() -> list[str]:
    """Return four free ports."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
    ports = [str(listening.getsockname()[1]) for listening in sockets]
    for listening in sockets:
        listening.close()
    return ports


def start_demo(folder: str, ports: list[str]) -> subprocess.Popen[str]:
    """Start the demo and wait until it is ready."""
    options = ("--site-port", "--second-site-port", "--idp-port", "--hub-port")
    arguments = [part for pair in zip(options, ports, strict=True) for part in pair]
    demo = subprocess.Popen(  # noqa: S603  # the command is ours
        [sys.executable, "manage.py", "demo", *arguments],
        cwd=ROOT,
        env=os.environ | {"DEMO_VAR": folder},
        stdout=subprocess.PIPE,
        text=True,
    )
    for line in demo.stdout or ():
        if "Ctrl-C" in line:
            return demo
    raise SystemExit("The demo did not start.")


@contextmanager
def start_site_alone(folder: str) -> Iterator[str]:
    """Serve one site of the demo, whose provider does not respond; yield its address."""
    ports = free_ports()
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "example_project.settings",
        "DEMO_VAR": f"{folder}/alone",
        "DEMO_SITE_PORTS": ",".join(ports[:2]),
        "DEMO_SITE_PORT": ports[0],
        "DEMO_IDP_PORT": ports[2],
    }
    command = [sys.executable, "-m", "django_oidc_logout.demo.serve", f"localhost:{ports[0]}"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE):  # noqa: S603  # ours
        deadline = time.monotonic() + SECONDS_TO_START
        while socket.socket().connect_ex(("localhost", int(ports[0]))):
            if time.monotonic() > deadline:
                raise SystemExit("The site did not start.")
            time.sleep(0.1)
        yield f"http://localhost:{ports[0]}"


def give_password(page: Page | Frame, username: str, password: str) -> None:
    """Sign in at the identity provider."""
    page.fill("[name=username]", username)
    page.fill("[name=password]", password)
    page.press("[name=password]", "Enter")


def take_demo(browser: Browser, hub: str) -> None:
    """Sign in at both sites and out of one, and save the picture of the demo's page."""
    page = browser.new_page(viewport=VIEW)
    page.goto(hub)
    one, two = page.frame(name="frame-one"), page.frame(name="frame-two")
    one.click("main >> text=Sign in")
    one.wait_for_selector("[name=username]")
    give_password(one, "ada", "lovelace")
    one.wait_for_selector("text=You are signed in")
    two.click("main >> text=Sign in")
    two.wait_for_selector("text=You are signed in")
    one.click("main form[action='/oidc/logout/'] button")
    one.wait_for_selector("text=You are signed out")
    two.wait_for_selector("text=You are not signed in")
    page.frame(name="frame-provider").wait_for_selector("text=Nobody is signed in here")
    page.wait_for_load_state()
    PICTURE.write_bytes(smaller(page.screenshot(animations="disabled")))


def take_comparison(browser: Browser, hub: str, scheme: str) -> None:
    """Sign in and out with each of the two logouts, and save what the site and the provider say."""
    context = browser.new_context(viewport=COMPARED_VIEW, color_scheme=scheme)
    page = context.new_page()
    page.goto(hub)
    for logout, name in COMPARED.items():
        page.click(f"[name=logout][value={logout}]")
        page.wait_for_load_state()
        page.add_style_tag(content=COMPARED_STYLE)
        site, provider = page.frame(name="frame-one"), page.frame(name="frame-provider")
        site.click("main >> text=Sign in")
        site.wait_for_selector("[name=username], main:has-text('You are signed in')")
        if site.query_selector("[name=username]"):
            give_password(site, "ada", "lovelace")
        site.wait_for_selector("text=You are signed in")
        site.click("main form[action*='logout'] button")
        ends = {"django": "Ada Lovelace is signed in here", "ours": "Nobody is signed in here"}
        site.wait_for_selector("text=/You are (not signed in|signed out)/")
        provider.wait_for_selector(f"text={ends[logout]}")
        page.wait_for_timeout(SECONDS_TO_PAINT * 1000)
        picture = page.locator(".frames").screenshot(animations="disabled")
        (ROOT / "docs" / f"{name}-{scheme}.png").write_bytes(smaller(picture))
    context.close()


def sign_in(browser: Browser, site: str, username: str, password: str) -> Page:
    """Sign a person in, in a new browser context."""
    page = browser.new_page()
    page.goto(f"{site}/private/")
    give_password(page, username, password)
    page.wait_for_url(f"{site}/private/")
    return page


def visit_pages(page: Page, grace: Page, site: str, provider: str) -> Iterator[tuple[str, Page]]:
    """Visit the pages, one of them in the browser of Grace, and yield the name of each."""
    page.goto(f"{site}/admin/django_oidc_logout/oidcsession/")
    yield "sessions", page
    page.click("tr:has-text('grace') th a")
    yield "session", page
    page.goto(f"{site}/admin/django_oidc_logout/sessionevent/")
    yield "events", page
    page.goto(f"{site}/oidc/sessions/")
    yield "account", page
    page.goto(f"{site}/admin/django_oidc_logout/oidcsession/")
    page.check("tr:has-text('grace') [type=checkbox]")
    page.select_option("[name=action]", "sign_out_selected")
    page.click("button[name=index]")
    page.wait_for_selector("[name=confirmed]", state="attached")
    yield "end-sessions", page
    page.check("[name=reauthenticate]")
    page.click("input[value^=Yes]")
    page.wait_for_selector("text=1 session has ended")
    grace.goto(f"{site}/private/")
    yield "reauthenticate", grace
    page.goto(f"{site}/oidc/logout/")
    yield "confirm", page
    page.click("button")
    page.wait_for_url(f"{site}/oidc/logout/callback/**")
    yield "signed-out", page
    page.goto(f"{site}/private/")
    give_password(page, "ada", "lovelace")
    page.wait_for_url(f"{site}/private/")
    page.goto(f"{site}/oidc/logout/?next=/%3F{secrets.token_urlsafe(LONG)}")
    page.route(f"{provider}/**", lambda route: route.fulfill(status=204))  # stay on this page
    page.click("button")
    page.wait_for_selector("meta[http-equiv=refresh]", state="attached")
    yield "refresh", page


def smaller(picture: bytes) -> bytes:
    """Return a picture with fewer colours, which are enough for text on a plain background."""
    if Image is None:
        return picture
    output = io.BytesIO()
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(output, "PNG", optimize=True)
    return output.getvalue()


def take_pages(browser: Browser, site: str, provider: str) -> None:
    """Save the pictures of the single pages."""
    PAGES.mkdir(exist_ok=True)
    grace = sign_in(browser, site, "grace", "hopper")
    sign_in(browser, site, "ada", "lovelace")
    ada = sign_in(browser, site, "ada", "lovelace")
    for name, page in visit_pages(ada, grace, site, provider):
        take_page(name, page)


def take_unavailable(browser: Browser, folder: str) -> None:
    """Save the pictures of the page for people whose provider does not respond."""
    with start_site_alone(folder) as site:
        page = browser.new_page()
        page.goto(f"{site}/private/")
        page.wait_for_selector("text=You cannot sign in right now")
        take_page("unavailable", page)


def take_page(name: str, page: Page) -> None:
    """Save the pictures of a page: narrow and wide, light and dark."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            picture = page.screenshot(animations="disabled")
            (PAGES / f"{name}-{width}-{scheme}.png").write_bytes(smaller(picture))


def main() -> None:
    """Save all pictures."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        ports = free_ports()
        demo = start_demo(folder, ports)
        try:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=["--no-sandbox"]
            )
            site, provider = f"http://localhost:{ports[0]}", f"http://localhost:{ports[2]}"
            take_pages(browser, site, provider)
            take_unavailable(browser, folder)
            take_demo(browser, f"http://localhost:{ports[3]}")
            for scheme in SCHEMES:
                take_comparison(browser, f"http://localhost:{ports[3]}", scheme)
        finally:
            demo.send_signal(signal.SIGINT)
            demo.wait()


if __name__ == "__main__":
    main()
