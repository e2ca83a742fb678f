"""The benchmarks run; what they measure is their own business."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.absence import need_package

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _pyperf():
    need_package("pyperf", "pyperf")


def test_a_little_of_everything_that_needs_no_server_and_no_peer(monkeypatch, tmp_path):
    monkeypatch.delenv("REQUIRE_ALL", raising=False)  # peers have a run of their own
    work = ["middleware", "cycles"]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks",
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
    assert (tmp_path / "speed.md").read_text() == done.stdout


def test_peers_that_are_missing_fail_where_all_are_required(monkeypatch, tmp_path):
    monkeypatch.setenv("REQUIRE_ALL", "1")
    code = (
        "import sys, benchmarks.__main__ as main; main.python_of = lambda peer: None;"
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
    assert done.stderr.startswith("Not installed: ours, django,")
