"""Looks up what the project's settings name. No function here raises.

What cannot be loaded counts as absent: Django itself reports what is wrong with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.urls import get_resolver, get_script_prefix, resolve, reverse
from django.utils.module_loading import import_string

from ..conf import conf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from django.urls import ResolverMatch

    from ..conf import ProviderOptions

T = TypeVar("T")


def attempt(call: Callable[[], T], otherwise: T) -> T:
    """Return what `call` returns, or `otherwise` if it raises."""
    try:
        return call()
    except Exception:  # noqa: BLE001  # the project's own code and settings may raise anything
        return otherwise


def load(path: Any) -> Any:
    """Return the object at a dotted path, or None."""
    return attempt(lambda: import_string(path), None)


def is_kind(path: Any, base: str) -> bool:
    """Return whether a dotted path names the class at `base` or a subclass."""
    kind, ancestor = load(path), load(base)
    return isinstance(kind, type) and isinstance(ancestor, type) and issubclass(kind, ancestor)


def named(setting: str) -> list[str]:
    """Return the strings in a setting that is a list."""
    value = conf.raw(setting)
    return [item for item in value if isinstance(item, str)] if _is_list(value) else []


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple | set)


def derived(setting: str, base: str) -> list[str]:
    """Return the dotted paths in a setting that name `base` or a subclass."""
    return [path for path in named(setting) if is_kind(path, base)]


def provider_entries() -> Iterator[tuple[str, Mapping[str, Any], ProviderOptions]]:
    """Yield each provider's alias, its options as written (None counts as not set) and as used."""
    known = conf.known_providers
    for alias, options in known.items():
        entry = {key: value for key, value in known.written[alias].items() if value is not None}
        yield alias, entry, options


def urls_load() -> bool:
    """Return whether the URLconf can be imported."""
    return attempt(lambda: bool(get_resolver().url_patterns), otherwise=False)


def path_of(name: str) -> str:
    """Return the path of the view with this name, or an empty string."""
    return attempt(lambda: reverse(name), "")


def served_by(path: str) -> ResolverMatch | None:
    """Return what the URLconf resolves a path to."""
    return attempt(lambda: resolve(f"/{path.removeprefix(get_script_prefix())}"), None)
