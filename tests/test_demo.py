"""The demo, started as people start it and driven over real HTTP: no browser, no test client."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(
    find_spec("oauth2_provider") is None,
    reason="the demo's identity provider is made of django-oauth-toolkit, which is not installed",
)

ROOT = Path(__file__).parent.parent
SECONDS = 90
SITE_SETTINGS = "example_project.settings"
MOZILLA_SETTINGS = "tests.settings_mozilla_demo"


# Starting and watching.


def eventually(what: Callable[[], bool]) -> bool:
    """Look until it is so, for a bounded time."""
    deadline = time.monotonic() + SECONDS
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def free_ports() -> tuple[int, int]:
    anywhere = ("127.0.0.1", 0)
    with socket.create_server(anywhere) as one, socket.create_server(anywhere) as other:
        return one.getsockname()[1], other.getsockname()[1]


def is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


@dataclass
class Demo:
    """A run of `manage.py demo`."""

    folder: Path
    settings: str = SITE_SETTINGS
    ports: tuple[int, int] = field(default_factory=free_ports)

    def __post_init__(self) -> None:
        site_port, provider_port = self.ports
        self.site = f"http://localhost:{site_port}"
        self.provider = f"http://127.0.0.1:{provider_port}"
        self.command = [
            *(sys.executable, "manage.py", "demo"),
            *("--site-port", str(site_port), "--idp-port", str(provider_port)),
        ]
        self.environment = os.environ | {
            "DEMO_VAR": str(self.folder),
            "DJANGO_SETTINGS_MODULE": self.settings,
            # Nobody listens there: a demo that used the proxy would not work.
            "HTTP_PROXY": "http://127.0.0.1:1",
            "http_proxy": "http://127.0.0.1:1",
        }

    def run(self) -> subprocess.CompletedProcess[str]:
        """Run a demo that is expected to fail."""
        return subprocess.run(
            self.command,
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run a demo until it has said where to go, and for the time of the block."""
        said = self.folder / "said"
        with (
            said.open("wb") as output,
            subprocess.Popen(
                self.command, cwd=ROOT, env=self.environment, stdout=output, stderr=output
            ) as process,
        ):
            try:
                assert eventually(
                    lambda: process.poll() is not None or "Ctrl-C" in said.read_text()
                )
                self.said = said.read_text()
                assert process.poll() is None, self.said
                yield process
            finally:
                process.terminate()
                process.wait(SECONDS)

    def is_gone(self) -> bool:
        return all(is_free(port) for port in self.ports)


# Visiting.


@dataclass
class Form:
    action: str
    fields: dict[str, str] = field(default_factory=dict)


class Forms(HTMLParser):
    """The forms of a page."""

    def __init__(self, page: requests.Response) -> None:
        super().__init__()
        self.page = page
        self.found: list[Form] = []
        self.feed(page.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(urljoin(self.page.url, given.get("action", ""))))
        elif tag == "input" and self.found and "name" in given:
            self.found[-1].fields[given["name"]] = given.get("value", "")


class Visitor(requests.Session):
    """Somebody with a browser of their own, who sees addresses and forms and nothing else."""

    def __init__(self, demo: Demo) -> None:
        super().__init__()
        self.trust_env = False
        self.demo = demo

    def submit(self, page: requests.Response, path: str, **filled: str) -> requests.Response:
        """Send the one form of the page that goes to the path."""
        (form,) = [form for form in Forms(page).found if urlsplit(form.action).path == path]
        return self.post(form.action, data=form.fields | filled)

    def press_sign_in(self) -> requests.Response:
        home = self.get(f"{self.demo.site}/")
        assert 'href="/oidc/authenticate/"' in home.text
        return self.get(f"{self.demo.site}/oidc/authenticate/")

    def sign_in(self, username: str, password: str) -> requests.Response:
        page = self.press_sign_in()
        assert self.is_asked_for_password(page)
        return self.submit(page, "/sign-in/", username=username, password=password)

    def is_asked_for_password(self, page: requests.Response) -> bool:
        return page.url.startswith(f"{self.demo.provider}/sign-in/") and (
            'type="password"' in page.text
        )

    def press_sign_out(self) -> requests.Response:
        return self.submit(self.get(f"{self.demo.site}/"), "/oidc/logout/")

    def sees_private_page(self) -> bool:
        page = self.get(f"{self.demo.site}/private/", allow_redirects=False)
        assert page.status_code in {200, 302}
        return page.status_code == 200


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    demo = Demo(tmp_path_factory.mktemp("demo"))
    with demo.running():
        yield demo


@pytest.fixture
def visitor(demo: Demo) -> Iterator[Visitor]:
    with Visitor(demo) as visitor:
        yield visitor


@pytest.fixture
def other_browser(demo: Demo) -> Iterator[Visitor]:
    with Visitor(demo) as visitor:
        yield visitor


class TestSigningOut:
    def test_the_next_sign_in_asks_for_the_password_again(self, visitor: Visitor) -> None:
        home = visitor.sign_in("ada", "lovelace")
        assert home.url == f"{visitor.demo.site}/"
        assert "ada@example.org" in home.text
        assert visitor.demo.provider in home.text
        assert visitor.sees_private_page()

        landed = visitor.press_sign_out()
        visited = [answer.url for answer in landed.history]
        assert any(url.startswith(f"{visitor.demo.provider}/logout/?") for url in visited)
        assert landed.status_code == 200
        assert landed.url.startswith(f"{visitor.demo.site}/oidc/logout/callback/")
        assert "You are signed out" in landed.text
        assert "127.0.0.1" in landed.text  # the provider was told
        assert "ada@example.org" not in landed.text
        assert not visitor.sees_private_page()

        assert visitor.is_asked_for_password(visitor.press_sign_in())

    def test_mozillas_own_view_lets_the_next_sign_in_straight_back_in(self, tmp_path: Path) -> None:
        demo = Demo(tmp_path, settings=MOZILLA_SETTINGS)
        with demo.running(), Visitor(demo) as visitor:
            visitor.sign_in("ada", "lovelace")
            assert visitor.sees_private_page()

            landed = visitor.press_sign_out()
            assert landed.url == f"{demo.site}/"
            assert not visitor.sees_private_page()

            home = visitor.press_sign_in()
            assert home.url == f"{demo.site}/"
            assert "ada@example.org" in home.text
            assert visitor.sees_private_page()

    def test_somebody_else_can_sign_in_next(self, visitor: Visitor) -> None:
        visitor.sign_in("ada", "lovelace")
        visitor.press_sign_out()
        assert "grace@example.org" in visitor.sign_in("grace", "hopper").text

    def test_another_browser_stays_signed_in_and_signs_out_as_well(
        self, visitor: Visitor, other_browser: Visitor
    ) -> None:
        visitor.sign_in("ada", "lovelace")
        other_browser.sign_in("ada", "lovelace")

        visitor.press_sign_out()
        assert other_browser.sees_private_page()

        landed = other_browser.press_sign_out()
        assert landed.url.startswith(f"{visitor.demo.site}/oidc/logout/callback/")
        assert other_browser.is_asked_for_password(other_browser.press_sign_in())

    def test_a_session_that_is_over_at_the_provider_ends_here_too(self, visitor: Visitor) -> None:
        visitor.sign_in("grace", "hopper")
        provider = visitor.get(f"{visitor.demo.provider}/")
        visitor.submit(provider, "/sign-out/")

        landed = visitor.press_sign_out()
        assert landed.url.startswith(f"{visitor.demo.site}/oidc/logout/callback/")
        assert not visitor.sees_private_page()


class TestPages:
    def test_the_private_page_leads_to_the_provider_and_back(self, visitor: Visitor) -> None:
        page = visitor.get(f"{visitor.demo.site}/private/")
        assert visitor.is_asked_for_password(page)
        page = visitor.submit(page, "/sign-in/", username="grace", password="hopper")
        assert page.url == f"{visitor.demo.site}/private/"

    def test_the_provider_says_who_is_signed_in_there(self, visitor: Visitor) -> None:
        assert "Nobody is signed in" in visitor.get(f"{visitor.demo.provider}/").text
        visitor.sign_in("grace", "hopper")
        assert "Grace Hopper is signed in" in visitor.get(f"{visitor.demo.provider}/").text

    def test_a_wrong_password_is_refused(self, visitor: Visitor) -> None:
        page = visitor.sign_in("ada", "byron")
        assert visitor.is_asked_for_password(page)
        assert 'role="alert"' in page.text

    @pytest.mark.parametrize(
        ("username", "password", "enters"), [("ada", "lovelace", True), ("grace", "hopper", False)]
    )
    def test_only_staff_enter_the_admin(
        self, visitor: Visitor, username: str, password: str, enters: bool
    ) -> None:
        visitor.sign_in(username, password)
        page = visitor.get(f"{visitor.demo.site}/admin/")
        assert (page.url == f"{visitor.demo.site}/admin/") is enters

    def test_a_password_of_the_site_needs_no_provider(self, visitor: Visitor) -> None:
        page = visitor.get(f"{visitor.demo.site}/admin/")
        visitor.submit(page, "/admin/login/", username="ada", password="lovelace")
        assert "a password of this site" in visitor.get(f"{visitor.demo.site}/").text

        landed = visitor.press_sign_out()
        visited = [answer.url for answer in [*landed.history, landed]]
        assert all(url.startswith(visitor.demo.site) for url in visited)
        assert not visitor.sees_private_page()

    @pytest.mark.parametrize("path", ["", "private/"])
    def test_pages_hold_no_inline_style_or_script(self, visitor: Visitor, path: str) -> None:
        visitor.sign_in("ada", "lovelace")
        page = visitor.get(f"{visitor.demo.site}/{path}").text
        assert "<script" not in page
        assert "<style" not in page
        assert "style=" not in page


class TestCommand:
    def test_it_says_where_to_go_and_who_can_sign_in(self, demo: Demo) -> None:
        for said in [demo.site, demo.provider, "ada", "lovelace", "grace", "hopper", "Ctrl-C"]:
            assert said in demo.said

    @pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
    def test_a_signal_ends_everything(self, tmp_path: Path, name: str) -> None:
        demo = Demo(tmp_path)
        with demo.running() as process:
            assert not demo.is_gone()
            process.send_signal(getattr(signal, name))
            assert process.wait(SECONDS) == 0
        assert demo.is_gone()
        assert "Traceback" not in (tmp_path / "said").read_text()

    def test_nothing_outlives_a_demo_that_was_killed(self, tmp_path: Path) -> None:
        demo = Demo(tmp_path)
        with demo.running() as process:
            process.kill()
            assert eventually(demo.is_gone)

    @pytest.mark.parametrize(
        ("taken", "option"), [(0, "--site-port"), (1, "--idp-port")], ids=["site", "idp"]
    )
    def test_a_taken_port_gives_one_line(self, tmp_path: Path, taken: int, option: str) -> None:
        demo = Demo(tmp_path)
        with socket.create_server(("127.0.0.1", demo.ports[taken])):
            result = demo.run()
        assert result.returncode == 1
        (line,) = (result.stdout + result.stderr).splitlines()
        assert line.startswith(f"Port {demo.ports[taken]} is taken")
        assert option in line
        assert not list(tmp_path.glob("*.sqlite3"))

    def test_two_servers_need_two_ports(self, tmp_path: Path) -> None:
        port, _ = free_ports()
        result = Demo(tmp_path, ports=(port, port)).run()
        assert result.returncode == 1
        assert len(result.stderr.splitlines()) == 1

    def test_a_server_that_ends_by_itself_ends_the_other(self, tmp_path: Path) -> None:
        (tmp_path / "site.sqlite3").mkdir()  # no database can be opened there
        demo = Demo(tmp_path)
        result = demo.run()
        assert result.returncode == 1
        (line,) = (result.stdout + result.stderr).splitlines()
        assert line.startswith("The site ended by itself")
        assert demo.is_gone()
