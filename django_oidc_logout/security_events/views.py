"""The views that receive security events."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpResponse, HttpResponseNotFound, JsonResponse, UnreadablePostError
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import View

from ..codes import RejectedCode
from ..conf import conf
from ..exceptions import (
    OIDCLogoutError,
    ProviderUnavailable,
    SecurityEventInvalid,
    SessionsNotEnded,
    TokenUnreadable,
)
from ..framework import request_scope
from ..framework.transactions import outside_transactions
from ..providers import configured
from . import global_revocation, receiver
from .token import MAX_BYTES

if TYPE_CHECKING:
    from django.http import HttpRequest

UNREADABLE = (BadRequest, SuspiciousOperation, UnreadablePostError)
STATUSES = {
    "invalid_request": 400,
    global_revocation.UNAUTHENTICATED: 401,
    "access_denied": 403,
    "not_found": 404,
}
PUSHED, WRAPPED = "application/secevent+jwt", "application/json"
ENGLISH = {"Content-Language": "en"}
"""The language of the descriptions (RFC 8935, section 2.3), which are not translated."""


def is_configured() -> bool:
    """Return whether a provider has the option `SHARED_SIGNALS`.

    If the site's callable failed, one may have it.
    """
    providers = conf.OIDC_LOGOUT_PROVIDERS
    has_option = any(options.shared_signals is not None for options in providers.values())
    return has_option or bool(providers.failure)


class SignalsView(View):
    """Base class: a provider posts to it. If no provider is configured for it, it is silent."""

    http_method_names = ("post",)

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Reject a request that is not a POST, and announce it like any other rejection."""
        if is_configured():
            receiver.reject(SecurityEventInvalid("invalid_request", RejectedCode.WRONG_METHOD))
        return super().http_method_not_allowed(request, *args, **kwargs)


@method_decorator(
    [request_scope.within, outside_transactions, login_not_required, csrf_exempt, never_cache],
    name="dispatch",
)
class SecurityEventsView(SignalsView):
    """Receive security events that a provider pushes (RFC 8935, section 2)."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Act on a security event."""
        if not is_configured():
            return HttpResponseNotFound()
        authorization = request.headers.get("Authorization", "")
        try:
            _require_providers()
            encoded, is_wrapped = _read(request)
            receiver.receive(encoded, authorization=authorization, is_wrapped=is_wrapped)
        except (SecurityEventInvalid, TokenUnreadable) as exc:
            error = {"err": exc.error, "description": exc.description, "code": exc.rejected_code}
            return JsonResponse(error, status=400, headers=ENGLISH)
        except OIDCLogoutError as exc:  # the site's own failure
            text = exc.description
            return HttpResponse(text, content_type="text/plain", status=503, headers=ENGLISH)
        return HttpResponse(status=200 if is_wrapped else 202)


@method_decorator(
    [request_scope.within, outside_transactions, login_not_required, csrf_exempt, never_cache],
    name="dispatch",
)
class GlobalTokenRevocationView(SignalsView):
    """End all sessions of a person (draft-parecki-oauth-global-token-revocation).

    Okta's Universal Logout calls it.
    """

    def post(self, request: HttpRequest) -> HttpResponse:
        """End the sessions of the person in the body."""
        if not is_configured():
            return HttpResponseNotFound()
        authorization = request.headers.get("Authorization", "")
        try:
            _require_providers()
            global_revocation.revoke(authorization, partial(read_body, request), _urls(request))
        except OIDCLogoutError as exc:
            return _refusal(exc)
        return HttpResponse(status=204)


def _require_providers() -> None:
    try:
        configured.require_readable()
    except OIDCLogoutError as exc:
        receiver.reject(exc)
        raise


def _urls(request: HttpRequest) -> set[str]:
    """Return the possible URLs of this request. A proxy may hide the host that was called."""
    registered = (
        urlsplit(options.post_logout_redirect_uri)
        for options in conf.OIDC_LOGOUT_PROVIDERS.values()
    )
    origins = {f"{parts.scheme}://{parts.netloc}" for parts in registered if parts.netloc}
    return {request.build_absolute_uri(request.path), *(each + request.path for each in origins)}


def _refusal(exc: OIDCLogoutError) -> HttpResponse:
    error = {"error": exc.error, "error_description": exc.description, "code": exc.rejected_code}
    if isinstance(exc, SessionsNotEnded):
        return JsonResponse(error | {"error": "unable_to_log_out"}, status=422)
    if isinstance(exc, ProviderUnavailable):
        return JsonResponse(error | {"error": "temporarily_unavailable"}, status=503)
    response = JsonResponse(error, status=STATUSES[exc.error])
    if exc.error == global_revocation.UNAUTHENTICATED:
        has_token = exc.code != RejectedCode.NO_BEARER_TOKEN
        response["WWW-Authenticate"] = f'Bearer error="{exc.error}"' if has_token else "Bearer"
    return response


def _read(request: HttpRequest) -> tuple[str, bool]:
    """Return the token in the body, and whether it came in a JSON object."""
    try:
        body = _body(request)
        is_wrapped = request.content_type == WRAPPED
        return (_payload(body) if is_wrapped else body.strip()), is_wrapped
    except SecurityEventInvalid as exc:
        receiver.reject(exc)
        raise


def _body(request: HttpRequest) -> str:
    if request.content_type not in (PUSHED, WRAPPED):
        raise SecurityEventInvalid("invalid_request", RejectedCode.WRONG_EVENT_TYPE)
    return read_body(request)


def read_body(request: HttpRequest) -> str:
    """Return the body of a request.

    Raises:
        SecurityEventInvalid: it is too long or incomplete, or not text.
    """
    try:
        body = bytes(request.read(MAX_BYTES + 1))
        text = body.decode()
    except (*UNREADABLE, UnicodeDecodeError) as exc:
        raise SecurityEventInvalid("invalid_request", RejectedCode.UNREADABLE_BODY) from exc
    if len(body) > MAX_BYTES:
        raise SecurityEventInvalid("invalid_request", RejectedCode.TOO_LONG, length=MAX_BYTES)
    return text


def _payload(body: str) -> str:
    try:
        document: Any = json.loads(body)
        return str(document["payload"])
    except (ValueError, RecursionError, KeyError, TypeError) as exc:
        raise SecurityEventInvalid("invalid_request", RejectedCode.NO_PAYLOAD) from exc
