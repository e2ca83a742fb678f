"""django-allauth's own tests of sign-in, sign-out and sessions pass, unchanged, with this app."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.absence import need_package

from .conftest import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TESTS = ("tests/apps/account", "tests/apps/usersessions", "tests/apps/headless/usersessions")
AT_LEAST = 250  # of 65.21


def test_its_own_tests_pass(borrow: Callable[..., Path]) -> None:
    folder = borrow("django-allauth", "allauth", "allauth")
    need_package("ninja", "django-ninja")
    need_package("pytest_asyncio", "pytest-asyncio")
    settings = "--ds=tests.settings_with_logout"
    ended = run(
        folder, "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", settings, *TESTS
    )
    assert ended.returncode == 0, ended.stdout
    passed = re.search(r"(\d+) passed", ended.stdout)
    assert passed, ended.stdout
    assert int(passed[1]) >= AT_LEAST
