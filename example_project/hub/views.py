"""The page that shows the demo, and the doors at which the servers report to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django.http import HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from django_oidc_logout.demo.agreed import PEOPLE, PROVIDER, SITES

from .timeline import Step, timeline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest

LOGOUTS = ("ours", "django")
COOKIE = "demo_logout"  # browsers send it to all ports of this host, so the sites see it


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Show the sites, the provider and the steps so far."""
    context = {
        "sites": SITES,
        "provider": PROVIDER,
        "people": PEOPLE,
        "steps": timeline.all(),
        "logout": _chosen(request),
    }
    return render(request, "hub/home.html", context)


def _chosen(request: HttpRequest) -> str:
    chosen = request.COOKIES.get(COOKIE, "")
    return chosen if chosen in LOGOUTS else LOGOUTS[0]


@require_http_methods(["GET", "POST"])
def steps(request: HttpRequest) -> HttpResponse:
    """Take a step from a server, or show all steps to a browser without JavaScript."""
    if request.method == "GET":
        return render(request, "hub/steps.html", {"steps": timeline.all()})
    if request.content_type != "application/json":  # which no other site can make a browser send
        return HttpResponseBadRequest()
    timeline.add(Step(**json.loads(request.body)))
    return HttpResponse(status=204)


@require_GET
def stream(_request: HttpRequest) -> StreamingHttpResponse:
    """Send each new step as it happens (server-sent events)."""
    response = StreamingHttpResponse(_events(), content_type="text/event-stream")
    response.headers["Cache-Control"] = "no-store"
    return response


def _events() -> Iterator[str]:
    yield ": connected\n\n"
    for step in timeline.following():
        if step is None:
            yield ": still here\n\n"
        else:
            html = render_to_string("hub/step.html", {"step": step})
            yield f"data: {json.dumps(html)}\n\n"


@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Choose whose logout the sites' buttons use."""
    chosen = request.POST.get("logout", "")
    response = redirect("home")
    if chosen in LOGOUTS:
        response.set_cookie(COOKIE, chosen, samesite="Lax")
    return response


@require_POST
def clear(_request: HttpRequest) -> HttpResponse:
    """Forget the steps."""
    timeline.clear()
    return redirect("home")
