"""Looks up what the project's settings name. These functions do not raise.

An object that cannot be loaded counts as missing, because Django itself reports the error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from django.apps import apps
from django.urls import URLPattern, URLResolver, get_resolver, get_script_prefix, resolve, reverse
from django.urls.resolvers import LocalePrefixPattern, RegexPattern
from django.utils import regex_helper
from django.utils.module_loading import import_string

from ..conf import conf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from django.urls import ResolverMatch

    from ..conf import ProviderOptions

ADMIN = "django.contrib.admin"
ADMIN_CONFIG = "django_oidc_logout.sites.OIDCAdminConfig"

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A view in the URLconf."""

    path: str
    """The route for `path()`; an asterisk stands for a regular expression with many matches."""
    callback: Any
    name: str | None
    prefix: str
    """The language prefix of `i18n_patterns()`."""
    in_languages: bool


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


def path_to(kind: type) -> str:
    """Return the dotted path to a class."""
    return f"{kind.__module__}.{kind.__qualname__}"


def has_admin_config() -> bool:
    """Return whether `OIDCAdminConfig` is installed in place of the admin's own."""
    configs = [config for config in apps.get_app_configs() if config.name == ADMIN]
    return any(is_kind(path_to(type(config)), ADMIN_CONFIG) for config in configs)


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
    """Return what the URLconf resolves a path to, or None."""
    return attempt(lambda: resolve(f"/{path.removeprefix(get_script_prefix())}"), None)


def routes() -> Iterator[Route]:
    """Yield the views in the URLconf, except in the parts that cannot be imported."""
    return _routes(attempt(get_resolver, None), ())


def _routes(resolver: Any, parents: tuple[Any, ...]) -> Iterator[Route]:
    entries: list[Any] = attempt(lambda: [*resolver.url_patterns], [])
    for entry in entries:
        if isinstance(entry, URLPattern):
            yield _route(entry, (*parents, entry.pattern))
        elif isinstance(entry, URLResolver):
            yield from _routes(entry, (*parents, entry.pattern))


def _route(entry: URLPattern, patterns: tuple[Any, ...]) -> Route:
    languages = [p for p in patterns if isinstance(p, LocalePrefixPattern)]
    return Route(
        path="".join(_as_path(p) for p in patterns if p not in languages),
        callback=entry.callback,
        name=entry.name,
        prefix="".join(map(str, languages)),
        in_languages=bool(languages),
    )


def _as_path(pattern: Any) -> str:
    if not isinstance(pattern, RegexPattern):
        return str(pattern)
    found: list[Any] = attempt(lambda: regex_helper.normalize(str(pattern)), [])
    return next((text for text, parameters in found if not parameters), "*")


def is_served(route: Route) -> bool:
    """Return whether a route serves its own path. Assume so if the route has URL arguments."""
    if any(character in route.path for character in "<*"):
        return True
    match = attempt(lambda: resolve(f"/{route.prefix}{route.path}"), None)
    return match is not None and match.func is route.callback
