"""The current request, and values that are computed at most once per request.

The middleware, the views, the commands and some public functions begin a scope. Outside a scope,
such as in a background task, each use computes the value again.
"""

from __future__ import annotations

from contextlib import nullcontext
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from contextlib import AbstractContextManager

    from django.http import HttpRequest

T = TypeVar("T")
View = TypeVar("View", bound="Callable[..., Any]")


COMPUTED = "_oidc_logout_computed"
BEGUN = nullcontext()


class _Scope:
    """What has been computed for a request, or for a command."""

    __slots__ = ("is_open", "kept", "request", "token")

    def __init__(self, request: HttpRequest | None) -> None:
        self.request = request
        # Without the middleware, a request may begin its scope several times.
        self.kept: dict[str, Any] = {} if request is None else request.__dict__
        self.is_open = True

    @property
    def values(self) -> dict[Hashable, Any]:
        """The values by name."""
        values: dict[Hashable, Any] = self.kept.setdefault(COMPUTED, {})
        return values

    def __enter__(self) -> None:
        self.token = _current.set(self)

    def __exit__(self, *_: object) -> None:
        self.is_open = False  # a background task may keep this context
        _current.reset(self.token)

    def is_of(self, request: HttpRequest | None) -> bool:
        """Return whether this is the open scope of a request."""
        return self.is_open and (request is None or unwrapped(request) is self.request)


_current: ContextVar[_Scope | None] = ContextVar("oidc_logout_scope", default=None)


def begin(request: HttpRequest | None) -> AbstractContextManager[None]:
    """Return a context that begins the scope of a request or command, unless it has begun."""
    current = _current.get()
    if current is not None and current.is_of(request):
        return BEGUN
    return _Scope(unwrapped(request))


def unwrapped(request: T) -> T:
    """Return Django's own request.

    Django REST framework wraps it. What is set on its wrapper does not reach the middleware.
    """
    own: T = getattr(request, "_request", request)
    return own


def within(view: View) -> View:
    """Decorate a view, or another function that takes a request, so that it begins the scope."""

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
    """Return what `compute` returns. Within a scope, call it only once."""
    scope = _open()
    if scope is None:
        return compute()
    values = scope.values
    if name not in values:
        values[name] = compute()
    return cast("T", values[name])


def computed(name: Hashable) -> Any:
    """Return the value that has been computed in the scope, or None."""
    scope = _open()
    return scope.values.get(name) if scope else None


def _open() -> _Scope | None:
    scope = _current.get()
    return scope if scope is not None and scope.is_open else None
