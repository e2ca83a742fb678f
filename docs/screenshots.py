"""Take the README's picture of the demo: `make screenshots`.

Runs the demo on free ports, walks through it in Chromium, and lays the pages side by side.
"""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "demo.png"
VIEW = {"width": 400, "height": 640}
SHEET = """<style>
  body {{ margin: 0; padding: 24px; display: flex; gap: 24px; background: #dfe3e8 }}
  img {{ width: 400px; border-radius: 10px; box-shadow: 0 2px 12px rgb(0 0 0 / 25%) }}
</style>{images}"""


def free_ports() -> list[str]:
    """Return three ports that are free now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    ports = [str(listening.getsockname()[1]) for listening in sockets]
    for listening in sockets:
        listening.close()
    return ports


def start_demo(folder: str, ports: list[str]) -> subprocess.Popen[str]:
    """Start the demo and wait until it says that it is there."""
    options = ("--site-port", "--second-site-port", "--idp-port")
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


def walk(browser: Browser, site: str) -> list[bytes]:
    """Sign in, look at the private page, and sign out."""
    page = browser.new_page(viewport=VIEW)
    page.goto(f"{site}/private/")
    pictures = [page.screenshot()]
    page.fill("[name=username]", "ada")
    page.fill("[name=password]", "lovelace")
    page.press("[name=password]", "Enter")
    page.wait_for_url(f"{site}/private/")
    pictures.append(page.screenshot())
    page.click("main form[action='/oidc/logout/'] button")
    page.wait_for_url(f"{site}/oidc/logout/callback/**")
    return [*pictures, page.screenshot()]


def main() -> None:
    """Write the picture."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        ports = free_ports()
        demo = start_demo(folder, ports)
        try:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=["--no-sandbox"]
            )
            pictures = walk(browser, f"http://localhost:{ports[0]}")
            encoded = (base64.b64encode(picture).decode() for picture in pictures)
            images = "".join(f'<img src="data:image/png;base64,{text}">' for text in encoded)
            sheet = browser.new_page(viewport={"width": 1300, "height": 690})
            sheet.set_content(SHEET.format(images=images))
            sheet.screenshot(path=PICTURE)
        finally:
            demo.send_signal(signal.SIGINT)
            demo.wait()


if __name__ == "__main__":
    main()
