"""The request that is being handled, and values that are computed at most once while it is.

The middleware, the views and the public functions begin a scope. In a command and a background task
there is no request: each use computes the value again.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from django.http import HttpRequest

T = TypeVar("T")
View = TypeVar("View", bound="Callable[..., Any]")


COMPUTED = "_oidc_logout_computed"


class _Scope:
    """What has been computed for a request."""

    def __init__(self, request: HttpRequest | None) -> None:
        self.request = request
        # Without the middleware, a request may begin its scope several times.
        kept = {} if request is None else request.__dict__
        self.values: dict[Hashable, Any] = kept.setdefault(COMPUTED, {})
        self.is_open = True

    def is_of(self, request: HttpRequest | None) -> bool:
        """Return whether this is the scope of a request, which other libraries may wrap."""
        own = getattr(request, "_request", request)
        return self.is_open and (request is None or own is self.request)


_current: ContextVar[_Scope | None] = ContextVar("oidc_logout_scope", default=None)


@contextmanager
def begin(request: HttpRequest | None) -> Iterator[None]:
    """Begin the scope of a request, or of a command, unless it has begun."""
    current = _current.get()
    if current is not None and current.is_of(request):
        yield
        return
    scope = _Scope(getattr(request, "_request", request))
    token = _current.set(scope)
    try:
        yield
    finally:
        scope.is_open = False  # a background task may keep this context
        _current.reset(token)


def within(view: View) -> View:
    """Decorate a view, or another function with a request, so that it begins the scope."""

    @wraps(view)
    def decorated(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        with begin(request):
            return view(request, *args, **kwargs)

    return cast("View", decorated)


def request() -> HttpRequest | None:
    """Return the request that is being handled."""
    scope = _open()
    return scope.request if scope else None


def once(name: Hashable, compute: Callable[[], T]) -> T:
    """Return what `compute` returns, from the scope if it has been computed there."""
    scope = _open()
    if scope is None:
        return compute()
    if name not in scope.values:
        scope.values[name] = compute()
    return cast("T", scope.values[name])


def computed(name: Hashable) -> Any:
    """Return what has been computed in the scope, or None."""
    scope = _open()
    return scope.values.get(name) if scope else None


def _open() -> _Scope | None:
    scope = _current.get()
    return scope if scope is not None and scope.is_open else None
