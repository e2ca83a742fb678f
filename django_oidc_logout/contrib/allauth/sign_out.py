"""Makes allauth's logout page and its headless API sign out of the provider as well.

Their views mark a request in which the person has pressed the button. If a request is marked, the
adapter's `logout()` signs out as our own view does. A site's adapter may override `logout()` if it
calls `super()`. If allauth calls `logout()` only to change accounts, the request is not marked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

from allauth.account.adapter import DefaultAccountAdapter, get_adapter
from allauth.account.views import LogoutView
from django.apps import apps
from django.utils.encoding import iri_to_uri
from django.utils.module_loading import import_string

from ...api import sign_out
from ...rp_initiated import destination
from ...sessions import index

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse
    from django.views import View

PRESSED = "_oidc_logout_pressed"
HEADLESS_VIEWS = ("allauth.headless.account.views.SessionView",)
COPIED = {"Clear-Site-Data"}


@dataclass(slots=True, kw_only=True)
class Pressed:
    """A press of allauth's logout button."""

    return_to: str
    """The target to which allauth would redirect the browser."""
    response: HttpResponse | None = None
    """The response of `sign_out`."""


def _sign_out_if_pressed(logout: Callable[..., None]) -> Callable[..., None]:
    """Make an adapter sign out of the provider, if the person has pressed the button."""

    @wraps(logout)
    def wrapper(adapter: DefaultAccountAdapter, request: HttpRequest) -> None:
        pressed: Pressed | None = getattr(request, PRESSED, None)
        if pressed is None:
            logout(adapter, request)
        else:
            pressed.response = sign_out(request, return_to=pressed.return_to)

    return wrapper


def _press(request: HttpRequest, return_to: str, view: Callable[[], HttpResponse]) -> HttpResponse:
    """Call one of allauth's views. Return its response, or ours instead."""
    pressed = Pressed(return_to=return_to)
    setattr(request, PRESSED, pressed)
    try:
        response = view()
    finally:
        request.__dict__.pop(PRESSED)
    # allauth does nothing if nobody is signed in, even if the session has just expired.
    if pressed.response is None and request.method == "POST" and index.current(request):
        pressed.response = sign_out(request, return_to=return_to)
    return _merge(request, response, pressed.response) if pressed.response else response


def _merge(request: HttpRequest, response: HttpResponse, ours: HttpResponse) -> HttpResponse:
    if request.method == "GET":  # another site could have caused it
        ours.headers.pop("Clear-Site-Data", None)
    chosen = destination.handed_out(request)
    if chosen is None or not response.headers["Content-Type"].startswith("application/json"):
        return ours
    document, url = json.loads(response.content), iri_to_uri(chosen.url)
    answer = {"redirect_to": url, "provider": chosen.provider_outcome}
    if "meta" in document:  # the headless API
        document["meta"] |= answer
    else:
        document |= answer | {"location": url}
    response.content = json.dumps(document).encode()
    response.cookies.update(ours.cookies)
    for name in COPIED & {*ours.headers}:
        response.headers[name] = ours.headers[name]
    return response


def _page(post: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(post)
    def wrapper(view: LogoutView, *args: Any, **kwargs: Any) -> HttpResponse:
        return _press(view.request, view.get_redirect_url(), lambda: post(view, *args, **kwargs))

    return wrapper


def _headless(delete: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(delete)
    def wrapper(view: View, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return_to = get_adapter().get_logout_redirect_url(request)
        return _press(request, return_to, lambda: delete(view, request, *args, **kwargs))

    return wrapper


def _wrap(owner: type, name: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    setattr(owner, name, wrap(getattr(owner, name)))


_wrap(DefaultAccountAdapter, "logout", _sign_out_if_pressed)
_wrap(LogoutView, "post", _page)
for _path in HEADLESS_VIEWS if apps.is_installed("allauth.headless") else ():
    _wrap(import_string(_path), "delete", _headless)
