"""The tutorial, followed exactly: its commands, its files, and the output that it shows.

Only the two ports differ, because they may be taken. A setting of pip adds this version of the
project, which is not in the package index yet. TUTORIAL_DJANGO=5.2 installs that Django in place of
the newest.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import pytest

from e2e.providers.visitor import Visitor
from e2e.providers.waiting import SECONDS, eventually
from tests.absence import need, need_package
from tests.docs.markdown import ROOT, Block, blocks_of
from tests.ports import free_ports, is_free

PAGE = ROOT / "docs" / "tutorial.md"
DJANGO = os.environ.get("TUTORIAL_DJANGO", "")
SITE_PORT, PROVIDER_PORT = "8000", "9000"
SERVES = re.compile(r"(runserver|django_oidc_logout\.demo)\b")
FILE = re.compile(r"(?:#|\{#) (\S+?\.(?:py|html))(, at the end)?(?: #\})?$")
KEEP = '\npwd >"$STATE/cwd"; env -0 >"$STATE/env"'


@dataclass
class Terminal:
    """A shell with its folder and active environment, and the server that runs in it."""

    folder: Path
    environment: dict[str, str]
    state: Path
    server: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def run(self, command: str) -> None:
        """Run a command to its end; one that serves, until Ctrl-C."""
        self.stop()
        if SERVES.search(command):
            self.serve(command)
            return
        said = subprocess.run(
            ["bash", "-e"],
            input=command + KEEP,
            cwd=self.folder,
            env=self.environment | {"STATE": str(self.state)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert said.returncode == 0, f"{command}\n{said.stdout}"
        if command.endswith("manage.py check"):
            assert "no issues" in said.stdout
        self.folder = Path((self.state / "cwd").read_text().rstrip("\n"))
        pairs = (self.state / "env").read_text().split("\0")
        self.environment = dict(pair.split("=", 1) for pair in pairs if pair)

    def serve(self, command: str) -> None:
        with (self.state / "said").open("wb") as output:
            self.server = subprocess.Popen(
                ["bash", "-c", f"exec {command}"],
                cwd=self.folder,
                env=self.environment | {"PYTHONUNBUFFERED": "1"},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def said(self) -> str:
        return (self.state / "said").read_text()

    def stop(self) -> None:
        """Press Ctrl-C, which reaches everything that the command has started."""
        if self.server:
            os.killpg(self.server.pid, signal.SIGINT)
            self.server.wait(SECONDS)
            self.server = None


class Walk:
    """The tutorial, as far as it has been followed."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        ports = dict(zip((SITE_PORT, PROVIDER_PORT), map(str, free_ports(2)), strict=True))
        text = re.sub("|".join(ports), lambda found: ports[found[0]], PAGE.read_text())
        self.site = f"http://localhost:{ports[SITE_PORT]}"
        self.provider = f"http://localhost:{ports[PROVIDER_PORT]}"
        self.port = {
            "runserver": int(ports[SITE_PORT]),
            "django_oidc_logout.demo": int(ports[PROVIDER_PORT]),
        }
        self.steps = [
            blocks_of(section, "docs/tutorial.md")
            for section in re.split(r"^## ", text, flags=re.M)
        ]
        self.home = folder / "home"
        # The provider's ports, which it takes from its command line or from here.
        environment |= {
            "DEMO_SITE_PORTS": f"{ports[SITE_PORT]},{free_ports(1)[0]}",
            "DEMO_IDP_PORT": ports[PROVIDER_PORT],
        }
        self.terminals = []
        for name in ("first", "second"):
            (folder / name).mkdir(parents=True)
            self.terminals.append(Terminal(self.home, dict(environment), folder / name))
        self.home.mkdir()

    def follow(self, step: int) -> None:
        """Do what the blocks of a section say."""
        for block in self.steps[step]:
            if block.language == "console":
                self.type(block)
            elif named := FILE.match(block.first_line):
                self.write(named, block)
            else:
                assert block.language == "text", f"nobody would know what to do with {block}"

    def type(self, block: Block) -> None:
        lines = block.commands()
        # The provider has a terminal of its own, as the page says.
        terminal = self.terminals["django_oidc_logout.demo" in lines[-1]]
        for line in lines:
            terminal.run(line)
        if serves := SERVES.search(lines[-1]):
            port = self.port[serves[1]]
            assert eventually(lambda: terminal.server.poll() is not None or not is_free(port)), (
                terminal.said()
            )
            assert terminal.server.poll() is None, terminal.said()

    def write(self, named: re.Match[str], block: Block) -> None:
        path = self.terminals[0].folder / named[1]
        before = path.read_text() if named[2] else ""
        path.write_text(before + block.text)

    def stop(self) -> None:
        for terminal in self.terminals:
            terminal.stop()


class Person(Visitor):
    """Somebody who follows the tutorial's steps in the browser."""

    def __init__(self, walk: Walk) -> None:
        super().__init__()
        self.walk = walk

    def look(self) -> str:
        return self.get(f"{self.walk.site}/").text

    def press_sign_in(self):
        assert 'href="/oidc/authenticate/"' in self.look()
        return self.get(f"{self.walk.site}/oidc/authenticate/")

    def press_sign_out(self, path: str):
        return self.submit(self.get(f"{self.walk.site}/"), path)

    def is_asked(self, page) -> bool:
        return page.url.startswith(f"{self.walk.provider}/sign-in/") and "password" in page.text

    def give_password(self, page):
        return self.submit(page, "/sign-in/", username="ada", password="lovelace")


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Return the environment of somebody with Python, an index of packages and this version."""
    need_package("hatchling", "hatchling")
    need_package("markdown_it", "markdown-it-py")
    folder = tmp_path_factory.mktemp("index")
    for kind in ("Wheel", "Sdist"):
        module = import_module(f"hatchling.builders.{kind.lower()}")
        builder = getattr(module, f"{kind}Builder")(str(ROOT))
        next(builder.build(directory=str(folder), versions=["standard"]))
    bare = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DJANGO_", "PYTEST_", "COV_", "COVERAGE_", "PYTHON", "VIRTUAL_ENV"))
    }
    if DJANGO:
        (folder / "constraints.txt").write_text(f"django=={DJANGO}.*\n")
        bare["PIP_CONSTRAINT"] = str(folder / "constraints.txt")
    python = Path(sys.executable).parent
    return bare | {
        "PATH": f"{python}{os.pathsep}{os.environ['PATH']}",
        "PIP_FIND_LINKS": str(folder),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_QUIET": "1",
    }


@pytest.fixture(scope="module")
def _index(environment, tmp_path_factory):
    """What the tutorial installs needs an index of packages."""
    asked = [sys.executable, "-m", "pip", "download", "--no-deps", "--retries=0", "--timeout=10"]
    answer = subprocess.run(
        [*asked, "mozilla-django-oidc"],
        cwd=tmp_path_factory.mktemp("asked"),
        env=environment,
        capture_output=True,
        check=False,
    )
    need(answer.returncode == 0, "An index of Python packages, or the way to it,")


@pytest.mark.usefixtures("_index")
def test_whoever_follows_it_gets_there(environment, tmp_path):
    walk = Walk(tmp_path, environment)
    try:
        walk.follow(1)
        walk.terminals[0].run(f"python -m django --version | grep '^{DJANGO}'")
        for step in (2, 3):
            walk.follow(step)
        the_provider_says_what_the_page_shows(walk)
        nobody_is_signed_out(walk)
        walk.follow(5)
        it_works(walk)
        the_provider_signs_out(walk)
    finally:
        walk.stop()


def the_provider_says_what_the_page_shows(walk: Walk) -> None:
    (shown,) = (block.text for block in walk.steps[2] if block.language == "text")
    terminal = walk.terminals[1]
    assert eventually(lambda: "Ctrl-C" in terminal.said())
    *said, last = terminal.said().strip().splitlines()
    *lines, last_shown = shown.strip().splitlines()
    assert [line.strip() for line in said] == [line.strip() for line in lines]
    before, after = last_shown.split("...")
    assert last.startswith(before)
    assert last.endswith(after.rpartition("/")[2])


def nobody_is_signed_out(walk: Walk) -> None:
    """Do what section 4 says, after the warning that section 3 shows."""
    assert "oidc_logout.W056" in walk.terminals[0].said()
    with Person(walk) as ada:
        page = ada.press_sign_in()
        assert ada.is_asked(page)
        assert "Hello, ada@example.org" in ada.give_password(page).text
        assert "Nobody is signed in" in ada.press_sign_out("/sign-out/").text
        assert "Hello, ada@example.org" in ada.press_sign_in().text
        walk.cookies = ada.cookies


def it_works(walk: Walk) -> None:
    """Do what section 6 says, in the same browser."""
    with Person(walk) as ada:
        ada.cookies = walk.cookies
        assert "Hello, ada@example.org" in ada.look()
        private = ada.get(f"{walk.site}/")
        assert private.headers["Cache-Control"] == "no-store"  # so Back does not bring it back
        landed = ada.press_sign_out("/oidc/logout/")
        for said in "Signed out of this site.", "Signed out at the example provider.":
            assert said in landed.text
            assert said in " ".join(PAGE.read_text().split())
        assert "Nobody is signed in" in ada.look()
        assert ada.is_asked(ada.press_sign_in())


def the_provider_signs_out(walk: Walk) -> None:
    """Do what section 7 says."""
    with Person(walk) as ada:
        assert "Hello" in ada.give_password(ada.press_sign_in()).text
        ada.submit(ada.get(f"{walk.provider}/"), "/sign-out/")
        assert "Nobody is signed in" in ada.look()
