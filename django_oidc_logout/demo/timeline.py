"""What the demo's servers report to its timeline: requests, and what is in their tokens."""

from __future__ import annotations

import json
import os
from base64 import urlsafe_b64decode
from typing import TYPE_CHECKING, Any
from urllib.request import ProxyHandler, Request, build_opener

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

HUB = os.environ.get("DEMO_HUB_URL", "")
NAME = os.environ.get("DEMO_NAME", "")
BROWSER, PROVIDER = "Browser", "Identity provider"
SECONDS_TO_RESPOND = 1
TOKENS = ("id_token_hint", "logout_token")
SHOWN = 4  # characters of a value that belongs to a person or a session
HIDDEN = {"sub", "sid", "jti", "nonce", "at_hash", "email", "name", "preferred_username"}

# Who sends a request, and what happens, by method and path.
STEPS = {
    ("GET", "/oidc/authenticate/"): (BROWSER, "“Sign in” is pressed."),
    ("GET", "/oidc/callback/"): (
        BROWSER,
        "The browser brings a code. The site fetches the tokens.",
    ),
    ("POST", "/oidc/logout/"): (BROWSER, "“Sign out” is pressed."),
    ("POST", "/django-logout/"): (
        BROWSER,
        "“Sign out” is pressed: this is the logout of Django itself.",
    ),
    ("GET", "/oidc/logout/callback/"): (BROWSER, "The browser is back from the provider."),
    ("POST", "/oidc/logout/backchannel/"): (PROVIDER, "A logout token arrives."),
    ("POST", "/oidc/logout/events/"): (PROVIDER, "A security event arrives."),
    ("POST", "/sign-in/"): (BROWSER, "A name and a password are given."),
    ("GET", "/logout/"): (BROWSER, "The site asks to sign this browser out."),
    ("POST", "/sign-out/"): (BROWSER, "“Sign out” is pressed at the provider."),
    ("POST", "/stolen-device/"): (BROWSER, "A stolen device is reported."),
    ("POST", "/short-session/"): (BROWSER, "The next sign-in is to be short."),
}


def report(sender: str, receiver: str, text: str, **details: Any) -> None:
    """Report a step to the timeline, if the demo has one."""
    if not HUB:
        return
    step = {"sender": sender, "receiver": receiver, "text": text, **details}
    body = Request(  # noqa: S310  # the demo's own address
        f"{HUB}/steps/", json.dumps(step).encode(), {"Content-Type": "application/json"}
    )
    try:
        build_opener(ProxyHandler({})).open(body, timeout=SECONDS_TO_RESPOND).close()
    except OSError:  # the timeline has just been stopped
        return


class TimelineMiddleware:
    """Reports the steps of signing in and out, and lets the timeline show the pages in frames."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Report a request, and handle it."""
        if HUB:
            _report_request(request)
        response = self.get_response(request)
        if HUB and not response.has_header("Content-Security-Policy"):
            response.headers["Content-Security-Policy"] = f"frame-ancestors 'self' {HUB}"
            response.xframe_options_exempt = True
        return response


def _report_request(request: HttpRequest) -> None:
    sender, text = STEPS.get((str(request.method), request.path), (BROWSER, ""))
    if request.path == "/authorize/":
        text = _who_is_asked(request)
    if text:
        how = f"{request.method} {request.path}"
        report(sender, NAME, text, how=how, tokens=_tokens(request))


def _tokens(request: HttpRequest) -> dict[str, str]:
    if request.content_type == "application/secevent+jwt":
        return {"security event": decoded(request.body.decode(errors="replace"))}
    sent = {**request.GET.dict(), **request.POST.dict()}
    return {name: decoded(str(sent[name])) for name in TOKENS if name in sent}


def _who_is_asked(request: HttpRequest) -> str:
    if "/sign-in/" in request.headers.get("Referer", ""):
        return "The password is right. The provider sends the browser back with a code."
    if request.user.is_authenticated:
        return f"The provider knows {request.user.get_username()}: it does not ask for a password."
    return "The provider does not know this browser: it asks for a password."


def decoded(token: str) -> str:
    """Return a token's claims for people, without its signature and without identifiers."""
    try:
        part = token.split(".")[1]
        claims = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        shown = _redacted("", claims)
    except (ValueError, IndexError, AttributeError):
        return "(cannot be read)"
    return json.dumps(shown, indent=2, ensure_ascii=False)


def _redacted(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {each: _redacted(each, inner) for each, inner in value.items()}
    return f"{str(value)[:SHOWN]}…" if name in HIDDEN else value
