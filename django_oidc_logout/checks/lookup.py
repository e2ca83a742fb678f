"""What the project around us is made of, as far as its settings say. Nothing here raises.

What cannot be loaded counts as absent: Django itself says what is wrong with it, and where.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.urls import get_resolver, get_script_prefix, resolve, reverse
from django.utils.module_loading import import_string

from ..conf import conf

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.urls import ResolverMatch

T = TypeVar("T")


def attempt(call: Callable[[], T], otherwise: T) -> T:
    """Return what `call` returns, or `otherwise` if it raises."""
    try:
        return call()
    except Exception:  # noqa: BLE001  # the project's own code and settings may raise anything
        return otherwise


def load(path: Any) -> Any:
    """Return what a dotted path names, or None."""
    return attempt(lambda: import_string(path), None)


def is_kind(path: Any, base: str) -> bool:
    """Tell whether a dotted path names the class at `base`, or one derived from it."""
    kind, ancestor = load(path), load(base)
    return isinstance(kind, type) and isinstance(ancestor, type) and issubclass(kind, ancestor)


def named(setting: str) -> list[str]:
    """Return the texts in a setting that is a list."""
    value = conf.raw(setting)
    return [item for item in value if isinstance(item, str)] if _is_list(value) else []


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple | set)


def derived(setting: str, base: str) -> list[str]:
    """Return those of a setting's dotted paths that name `base`, or a class derived from it."""
    return [path for path in named(setting) if is_kind(path, base)]


def urls_load() -> bool:
    """Tell whether the URLconf can be imported."""
    return attempt(lambda: bool(get_resolver().url_patterns), otherwise=False)


def path_of(name: str) -> str:
    """Return the path of a view by its name, or nothing."""
    return attempt(lambda: reverse(name), "")


def served_by(path: str) -> ResolverMatch | None:
    """Return what answers at a path."""
    return attempt(lambda: resolve(f"/{path.removeprefix(get_script_prefix())}"), None)
