"""Statement deletion reports the statements whose deletion no test notices."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.deletions.statements import deletions

MODULE = '''
"""A module."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING

logger = logging.getLogger("module")


@functools.cache
def add(number):
    """Return a number and one."""
    import math

    number: int
    number += 1
    number = math.floor(number)
    logger.info("added")
    return number


def unused():
    if TYPE_CHECKING:
        pass
    return 1


class Counter:
    def __init__(self):
        super().__init__()
        self.left = 2

    def count(self):
        def numbers():
            yield self.left

        while self.left:
            self.left -= 1
        return list(numbers())
'''
TESTS = """
from module import Counter, add

def test_add():
    assert add(1) == 2

def test_count():
    assert Counter().count() == [0]
"""
SURVIVORS = [
    "module.py:20: add: number = math.floor(number)",
    'module.py:21: add: logger.info("added")',
    "module.py:28: unused: return 1",
    "module.py:33: __init__: super().__init__()",
]
OTHERS = [
    *("number += 1", "return number", "self.left = 2", "def numbers():", "yield self.left"),
    *("while self.left:", "self.left -= 1", "return list(numbers())"),
]
TOOL = [sys.executable, "-m", "tools.deletions", "module.py", "--tests", "test_module.py"]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path):
    """Return a project of one module and its tests."""
    (tmp_path / "module.py").write_text(MODULE)
    (tmp_path / "test_module.py").write_text(TESTS)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.mutmut]\nonly_mutate = ["*module.py"]\npytest_add_cli_args = []\n'
    )
    return tmp_path


def run(folder, *options):
    """Run the tool in a folder, on its one module."""
    return subprocess.run(
        [*TOOL, *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_statements_that_are_deleted(folder):
    module = folder / "module.py"
    texts = [deletion.text for deletion in deletions(module, "module.py")]
    assert sorted(texts) == sorted([*OTHERS, *(one.split(": ", 2)[2] for one in SURVIVORS)])
    without_logging = [one.text for one in deletions(module, "module.py", skip_logging=True)]
    assert without_logging == [text for text in texts if not text.startswith("logger.")]


def test_deletions_that_no_test_notices(folder):
    """One deletion makes a loop endless; it counts as noticed when the time is over."""
    result = run(folder, "--patience", "1")
    found = [line for line in result.stdout.splitlines() if line.startswith("no test notices")]
    assert found == [f"no test notices the deletion of {one}" for one in SURVIVORS], result.stderr
    assert "12 statements, 4 survived, 4 of them unexpectedly" in result.stdout
    assert result.returncode == 1
    assert (folder / "module.py").read_text() == MODULE


def test_deletions_that_are_allowed(folder):
    allowed = folder / "allowed.toml"
    texts = [one.partition(": ")[2].split(": ", 1) for one in [*SURVIVORS, "x: add: return 2"]]
    allowed.write_text(
        "".join(
            f"[[deletion]]\nmodule = 'module.py'\nfunction = '{function}'\n"
            f"text = '{text}'\nreason = 'An example.'\n"
            for function, text in texts
        )
    )
    result = run(folder, "--patience", "1", "--allowed", str(allowed))
    assert "no test notices" not in result.stdout
    assert "allowed.toml lists a deletion that does not survive: module.py" in result.stdout
    assert result.returncode == 1
    allowed.write_text(allowed.read_text().rpartition("[[deletion]]")[0])
    assert run(folder, "--patience", "1", "--allowed", str(allowed)).returncode == 0


def test_tests_that_fail_by_themselves(folder):
    with (folder / "test_module.py").open("a") as file:
        file.write("\ndef test_wrong():\n    assert not add(1)\n")
    result = run(folder)
    assert "the tests fail although nothing is deleted" in result.stdout
    assert result.returncode == 1
