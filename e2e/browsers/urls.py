"""Pages to sign out of. `libraries/` serves what npm has installed."""

import os
from functools import wraps
from pathlib import Path

from django.http import HttpResponse
from django.template import engines
from django.urls import include, path
from django.views.static import serve

from django_oidc_logout.urls import app_name
from django_oidc_logout.urls_account import urlpatterns as package_patterns

NODE_MODULES = Path(os.environ.get("NODE_MODULES") or Path(__file__).parent / "node_modules")

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<link rel="icon" href="data:,">
<title>Home</title>
{% if script %}<script src="/libraries/{{ script }}"></script>{% endif %}
</head>
<body>
<p>This page is for {% firstof request.user.email "nobody" %}.</p>
"""
OUR_BUTTON = "{% load oidc_logout %}{% oidc_logout_button %}"
PLAIN_FORM = """<form action="{% url "oidc_logout:logout" %}" method="post">{% csrf_token %}
<button>Sign out</button></form>"""
HTMX_BUTTON = """<button hx-post="{% url "oidc_logout:logout" %}"
hx-headers='{"X-CSRFToken": "{{ csrf_token }}"}'>Sign out</button>"""
WATCHED = OUR_BUTTON + "{% oidc_logout_watch interval=interval leave_url=leave_url %}"

HTMX = "htmx.org/dist/htmx.js"
TURBO = "@hotwired/turbo/dist/turbo.es2017-umd.js"


def page(request, button=OUR_BUTTON, script="", policy=""):
    """Show who is signed in, and a button."""
    content = engines["django"].from_string(PAGE + button).render({"script": script}, request)
    return HttpResponse(content, headers={"Content-Security-Policy": policy} if policy else {})


def watched(request):
    """Show a page that is left once its session is gone, under a strict policy."""
    watch = f"{{% with {request.GET.get('with', 'interval=600')} %}}{WATCHED}{{% endwith %}}"
    return page(request, watch, policy="default-src 'self'; img-src data:")


def worker(request):
    """Serve a service worker that does not handle any request."""
    script = "addEventListener('activate', event => event.waitUntil(clients.claim()))"
    return HttpResponse(script, content_type="text/javascript")


def strict(view):
    """Serve a view under a policy that allows nothing inline."""

    @wraps(view)
    def strict_view(*args, **kwargs):
        response = view(*args, **kwargs)
        response.headers["Content-Security-Policy"] = "default-src 'self'"
        return response

    return strict_view


strict_patterns = [
    path(str(pattern.pattern), strict(pattern.callback), name=pattern.name)
    for pattern in package_patterns
]

urlpatterns = [
    path("", page),
    path("form-action/", page, {"policy": "form-action 'self'"}),
    path("htmx/", page, {"script": HTMX, "button": HTMX_BUTTON}),
    path("turbo/", page, {"script": TURBO, "button": PLAIN_FORM}),
    path("turbo/ours/", page, {"script": TURBO}),
    path("watched/", watched),
    path("worker.js", worker),
    path("libraries/<path:path>", serve, {"document_root": NODE_MODULES}),
    path("oidc/", include((strict_patterns, app_name))),
    path("oidc/", include("mozilla_django_oidc.urls")),
]
