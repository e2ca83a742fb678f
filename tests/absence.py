"""Software that tests use and a machine may lack."""

from __future__ import annotations

import os
from importlib.util import find_spec

import pytest


def need(found, what):
    """Return what was found; if it is missing, skip the test, or fail if REQUIRE_ALL is set."""
    if found:
        return found
    stop = pytest.fail if os.environ.get("REQUIRE_ALL") == "1" else pytest.skip
    return stop(f"{what} is not installed")


def need_package(name, what):
    """Skip or fail unless a Python package can be imported."""
    need(find_spec(name), what)
