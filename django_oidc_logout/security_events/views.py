"""The views that receive security events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpResponse, HttpResponseNotFound, JsonResponse, UnreadablePostError
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import View

from .. import request_scope
from ..codes import RejectedCode
from ..conf import conf
from ..decorators import outside_transactions
from ..exceptions import OIDCLogoutError, SecurityEventInvalid, TokenUnreadable
from . import receiver
from .token import MAX_BYTES

if TYPE_CHECKING:
    from django.http import HttpRequest

UNREADABLE = (BadRequest, SuspiciousOperation, UnreadablePostError)
PUSHED, WRAPPED = "application/secevent+jwt", "application/json"


def not_configured() -> HttpResponse | None:
    """Return a response if no provider has the option `SHARED_SIGNALS`, or nobody can say."""
    providers = conf.OIDC_LOGOUT_PROVIDERS
    if any(options.shared_signals is not None for options in providers.values()):
        return None
    return HttpResponse(status=503) if providers.failure else HttpResponseNotFound()


@method_decorator(
    [request_scope.within, outside_transactions, login_not_required, csrf_exempt, never_cache],
    name="dispatch",
)
class SecurityEventsView(View):
    """Receive security events that a provider pushes (RFC 8935, section 2)."""

    http_method_names = ("post",)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Act on a security event."""
        if response := not_configured():
            return response
        authorization = request.headers.get("Authorization", "")
        try:
            encoded, is_wrapped = _read(request)
            receiver.receive(encoded, authorization=authorization, is_wrapped=is_wrapped)
        except (SecurityEventInvalid, TokenUnreadable) as exc:
            error = {"err": exc.error, "description": exc.description}
            return JsonResponse(error, status=400)
        except OIDCLogoutError as exc:  # the site's own failure
            return HttpResponse(exc.description, content_type="text/plain", status=503)
        return HttpResponse(status=200 if is_wrapped else 202)


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
