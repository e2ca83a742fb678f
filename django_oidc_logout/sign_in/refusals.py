"""Responses to requests whose session is overdue, and to sign-ins that were refused or cannot work.

The middleware calls this after the view, so it works with any login library. If a browser must
authenticate again, this adds parameters such as `max_age=0` to the redirect with which the library
starts a sign-in.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit, urlunsplit

from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render, resolve_url
from django.urls import NoReverseMatch, Resolver404, get_script_prefix, resolve, reverse
from django.utils.cache import add_never_cache_headers, patch_vary_headers

from ..codes import EndedCode, LogCode, OutcomeCode
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
FORBIDDEN = 403
FIRST_SERVER_ERROR = 500
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
ASK_NEXT_TIME = "_oidc_logout_ask_next_time"
"""The attribute of a request whose browser must authenticate again at its next sign-in."""
UNAVAILABLE = "_oidc_logout_unavailable"
"""The attribute of a request that could not sign in without the provider's metadata."""

ASKED = 400 * 24 * 60 * 60  # seconds, the longest that browsers keep a cookie


def concern(request: HttpRequest) -> bool:
    """Return whether the response to a request may have to change. This does not query."""
    return (
        admission.REFUSAL in request.__dict__
        or UNAVAILABLE in request.__dict__
        or bound_store.was_overdue(request.session)
        or ASK_NEXT_TIME in request.__dict__
        or reauthentication.COOKIE in request.COOKIES
    )


def answer(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Return the view's response, maybe with a cookie, or a response that replaces it."""
    if refusal := admission.of(request):
        return page(request, refusal)
    if UNAVAILABLE in request.__dict__:
        return unavailable(request)
    if bound_store.was_overdue(request.session) and not entry.is_signed_in(request.session):
        response = _overdue(request, response)
    if ASK_NEXT_TIME in request.__dict__ and not entry.is_signed_in(request.session):
        ask_next_time(response)
    if reauthentication.COOKIE in request.COOKIES:
        _ask_provider(request, response)
    return response


def page(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """Return the page that shows why a sign-in was refused; for a script, a JSON object."""
    url = _reauthentication_url(refusal)
    context = {"refusal": refusal, "name": configured.display_name(refusal.alias, "")}
    if responses.is_browser(request):
        return _page(request, "oidc_logout/reauthenticate.html", url, context, status=403)
    return _unauthorized(error=refusal.code, code=refusal.code, redirect_to=url)


def log_unavailable(exc: ProviderUnavailable) -> None:
    """Log that a sign-in failed because the provider's metadata is unavailable."""
    logger.error(
        "Nobody can sign in without the provider's metadata, run oidc_logout_doctor: reason=%s",
        exc,
        extra=LogCode.SIGN_IN_NOT_POSSIBLE.extra(provider=DEFAULT_ALIAS),
    )


def unavailable(request: HttpRequest) -> HttpResponse:
    """Return the page for a sign-in that is not possible now; for a script, a JSON object."""
    url = _sign_in_url(request.GET.get("next") or request.session.get(admission.MOZILLA_NEXT) or "")
    if responses.is_browser(request):
        context = {"name": configured.display_name(DEFAULT_ALIAS, "")}
        return _page(request, "oidc_logout/unavailable.html", url, context, status=503)
    code = OutcomeCode.PROVIDER_UNAVAILABLE
    document = {"error": code, "code": code, "redirect_to": url}
    return _uncached(JsonResponse(document, status=503))


def _page(
    request: HttpRequest, template: str, url: str, context: dict[str, Any], *, status: int
) -> HttpResponse:
    context |= {"url": url, "home": get_script_prefix()}
    return _uncached(render(request, template, context, status=status))


def _unauthorized(**document: str) -> HttpResponse:
    response = JsonResponse(document, status=401)
    response.headers["WWW-Authenticate"] = "Session"
    return _uncached(response)


def _uncached(response: HttpResponse) -> HttpResponse:
    add_never_cache_headers(response)
    patch_vary_headers(response, responses.DECIDING_HEADERS)
    return response


def _reauthentication_url(refusal: Refusal) -> str:
    alias = "" if refusal.alias == configured.fallback_alias() else refusal.alias
    try:
        path = reverse("oidc_logout:reauthenticate")
    except NoReverseMatch:
        return _sign_in_url(refusal.next, alias)
    parameters = {"next": refusal.next, "provider": alias}
    return with_query(path, urlencode({k: v for k, v in parameters.items() if v}))


def start(requested: str, alias: str) -> HttpResponse:
    """Start a sign-in at which the person must authenticate again at the provider.

    Args:
        requested: the target of the sign-in. The login library checks it.
        alias: the provider, unless it is that of mozilla-django-oidc's views.
    """
    response = HttpResponseRedirect(_sign_in_url(requested, alias))
    ask_next_time(response)
    return response


def _sign_in_url(requested: str, alias: str = "") -> str:
    """Return the URL of mozilla-django-oidc's view, or of the login page if the site lacks it.

    With an `alias`, it is always the login page: that view starts a sign-in at another provider.
    """
    try:
        url = resolve_url(conf.LOGIN_URL if alias else "oidc_authentication_init")
    except NoReverseMatch:
        url = resolve_url(conf.LOGIN_URL)
    return with_query(url, urlencode({"next": requested} if requested else {}))


def sign_in_url() -> str:
    """Return the URL at which people sign in, or the empty string if the site does not serve it.

    Many sites do not serve the default of `LOGIN_URL`.
    """
    try:
        url = _sign_in_url("")
        if url.startswith("/"):
            resolve(f"/{url.partition('?')[0].removeprefix(get_script_prefix())}")
    except (NoReverseMatch, Resolver404):
        return ""
    return url


def _overdue(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Return a 401 or an htmx refresh instead of a response that a script could misunderstand.

    The response to a successful change, and a server error, are not replaced.
    """
    is_done = request.method not in SAFE_METHODS and response.status_code < REDIRECTS[0]
    if is_done or response.status_code >= FIRST_SERVER_ERROR:
        return response
    if responses.is_htmx(request):
        return _uncached(HttpResponse(headers={"HX-Refresh": "true"}))
    if responses.prefers_json(request) or (
        response.status_code in (*REDIRECTS, FORBIDDEN) and _cannot_show_pages(request)
    ):
        return _unauthorized(error="session_expired", code=EndedCode.OVERDUE)
    return response


def _cannot_show_pages(request: HttpRequest) -> bool:
    return responses.is_script(request) and "html" not in request.headers.get("Accept", "")


def ask_next_time(response: HttpResponseBase) -> None:
    """Require reauthentication at the browser's next sign-in: set a cookie on the response.

    Clear-Site-Data with `"cookies"` would remove the cookie, so this removes that directive.
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
        secure=conf.SESSION_COOKIE_SECURE,
        httponly=True,
        **_cookie_attributes(),
    )


def _cookie_attributes() -> dict[str, Any]:
    """Return those of the session cookie, because both must arrive with the provider's response."""
    return {name: value for name, value in conf.session_cookie.items() if name != "key"}


def _ask_provider(request: HttpRequest, response: HttpResponseBase) -> None:
    """Add the parameters of `REAUTHENTICATE_WITH` to a redirect that starts a sign-in.

    If a sign-in has satisfied the requirement, delete the browser's cookie instead.
    """
    if reauthentication.is_satisfied(request):
        response.delete_cookie(reauthentication.COOKIE, **_cookie_attributes())
        return
    location = response.headers.get("Location", "")
    options = _requested_from(location) if response.status_code in REDIRECTS else None
    if options is not None and reauthentication.asked_at(request) is not None:
        response.headers["Location"] = _with(location, options.reauthenticate_with)


def _with(url: str, parameters: Mapping[str, str]) -> str:
    """Return a URL with these parameters. They replace its own parameters of the same names."""
    parts = urlsplit(url)
    kept = [
        each for each in parts.query.split("&") if unquote(each.split("=")[0]) not in parameters
    ]
    return urlunsplit(parts._replace(query="&".join([*kept, urlencode(dict(parameters))])))


def _requested_from(location: str) -> ProviderOptions | None:
    """Return the provider's options if a redirect is an authentication request, or None."""
    query = parse_qs(urlsplit(location).query)
    client_id = query.get("client_id")
    if client_id is None or "response_type" not in query or "redirect_uri" not in query:
        return None
    providers = conf.OIDC_LOGOUT_PROVIDERS.values()
    matching = [each for each in providers if [each.client_id] == client_id]
    matching.sort(key=lambda each: configured.origin(each.issuer) != configured.origin(location))
    return matching[0] if matching else None
