"""The site's callable that returns the providers: a configuration in a database, or per tenant."""

from __future__ import annotations

import logging
from functools import partial
from inspect import Parameter, iscoroutinefunction, signature
from typing import TYPE_CHECKING, Any, TypeGuard

from django.utils.module_loading import import_string

from ..codes import LogCode
from ..framework import request_scope
from ..framework.savepoints import savepoints
from .options import Providers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest

    Defaults = Mapping[str, Mapping[str, Any]]

POSITIONAL = (
    Parameter.POSITIONAL_ONLY,
    Parameter.POSITIONAL_OR_KEYWORD,
    Parameter.VAR_POSITIONAL,
)

logger = logging.getLogger("django_oidc_logout")


def is_path(written: object) -> TypeGuard[str]:
    """Return whether a setting has the form of a dotted path, even if it cannot be imported."""
    parts = written.split(".") if isinstance(written, str) else []
    return len(parts) > 1 and all(part.isidentifier() for part in parts)


def load(path: str) -> Any:
    """Import the callable at a dotted path.

    Raises:
        ImportError: the object does not exist.
        TypeError: the object is not callable, or it is a coroutine function.
    """
    function = import_string(path)
    if not callable(function) or iscoroutinefunction(function):
        raise TypeError(f"{path} is not a plain function")
    return function


def ask(path: str, defaults: Defaults) -> Providers:
    """Return the providers that the callable returns. It is called at most once per request.

    If it fails, the failure is logged and the result is empty: a failure must not prevent a
    sign-out.
    """
    return request_scope.once(_name(path), partial(_ask, path, defaults))


def asked(path: str) -> Providers | None:
    """Return the providers that the callable has returned for this request, or None before that."""
    found: Providers | None = request_scope.computed(_name(path))
    return found


def _name(path: str) -> tuple[str, str]:
    return "OIDC_LOGOUT_PROVIDERS", path


def _ask(path: str, defaults: Defaults) -> Providers:
    try:
        with savepoints():  # it may query a database
            answer = dict(_call(load(path), request_scope.request()))
            providers = Providers.read(answer, defaults)
    except Exception as exc:  # the site's own code may raise anything
        logger.exception(
            "Could not read the providers, check the callable: path=%s",
            path,
            extra=LogCode.PROVIDERS_NOT_READ.extra(),
        )
        providers = Providers()
        providers.failure = f"{path} failed: {type(exc).__name__}"
    providers.is_complete = False
    return providers


def _call(function: Any, request: HttpRequest | None) -> Any:
    """Call a function with the request, if it has a parameter for it."""
    parameters = signature(function).parameters
    if "request" in parameters:
        return function(request=request)
    takes_one = any(each.kind in POSITIONAL for each in parameters.values())
    return function(request) if takes_one else function()
