"""A form whose CSRF token is no longer valid: people get a new one in place of an error.

A sign-in changes the token, so the button of a page from before is stale, but the person who
presses it must be able to sign out.
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
    """Return a view decorator: Django's CSRF check, with `fresh_form` as its page for browsers.

    Scripts get the response of `CSRF_FAILURE_VIEW`. The view must be exempt from the check of
    Django's middleware, which comes first.
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
