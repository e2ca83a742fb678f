"""A form whose CSRF token is no longer valid: people get a new form instead of an error.

A sign-in changes the token, so an older page has a stale button. The person who presses it must
still be able to sign out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.middleware.csrf import CsrfViewMiddleware, logger
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django.utils.decorators import decorator_from_middleware
from django.utils.log import log_response

from . import responses

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse


def csrf_check(fresh_form: Callable[[HttpRequest], HttpResponse]) -> Any:
    """Return a view decorator: Django's CSRF check, which shows `fresh_form` to browsers.

    Scripts get the response of `CSRF_FAILURE_VIEW`. The view must also be `csrf_exempt`, because
    the check of Django's middleware comes first.
    """

    class Check(CsrfViewMiddleware):
        def _reject(self, request: HttpRequest, reason: str) -> Any:
            if request.method != "POST" or not responses.is_browser(request):
                return super()._reject(request, reason)  # type: ignore[misc]  # not in the stubs
            page = fresh_form(request)
            add_never_cache_headers(page)
            patch_vary_headers(page, responses.DECIDING_HEADERS)
            log_response(
                "Forbidden (%s): %s",
                reason,
                request.path,
                response=page,
                request=request,
                logger=logger,
            )
            return self.process_response(request, page)

    return decorator_from_middleware(Check)
