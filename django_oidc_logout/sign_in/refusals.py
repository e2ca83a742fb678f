"""Responses to requests whose session is overdue, and to sign-ins that were refused or cannot work.

The middleware asks for them after the view, whatever library signs people in. It also asks the
provider for a new authentication in the name of a browser that needs one: it adds parameters such
as `max_age=0` to the redirect with which the library starts a sign-in.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit, urlunsplit

from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render, resolve_url
from django.urls import NoReverseMatch, Resolver404, get_script_prefix, resolve, reverse
from django.utils.cache import add_never_cache_headers, patch_vary_headers

from ..codes import LogCode, OutcomeCode
from ..conf import DEFAULT_ALIAS, conf
from ..providers import configured
from ..providers.base import with_query
from ..rp_initiated import responses
from ..sessions import admission, bound_store, entry, reauthentication

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from ..conf import ProviderOptions
    from ..exceptions import ProviderUnavailable
    from ..sessions.admission import Refusal

logger = logging.getLogger("django_oidc_logout")

REDIRECTS = (301, 302, 303, 307, 308)
FIRST_SERVER_ERROR = 500
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
ASK_NEXT_TIME = "_oidc_logout_ask_next_time"
"""The attribute of a request whose browser is to authenticate again at its next sign-in."""
UNAVAILABLE = "_oidc_logout_unavailable"
"""The attribute of a request that could not sign in because the provider's metadata is unknown."""

ASKED = 400 * 24 * 60 * 60  # seconds, the longest that browsers keep a cookie


def concern(request: HttpRequest) -> bool:
    """Return whether the response to a request may have to change. Costs no query."""
    return (
        admission.of(request) is not None
        or UNAVAILABLE in request.__dict__
        or bound_store.was_overdue(request.session)
        or ASK_NEXT_TIME in request.__dict__
        or reauthentication.COOKIE in request.COOKIES
    )


def answer(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Return the response to a request, which is another one if its sign-in was refused."""
    if refusal := admission.of(request):
        return page(request, refusal)
    if UNAVAILABLE in request.__dict__:
        return unavailable(request)
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
    context = {"refusal": refusal, "name": configured.display_name(refusal.alias, "")}
    if responses.is_browser(request):
        return _page(request, "oidc_logout/reauthenticate.html", url, context, status=403)
    return _object(refusal.code, url, status=401)


def log_unavailable(exc: ProviderUnavailable) -> None:
    """Log that a sign-in could not begin, or go on, without the provider's metadata."""
    logger.error(
        "Nobody can sign in without the provider's metadata, run oidc_logout_doctor: reason=%s",
        exc,
        extra=LogCode.SIGN_IN_NOT_POSSIBLE.extra(provider=DEFAULT_ALIAS),
    )


def unavailable(request: HttpRequest) -> HttpResponse:
    """Return the page that says that nobody can sign in now; for a script, a JSON object."""
    url = _sign_in_url(request.GET.get("next") or request.session.get(admission.MOZILLA_NEXT) or "")
    if responses.is_browser(request):
        context = {"name": configured.display_name(DEFAULT_ALIAS, "")}
        return _page(request, "oidc_logout/unavailable.html", url, context, status=503)
    return _object(OutcomeCode.PROVIDER_UNAVAILABLE, url, status=503)


def _page(
    request: HttpRequest, template: str, url: str, context: dict[str, Any], *, status: int
) -> HttpResponse:
    context |= {"url": url, "home": get_script_prefix()}
    return _uncached(render(request, template, context, status=status))


def _object(error: str, url: str, *, status: int) -> HttpResponse:
    return _uncached(JsonResponse({"error": error, "redirect_to": url}, status=status))


def _uncached(response: HttpResponse) -> HttpResponse:
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


def sign_in_url() -> str:
    """Return the URL at which people sign in, or the empty string if the site does not serve it.

    The default of LOGIN_URL often leads nowhere.
    """
    try:
        url = _sign_in_url("")
        if url.startswith("/"):
            resolve(f"/{url.partition('?')[0].removeprefix(get_script_prefix())}")
    except (NoReverseMatch, Resolver404):
        return ""
    return url


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
    return _uncached(response)


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
