"""The views. Each parses the request, makes one call, and returns a response."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_not_required
from django.http import (
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    JsonResponse,
)
from django.shortcuts import render
from django.urls import get_script_prefix
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import View

from . import idp_initiated
from .api import sign_out
from .codes import RejectedCode
from .conf import conf
from .exceptions import LogoutTokenInvalid, OIDCLogoutError
from .framework import request_scope
from .framework.transactions import outside_transactions
from .providers import configured
from .rp_initiated import click, responses, return_to, stale_form
from .sessions import bound_store, entry
from .sign_in import refusals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest, HttpResponseBase


def _fresh_form(request: HttpRequest) -> HttpResponse:
    fields = {**click.query(request).dict(), **dict(click.fields(request).items())}
    return _confirm_page(request, fields, status=403)


def _confirm_page(
    request: HttpRequest, fields: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    context = {
        "next": return_to.safe_target(request, return_to.chosen(request, fields.get("next"))),
        "local": click.has_flag("local", fields),
        "home": get_script_prefix(),
    }
    return render(request, "oidc_logout/confirm.html", context, status=status)


# Exempt from the check of Django's middleware, which would respond to a stale form with an error.
@method_decorator(
    [
        request_scope.within,
        outside_transactions,
        login_not_required,
        csrf_exempt,
        stale_form.csrf_check(_fresh_form),
    ],
    name="dispatch",
)
class LogoutView(View):
    """Sign out on POST. `OIDC_LOGOUT_GET` decides what a GET does.

    To serve another package's logout button, put the view at that button's path, before that
    package's URLs: `LogoutView.as_view(return_to="wagtailadmin_login")`.
    """

    return_to: Any = None
    """The target if the request does not name a safe one: a URL, path or view name."""

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Store the default target on the request."""
        return_to.note_default(request, self.return_to)
        super().setup(request, *args, **kwargs)

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        """Sign out."""
        return _sign_out(request, click.fields(request))

    @method_decorator(never_cache)  # the response of `sign_out` sets this itself
    def get(self, request: HttpRequest, **_: Any) -> HttpResponseBase:
        """Ask for confirmation, sign out, or refuse. A HEAD request never signs out."""
        if conf.OIDC_LOGOUT_GET == "refuse":
            return HttpResponseNotAllowed(["POST"])
        if conf.OIDC_LOGOUT_GET == "allow" and click.is_click(request):
            return _sign_out(request, click.query(request))
        return _confirm_page(request, click.query(request))


def _sign_out(request: HttpRequest, fields: Mapping[str, Any]) -> HttpResponse:
    target = return_to.chosen(request, fields.get("next", click.query(request).get("next")))
    return sign_out(request, return_to=target, local_only=click.has_flag("local", fields))


# Outside transactions, because it must work while the database is down.
@method_decorator(
    [request_scope.within, outside_transactions, login_not_required, never_cache], name="dispatch"
)
class CallbackView(View):
    """Redirect people who return from the provider to the target of their sign-out."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Redirect to the target in the state or in the settings, or show the signed-out page."""
        state = return_to.unsign(click.query(request).get("state"))
        target = return_to.safe_target(request, state.next) if state else ""
        url = target or return_to.default_url()
        if state and state.is_local:
            return _signed_out_page(request, state, url)
        response = HttpResponseRedirect(url) if url else _signed_out_page(request, state, url)
        # Another site that embeds this URL as an image must not clear anybody's cookies.
        if state and click.is_navigation(request) and entry.known_user(request) is None:
            responses.clear_held_back(response)
        return response


def _signed_out_page(
    request: HttpRequest, state: return_to.State | None, target: str
) -> HttpResponse:
    try:
        provider = configured.provider_for(state.alias) if state and state.alias else None
    except OIDCLogoutError:
        provider = None
    context = {
        "state": state,
        "provider": provider,
        "name": configured.display_name(state.alias, "") if state else "",
        "signed_in": entry.known_user(request) is not None,
        "sign_in": refusals.sign_in_url(),
        "home": target or get_script_prefix(),
    }
    return render(request, "oidc_logout/signed_out.html", context)


@method_decorator(
    [
        request_scope.within,
        outside_transactions,
        login_not_required,
        csrf_exempt,
        never_cache,
        sensitive_post_parameters("logout_token"),
    ],
    name="dispatch",
)
class BackChannelLogoutView(View):
    """Receive logout tokens from the provider (Back-Channel Logout 1.0, sections 2.5 to 2.8)."""

    http_method_names = ("post",)

    def post(self, request: HttpRequest) -> HttpResponse:
        """End the sessions that a logout token names."""
        try:
            encoded = _logout_token(request)
            idp_initiated.back_channel(encoded)
        except OIDCLogoutError as exc:
            error = {"error": exc.error, "error_description": exc.description}
            return JsonResponse(error | {"code": exc.rejected_code}, status=400)
        return HttpResponse()

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Reject a request that is not a POST, and announce it like any other rejection."""
        idp_initiated.reject(LogoutTokenInvalid(code=RejectedCode.WRONG_METHOD))
        return super().http_method_not_allowed(request, *args, **kwargs)


def _logout_token(request: HttpRequest) -> str:
    """Return the logout token in the body. A body without one counts as a rejected token."""
    try:
        return _only_token(request)
    except LogoutTokenInvalid as exc:
        idp_initiated.reject(exc)
        raise


def _only_token(request: HttpRequest) -> str:
    if request.content_type != "application/x-www-form-urlencoded":
        raise LogoutTokenInvalid(code=RejectedCode.WRONG_CONTENT_TYPE)
    try:
        values = request.POST.getlist("logout_token")
    except click.UNREADABLE as exc:
        raise LogoutTokenInvalid(code=RejectedCode.UNREADABLE_BODY) from exc
    if len(values) != 1:
        raise LogoutTokenInvalid(code=RejectedCode.NOT_ONE_TOKEN)
    return values[0]


@method_decorator(
    [
        request_scope.within,
        outside_transactions,
        login_not_required,
        xframe_options_exempt,
        never_cache,
    ],
    name="dispatch",
)
class FrontChannelLogoutView(View):
    """End a session from the provider's frame (Front-Channel Logout 1.0, section 2).

    The request does not carry a cookie, and anybody can send it. So it ends a session only by its
    `sid`.
    """

    http_method_names = ("get",)

    def get(self, request: HttpRequest) -> HttpResponse:
        """End the session that `iss` and `sid` name. The page does not reveal whether one ended."""
        issuer, sid = _only_value(request, "iss"), _only_value(request, "sid")
        with suppress(OIDCLogoutError):  # it is logged, and nobody sees the frame
            idp_initiated.front_channel(issuer, sid)
        response = render(request, "oidc_logout/frontchannel.html")
        origin = configured.frame_origin(issuer) or "'none'"
        response.headers["Content-Security-Policy"] = f"frame-ancestors {origin}"
        return response


def _only_value(request: HttpRequest, name: str) -> str:
    values = click.query(request).getlist(name)
    return values[0] if len(values) == 1 else ""


@method_decorator([login_not_required, never_cache], name="dispatch")
class ReauthenticateView(View):
    """Start a sign-in at which the person must authenticate again at the provider."""

    http_method_names = ("get",)

    def get(self, request: HttpRequest) -> HttpResponse:
        """Redirect to the sign-in."""
        query = click.query(request)
        return refusals.start(query.get("next", ""), query.get("provider", ""))


@method_decorator([login_not_required, never_cache], name="dispatch")
class StatusView(View):
    """Report to the script on an open page whether the person is signed in: two queries at most."""

    http_method_names = ("get",)

    def get(self, request: HttpRequest) -> HttpResponse:
        """Return whether the person is signed in, without extending the session."""
        return JsonResponse({"signed_in": bound_store.is_alive(request)})
