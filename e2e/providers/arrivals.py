"""A site's log of requests, with the headers that a browser adds, and of the responses.

Of a logout token, it keeps the names of the claims and not their values.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jwt

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

NAMES = ("Cookie", "Sec-Fetch-Dest", "Sec-Fetch-Site")


def note_arrivals(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Return a middleware."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        arrival = {"path": request.path, "status": response.status_code}
        arrival |= {name: request.headers.get(name) for name in NAMES}
        if "logout_token" in request.POST:
            arrival["logout_token"] = shape(request.POST["logout_token"])
        print(json.dumps(arrival), flush=True)  # noqa: T201  # the log is the standard output
        return response

    return middleware


def shape(token: str) -> dict[str, Any]:
    """Return the type and the names of the claims of a token."""
    seen = jwt.decode_complete(token, options={"verify_signature": False})
    return {"typ": seen["header"].get("typ", ""), "claims": sorted(seen["payload"])}
