"""The benchmarks run. Their results are not tested."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.absence import need_package
from tools.benchmarks import surroundings

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _pyperf():
    need_package("pyperf", "pyperf")


def test_a_little_of_everything_that_needs_no_server_and_no_peer(monkeypatch, tmp_path):
    need_package("matplotlib", "matplotlib")
    monkeypatch.delenv("REQUIRE_ALL", raising=False)  # peers have a run of their own
    work = ["express", "middleware", "cycles", "history"]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tools.benchmarks",
            "--short",
            "--sqlite",
            "--out",
            tmp_path,
            "--only",
            *work,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split("|")[1:-1] for line in done.stdout.splitlines()[2:]]
    names = {work.strip() for work, *_ in lines}
    assert {"middleware: queries", "50 sign-ins and sign-outs: cached keys"} <= names
    over_http = [figure.strip() for work, _, figure, _ in lines if "over HTTP" in work]
    assert over_http in (["not installed"], ["needs PostgreSQL and Redis"])
    assert (tmp_path / "speed.md").read_text() == done.stdout


def test_peers_that_are_missing_fail_where_all_are_required(monkeypatch, tmp_path):
    monkeypatch.setenv("REQUIRE_ALL", "1")
    code = (
        "import sys, tools.benchmarks.__main__ as main; main.interpreter_of = lambda peer: None;"
        "sys.argv[1:] = ['--short']; sys.exit(main.main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Not installed: ours, configured, django,")


@pytest.fixture
def npm(monkeypatch, tmp_path):
    """A machine with npm and one peer for it; return the commands that it runs."""
    commands = []
    monkeypatch.setattr(surroundings, "PEERS", {"express": surroundings.PEERS["express"]})
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    monkeypatch.setattr("subprocess.run", lambda command, **how: commands.append(command))
    return commands


def test_npm_is_given_each_package_in_one_version_and_a_folder_beside_the_others(npm, tmp_path):
    surroundings.install()
    (command,) = npm
    assert command[command.index("--prefix") + 1] == tmp_path / "peers" / "express"
    assert all("@" in package for package in surroundings.PEERS["express"]["packages"])
    assert set(surroundings.PEERS["express"]["packages"]) <= set(command)
    assert surroundings.interpreter_of("express") is None  # nothing was installed
    (tmp_path / "peers" / "express" / "node_modules").mkdir(parents=True)
    assert surroundings.interpreter_of("express") == "/bin/node"


def test_without_npm_its_peer_is_not_installed(npm, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    surroundings.install()
    assert not npm
    assert surroundings.interpreter_of("express") is None
