"""Views: parse, make one call, answer."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import (
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    JsonResponse,
    UnreadablePostError,
)
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.urls import get_script_prefix
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import View

from . import binding, channels, engines, landing, registry, responses, sessions
from .api import sign_out
from .conf import conf
from .exceptions import LogoutTokenInvalid, OIDCLogoutError, SessionsNotEnded
from .transactions import outside_transactions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest, HttpResponseBase

# What Django raises for a body that is broken, too large, or cut off.
UNREADABLE = (BadRequest, MultiPartParserError, SuspiciousOperation, UnreadablePostError)


# Not in a transaction: what fails after the session has ended must not bring it back.
@method_decorator([outside_transactions, login_not_required, csrf_protect], name="dispatch")
class LogoutView(View):
    """Sign out on POST; what a GET does is `OIDC_LOGOUT_GET`'s decision."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Sign out."""
        fields = _fields(request)
        return_to = fields.get("next", request.GET.get("next"))
        return sign_out(request, return_to=return_to, local_only=_asked("local", fields))

    @method_decorator(never_cache)  # what `sign_out` returns is so already
    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Ask for confirmation, sign out, or refuse. HEAD comes here too, and never signs out."""
        if conf.OIDC_LOGOUT_GET == "refuse":
            return HttpResponseNotAllowed(["POST"])
        wanted, local = request.GET.get("next"), _asked("local", request.GET)
        if conf.OIDC_LOGOUT_GET == "allow" and _is_click(request):
            return sign_out(request, return_to=wanted, local_only=local)
        context = {
            "next": landing.target(request, wanted),
            "local": local,
            "home": get_script_prefix(),
        }
        return render(request, "oidc_logout/confirm.html", context)


# Not in a transaction either: it needs no database, which may be down.
@method_decorator([outside_transactions, login_not_required, never_cache], name="dispatch")
class CallbackView(View):
    """Where the provider sends people back: on to where they wanted, or the signed-out page."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Redirect to the target in a state of ours, or else to the default landing place."""
        state = landing.unsign(request.GET.get("state"))
        wanted = landing.target(request, state.next) if state else ""
        url = wanted or landing.default()
        response = HttpResponseRedirect(url) if url else _signed_out_page(request, state)
        # A page elsewhere that shows this address as a picture must not clear anybody's cookies.
        if state and _is_navigation(request) and not sessions.known_user(request):
            responses.clear_held_back(response)
        return response


def _signed_out_page(request: HttpRequest, state: landing.State | None) -> HttpResponse:
    try:
        provider = registry.get(state.alias) if state and state.alias else None
    except OIDCLogoutError:
        provider = None
    context = {
        "state": state,
        "provider": provider,
        "signed_in": sessions.known_user(request),
        "home": get_script_prefix(),
    }
    return render(request, "oidc_logout/signed_out.html", context)


def _fields(request: HttpRequest) -> Mapping[str, Any]:
    """Return what was posted, as a form or as a JSON object; what is neither asks for nothing."""
    try:
        if request.content_type != "application/json":
            return request.POST
        document = json.loads(request.body)
    except (*UNREADABLE, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _asked(name: str, fields: Mapping[str, Any]) -> bool:
    """Tell whether a flag is there; any value will do, but JSON can say no."""
    return fields.get(name, False) not in (False, None)


def _is_click(request: HttpRequest) -> bool:
    """Tell whether a GET is a person's own navigation from this site."""
    return _is_navigation(request) and request.headers.get("Sec-Fetch-Site") != "cross-site"


def _is_navigation(request: HttpRequest) -> bool:
    """Tell whether a GET opens a page in a tab; headers that are not there say nothing."""
    headers = request.headers
    purposes = (headers.get(name, "") for name in ("Sec-Purpose", "X-Sec-Purpose", "Purpose"))
    return (
        request.method == "GET"
        and not any("prefetch" in purpose.lower() for purpose in purposes)
        and headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
        and headers.get("Sec-Fetch-Dest", "document") == "document"
    )


@method_decorator(
    [
        outside_transactions,
        login_not_required,
        csrf_exempt,
        never_cache,
        sensitive_post_parameters("logout_token"),
    ],
    name="dispatch",
)
class BackChannelLogoutView(View):
    """Where the provider posts its logout tokens (Back-Channel Logout 1.0, sections 2.5 to 2.8)."""

    http_method_names = ("post",)

    def post(self, request: HttpRequest) -> HttpResponse:
        """End the sessions that a logout token means."""
        try:
            channels.back(_logout_token(request))
        except OIDCLogoutError as exc:
            answer = {"error": exc.error, "error_description": exc.description}
            return JsonResponse(answer, status=400)
        return HttpResponse()


def _logout_token(request: HttpRequest) -> str:
    if request.content_type != "application/x-www-form-urlencoded":
        raise LogoutTokenInvalid("the body is not application/x-www-form-urlencoded")
    try:
        values = request.POST.getlist("logout_token")
    except UNREADABLE as exc:
        raise LogoutTokenInvalid("the body cannot be read") from exc
    if len(values) != 1:
        raise LogoutTokenInvalid("there has to be one logout_token")
    return values[0]


@method_decorator(
    [outside_transactions, login_not_required, xframe_options_exempt, never_cache],
    name="dispatch",
)
class FrontChannelLogoutView(View):
    """What the provider shows in a frame to end a session (Front-Channel Logout 1.0, section 2).

    No cookie comes with it, and anybody can ask for it: only who knows the session's id ends it.
    """

    http_method_names = ("get",)

    def get(self, request: HttpRequest) -> HttpResponse:
        """End the session that `iss` and `sid` mean; answer with the same page whatever they do."""
        issuers, sids = request.GET.getlist("iss"), request.GET.getlist("sid")
        if len(issuers) == len(sids) == 1:
            with suppress(SessionsNotEnded):  # it is logged, and nobody reads a frame
                channels.front(issuers[0], sids[0])
        response = render(request, "oidc_logout/frontchannel.html")
        origins = sorted(registry.origins(request.GET.get("iss", ""))) or ["'none'"]
        response.headers["Content-Security-Policy"] = f"frame-ancestors {' '.join(origins)}"
        return response


@method_decorator([login_not_required, never_cache], name="dispatch")
class StatusView(View):
    """Tell the script on an open page whether its session is still there, at a query at most."""

    http_method_names = ("get",)

    def get(self, request: HttpRequest) -> HttpResponse:
        """Look at the session without using it: it is not saved, and lasts no longer for it."""
        key = request.session.session_key
        if key == request.COOKIES.get(conf.SESSION_COOKIE_NAME):
            request.session = engines.store()(key)
            binding.bind(request)
            signed_in = SESSION_KEY in request.session
            # As if none had come, so that the middleware neither saves it nor touches its cookie.
            request.session = engines.store()()
            request.COOKIES.pop(conf.SESSION_COOKIE_NAME, None)
        else:  # on the way here it was ended or has got another key, of which the browser must hear
            signed_in = SESSION_KEY in request.session
        return JsonResponse({"signed_in": signed_in})
