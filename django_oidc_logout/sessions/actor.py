"""Who ends other sessions from a page of the site."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.http import HttpRequest

    from ..models import OIDCSession


def of(request: HttpRequest, row: OIDCSession | None) -> Any:
    """Return the user who signed in, even if they act as another user (as with django-hijack).

    Args:
        request: the request.
        row: the row of its session, or None. Without it, this is the request's user.
    """
    if row is None or row.user_id in (None, request.user.pk):
        return request.user
    return row.user
