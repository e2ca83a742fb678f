"""Responses to requests whose session is overdue, and to sign-ins that were refused.

The middleware asks for them after the view, whatever library signs people in. It also asks the
provider for a new authentication in the name of a browser that needs one: it adds parameters such
as `max_age=0` to the redirect with which the library starts a sign-in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlencode, urlsplit, urlunsplit

from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render, resolve_url
from django.urls import NoReverseMatch, get_script_prefix, reverse
from django.utils.cache import add_never_cache_headers, patch_vary_headers

from .conf import conf
from .providers import configured
from .providers.base import with_query
from .rp_initiated import responses
from .sessions import admission, bound_store, entry, reauthentication

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from .conf import ProviderOptions
    from .sessions.admission import Refusal

REDIRECTS = (301, 302, 303, 307, 308)
FIRST_SERVER_ERROR = 500
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
ASK_NEXT_TIME = "_oidc_logout_ask_next_time"
"""The attribute of a request whose browser is to authenticate again at its next sign-in."""

ASKED = 400 * 24 * 60 * 60  # seconds, the longest that browsers keep a cookie


def concern(request: HttpRequest) -> bool:
    """Return whether the response to a request may have to change. Costs no query."""
    return (
        admission.of(request) is not None
        or bound_store.was_overdue(request.session)
        or ASK_NEXT_TIME in request.__dict__
        or reauthentication.COOKIE in request.COOKIES
    )


def answer(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Return the response to a request, which is another one if its sign-in was refused."""
    if refusal := admission.of(request):
        return page(request, refusal)
    if bound_store.was_overdue(request.session) and not entry.is_signed_in(request.session):
        response = _overdue(request, response)
    if ASK_NEXT_TIME in request.__dict__:
        ask_next_time(response)
    if reauthentication.COOKIE in request.COOKIES:
        _ask_provider(request, response)
    return response


def page(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """Return the page that says why a sign-in was refused; for a script, a JSON object."""
    url = _reauthentication_url(refusal)
    if not responses.is_browser(request):
        error = {"error": refusal.code, "redirect_to": url}
        response: HttpResponse = JsonResponse(error, status=401)
    else:
        context = {
            "refusal": refusal,
            "name": configured.display_name(refusal.alias, ""),
            "url": url,
            "home": get_script_prefix(),
        }
        response = render(request, "oidc_logout/reauthenticate.html", context, status=403)
    add_never_cache_headers(response)
    patch_vary_headers(response, responses.DECIDING_HEADERS)
    return response


def _reauthentication_url(refusal: Refusal) -> str:
    try:
        path = reverse("oidc_logout:reauthenticate")
    except NoReverseMatch:
        return _sign_in_url(refusal.next)
    return with_query(path, urlencode({"next": refusal.next} if refusal.next else {}))


def start(requested: str) -> HttpResponse:
    """Start a sign-in for which the provider asks for a new authentication.

    Args:
        requested: where the sign-in leads. The login library checks it.
    """
    response = HttpResponseRedirect(_sign_in_url(requested))
    ask_next_time(response)
    return response


def _sign_in_url(requested: str) -> str:
    """Return the URL of mozilla-django-oidc's view if it is there, or else the login page's."""
    try:
        url = reverse("oidc_authentication_init")
    except NoReverseMatch:
        url = resolve_url(conf.LOGIN_URL)
    return with_query(url, urlencode({"next": requested} if requested else {}))


def _overdue(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Return 401 in place of what a script could misunderstand.

    What a view has done for an anonymous person stays as it is, and so does a failure.
    """
    is_done = request.method not in SAFE_METHODS and response.status_code < REDIRECTS[0]
    if is_done or response.status_code >= FIRST_SERVER_ERROR:
        return response
    if responses.is_htmx(request):
        response = HttpResponse(headers={"HX-Refresh": "true"})
    elif responses.prefers_json(request) or (
        response.status_code in REDIRECTS and _cannot_show_pages(request)
    ):
        response = JsonResponse({"error": "session_expired"}, status=401)
        response.headers["WWW-Authenticate"] = "Session"
    else:
        return response
    add_never_cache_headers(response)
    patch_vary_headers(response, responses.DECIDING_HEADERS)
    return response


def _cannot_show_pages(request: HttpRequest) -> bool:
    return responses.is_script(request) and "html" not in request.headers.get("Accept", "")


def ask_next_time(response: HttpResponseBase) -> None:
    """Let the browser's next sign-in ask for an authentication. Needs a response with cookies.

    Clear-Site-Data with `"cookies"` would remove the cookie, so that directive is left out.
    """
    directives = response.headers.get("Clear-Site-Data", "").split(", ")
    kept = [each for each in directives if each and each != '"cookies"']
    response.headers.pop("Clear-Site-Data")
    if kept:
        response.headers["Clear-Site-Data"] = ", ".join(kept)
    response.set_cookie(
        reauthentication.COOKIE,
        reauthentication.cookie_value(),
        max_age=ASKED,
        path=conf.session_cookie["path"],
        domain=conf.session_cookie["domain"],
        secure=conf.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",  # it must arrive with the provider's redirect
    )


def _ask_provider(request: HttpRequest, response: HttpResponseBase) -> None:
    """Add the parameters of `REAUTHENTICATE_WITH` to a redirect that starts a sign-in.

    Once somebody has signed in, the browser no longer needs to be asked.
    """
    if reauthentication.is_satisfied(request):
        cookie = conf.session_cookie
        response.delete_cookie(reauthentication.COOKIE, cookie["path"], cookie["domain"])
        return
    location = response.headers.get("Location", "")
    options = _requested_from(location) if response.status_code in REDIRECTS else None
    if options is not None and reauthentication.asked_at(request) is not None:
        response.headers["Location"] = _with(location, options.reauthenticate_with)


def _with(url: str, parameters: Mapping[str, str]) -> str:
    """Return a URL with these parameters, in place of its own of the same names."""
    parts = urlsplit(url)
    kept = [
        each for each in parts.query.split("&") if unquote(each.split("=")[0]) not in parameters
    ]
    return urlunsplit(parts._replace(query="&".join([*kept, urlencode(dict(parameters))])))


def _requested_from(location: str) -> ProviderOptions | None:
    """Return the provider that a redirect asks to authenticate somebody (OpenID Connect Core)."""
    query = parse_qs(urlsplit(location).query)
    client_id = query.get("client_id")
    if client_id is None or "response_type" not in query or "redirect_uri" not in query:
        return None
    providers = conf.OIDC_LOGOUT_PROVIDERS.values()
    return next((each for each in providers if [each.client_id] == client_id), None)
