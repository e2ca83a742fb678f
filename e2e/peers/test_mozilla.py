"""mozilla-django-oidc's own tests pass, unchanged, with this app installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize("backend", ["mozilla's", "ours"])
def test_its_own_tests_pass(borrow: Callable[..., Path], backend: str) -> None:
    folder = borrow("mozilla-django-oidc", "mozilla_django_oidc", "mozilla")
    ended = run(folder, "django", "test", "--settings=tests.settings", BACKEND=backend)
    assert ended.returncode == 0, ended.stderr
    assert "\nOK" in ended.stderr
    assert "Ran 0 tests" not in ended.stderr
