"""Responses to a sign-out, for browsers, scripts, htmx and Turbo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django.utils.encoding import iri_to_uri

from ..conf import conf

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.http import HttpRequest

    from ..outcome import Outcome

# With default buffers, a proxy in front of the site turns headers over about 4 KB into a 502.
MAX_HEADER_URL = 3000
# Browsers clear the cookies of the whole registrable domain. A provider on that domain still needs
# its own cookies after the redirect.
HELD_BACK = frozenset({"cookies"})
DECIDING_HEADERS = (
    "Accept",
    "HX-Request",
    "Sec-Fetch-Dest",
    "Sec-Fetch-Mode",
    "X-Turbo-Request-Id",
)
TURBO_STREAM = "text/vnd.turbo-stream.html"
HTML = "text/html"
JSON = "application/json"


def build(request: HttpRequest, url: str, *, outcome: Outcome, warning: str = "") -> HttpResponse:
    """Return the response to a sign-out: a redirect to `url` in a form that the client supports.

    Args:
        request: the request that signed out.
        url: the target.
        outcome: what was done; if its `provider` is `redirect`, `url` is at the provider.
        warning: shown at the target, through Django's messages. See `can_warn`.
    """
    url = iri_to_uri(url) or "/"
    response = _redirect(request, url, outcome)
    if warning and not isinstance(response, JsonResponse):
        messages.warning(request, warning, fail_silently=True)
    add_never_cache_headers(response)
    patch_vary_headers(response, DECIDING_HEADERS)
    held_back = HELD_BACK if outcome.provider == "redirect" else frozenset()
    directives = [name for name in conf.OIDC_LOGOUT_CLEAR_SITE_DATA if name not in held_back]
    _clear_site_data(response, directives)
    response.delete_cookie(**conf.session_cookie)
    return response


def can_warn(request: HttpRequest) -> bool:
    """Return whether Django's messages can carry a warning to the target, in a cookie.

    In a session, the warning would begin a new session right after the sign-out.
    """
    storage = getattr(request, "_messages", None)
    unread = request.COOKIES.get(CookieStorage.cookie_name, "")
    return (
        isinstance(storage, (CookieStorage, FallbackStorage))
        and storage.level <= messages.WARNING
        and len(unread) <= CookieStorage.max_cookie_size / 2  # what does not fit is in the session
        and "cookies" not in conf.OIDC_LOGOUT_CLEAR_SITE_DATA
    )


def max_url_length(request: HttpRequest) -> int | None:
    """Return the length limit for htmx, which cannot show a page instead; None for others."""
    return MAX_HEADER_URL if is_htmx(request) else None


def is_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def _redirect(request: HttpRequest, url: str, outcome: Outcome) -> HttpResponse:
    if is_htmx(request):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    if _is_turbo(request):
        # Turbo uses fetch, so it cannot follow a redirect to another origin. It ignores pages.
        return render(request, "oidc_logout/turbo.html", {"url": url}, content_type=TURBO_STREAM)
    if is_answered_in_json(request):
        document = {"redirect_to": url, "provider": outcome.provider, "code": outcome.code}
        return JsonResponse(document)
    if conf.OIDC_LOGOUT_RESPONSE == "refresh" or len(url) > MAX_HEADER_URL:
        response = render(request, "oidc_logout/refresh.html", {"url": url})
        response.headers["Referrer-Policy"] = "no-referrer"
        return response
    return HttpResponseRedirect(url)


def is_browser(request: HttpRequest) -> bool:
    """Return whether a browser sent the request to show the response as a page."""
    kinds = (is_htmx, _is_turbo, prefers_json, is_script)
    return not any(is_kind(request) for is_kind in kinds)


def is_answered_in_json(request: HttpRequest) -> bool:
    """Return whether the response is JSON, which a script reads instead of a person."""
    is_html = is_htmx(request) or _is_turbo(request)
    return not is_html and (prefers_json(request) or is_script(request))


def is_script(request: HttpRequest) -> bool:
    """Return whether a script sent the request, which cannot follow a redirect to the provider."""
    mode = request.headers.get("Sec-Fetch-Mode", "navigate")
    return mode != "navigate" or request.headers.get("Sec-Fetch-Dest") == "empty"


def _is_turbo(request: HttpRequest) -> bool:
    """Return whether Turbo sent the request. Turbo 7 accepts its own type, Turbo 8 sends an ID."""
    accepted = request.headers.get("Accept", "")
    return "X-Turbo-Request-Id" in request.headers or TURBO_STREAM in accepted


def prefers_json(request: HttpRequest) -> bool:
    """Return whether the client prefers JSON to a page. A navigation prefers a page."""
    return _preference(request, JSON) > _preference(request, HTML)


def _preference(request: HttpRequest, media_type: str) -> tuple[float, int]:
    """Return the quality of a media type, and how exactly `Accept` names it.

    The most exact name decides (RFC 9110, section 12.5.1). Parameters, such as a version, do not
    count.
    """
    main_type = media_type.partition("/")[0]
    names = ["*/*", f"{main_type}/*", media_type]
    accepted = [(f"{each.main_type}/{each.sub_type}", each) for each in request.accepted_types]
    found = [(names.index(name), each.quality) for name, each in accepted if name in names]
    exactness, quality = max(found, default=(0, 0.0))
    return quality, exactness


def clear_held_back(response: HttpResponse) -> None:
    """Clear what `build` did not clear, because the browser has returned from the provider."""
    _clear_site_data(response, HELD_BACK.intersection(conf.OIDC_LOGOUT_CLEAR_SITE_DATA))


def _clear_site_data(response: HttpResponse, directives: Collection[str]) -> None:
    """Set the Clear-Site-Data header (W3C Clear Site Data, section 3.1) with quoted values."""
    if directives:
        response.headers["Clear-Site-Data"] = ", ".join(f'"{name}"' for name in directives)
