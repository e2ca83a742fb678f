"""Answers that send a browser, a script or a page's library on after a sign-out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django.utils.encoding import iri_to_uri

from .conf import conf

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.http import HttpRequest

# A proxy in front of the site answers 502 to headers over about 4 KB, with its default buffers.
MAX_HEADER_URL = 3000
# A browser clears the cookies of the whole registrable domain: those of a provider that lives there
# are still needed on the way to it.
HELD_BACK = frozenset({"cookies"})
DECIDING_HEADERS = ("Accept", "HX-Request", "X-Turbo-Request-Id")
TURBO_STREAM = "text/vnd.turbo-stream.html"
HTML = "text/html"
JSON = ("application/json", "application/json; charset=utf-8", "application/json; charset=UTF-8")


def leave(request: HttpRequest, url: str, *, provider: str, warning: str = "") -> HttpResponse:
    """Return the answer to a sign-out: on to `url`, in the way that the client understands.

    Args:
        request: the request that signed out.
        url: where to go.
        provider: the outcome's word: with `redirect`, `url` is at the identity provider.
        warning: what people should read where they land, through Django's messages if they are
            installed.
    """
    url = iri_to_uri(url) or "/"
    response = _answer(request, url, provider)
    if warning and not isinstance(response, JsonResponse):
        messages.warning(request, warning, fail_silently=True)
    add_never_cache_headers(response)
    patch_vary_headers(response, DECIDING_HEADERS)
    held_back = HELD_BACK if provider == "redirect" else frozenset()
    directives = [name for name in conf.OIDC_LOGOUT_CLEAR_SITE_DATA if name not in held_back]
    _clear_site_data(response, directives)
    response.delete_cookie(**conf.session_cookie)
    return response


def max_url_length(request: HttpRequest) -> int | None:
    """Return how long an address the client can be sent to, where no page can take its place."""
    return MAX_HEADER_URL if _by_htmx(request) else None


def _by_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def _answer(request: HttpRequest, url: str, provider: str) -> HttpResponse:
    if _by_htmx(request):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    if _by_turbo(request):
        # Turbo fetches, so it cannot follow a redirect to another origin, and ignores a page.
        return render(request, "oidc_logout/turbo.html", {"url": url}, content_type=TURBO_STREAM)
    if _by_script(request):
        return JsonResponse({"redirect_to": url, "provider": provider})
    if conf.OIDC_LOGOUT_RESPONSE == "refresh" or len(url) > MAX_HEADER_URL:
        response = render(request, "oidc_logout/refresh.html", {"url": url})
        response.headers["Referrer-Policy"] = "no-referrer"
        return response
    return HttpResponseRedirect(url)


def _by_turbo(request: HttpRequest) -> bool:
    """Tell whether Turbo asks: 7 says so by what it accepts, 8 by an id. No wildcard will do."""
    accepted = request.headers.get("Accept", "")
    return "X-Turbo-Request-Id" in request.headers or TURBO_STREAM in accepted


def _by_script(request: HttpRequest) -> bool:
    """Tell whether JSON is preferred to a page: no browser that shows pages even names it."""
    accepted = request.headers.get("Accept", "")
    return "json" in accepted.lower() and request.get_preferred_type([HTML, *JSON]) in JSON


def clear_held_back(response: HttpResponse) -> None:
    """Clear what `leave` held back, once the browser is back from the provider."""
    _clear_site_data(response, HELD_BACK.intersection(conf.OIDC_LOGOUT_CLEAR_SITE_DATA))


def _clear_site_data(response: HttpResponse, directives: Collection[str]) -> None:
    """Set the header of the W3C's Clear Site Data, section 3.1: quoted on the wire."""
    if directives:
        response.headers["Clear-Site-Data"] = ", ".join(f'"{name}"' for name in directives)
