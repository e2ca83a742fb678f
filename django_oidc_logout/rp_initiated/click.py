"""A request to sign out: its fields, and whether a person's click sent it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import QueryDict, UnreadablePostError
from django.http.multipartparser import MultiPartParserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest

# What Django raises for a request body that is malformed, too large or incomplete.
UNREADABLE = (BadRequest, MultiPartParserError, SuspiciousOperation, UnreadablePostError)


def fields(request: HttpRequest) -> Mapping[str, Any]:
    """Return the fields of a form or JSON object; empty if the body is neither."""
    try:
        if request.content_type != "application/json":
            return request.POST
        document = json.loads(request.body)
    except (*UNREADABLE, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def query(request: HttpRequest) -> QueryDict:
    """Return the parameters of a URL; empty if there are more than Django accepts."""
    try:
        return request.GET
    except SuspiciousOperation:
        return QueryDict()


def has_flag(name: str, fields: Mapping[str, Any]) -> bool:
    """Return whether a flag is set: to any value, except false and null in JSON."""
    return fields.get(name, False) not in (False, None)


def is_click(request: HttpRequest) -> bool:
    """Return whether a GET is a navigation that did not start on another site."""
    return is_navigation(request) and request.headers.get("Sec-Fetch-Site") != "cross-site"


def is_navigation(request: HttpRequest) -> bool:
    """Return whether a GET opens a page in a tab. Missing headers do not count against it."""
    headers = request.headers
    purposes = (headers.get(name, "") for name in ("Sec-Purpose", "X-Sec-Purpose", "Purpose"))
    return (
        request.method == "GET"
        and not any("prefetch" in purpose.lower() for purpose in purposes)
        and headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
        and headers.get("Sec-Fetch-Dest", "document") == "document"
    )
