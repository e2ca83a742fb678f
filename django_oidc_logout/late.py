"""What is imported when it is first used, and not when the site starts.

A web process signs nobody out until somebody asks. What only that needs (requests, PyJWT and
cryptography above all) would make every process start later, and every management command.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any, cast

from django.utils.functional import SimpleLazyObject


def late(name: str) -> Any:
    """Return what stands for a module, and is imported with the first use of anything in it.

    Args:
        name: of the module; one of the package's own begins with a dot.
    """
    return cast("Any", SimpleLazyObject(partial(import_module, name, __package__)))
