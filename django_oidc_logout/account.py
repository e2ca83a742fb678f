"""The page "Where you are signed in". A site gets it by including `urls_account`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.generic import View

from .api import sign_out
from .codes import EndedCode
from .exceptions import SessionsNotEnded
from .framework import request_scope
from .framework.transactions import outside_transactions
from .providers import configured
from .sessions import actor, end, engines, entry, index, validity

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest

    from .models import OIDCSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A session, as shown on the page."""

    session: OIDCSession
    provider: str
    is_this_one: bool


# Outside transactions: an error after a session has ended must not roll that back.
@method_decorator(
    [request_scope.within, outside_transactions, never_cache, csrf_protect, login_required],
    name="dispatch",
)
class SessionsView(View):
    """List the person's own sessions. A POST ends one of them, or all the others."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the page."""
        return _page(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        """End the session named by `session`; with `everywhere_else`, end all but this one."""
        current = index.current(request)
        if "everywhere_else" in request.POST:
            chosen = [row for row in _own(request) if row != current]
        else:
            chosen = [_chosen(request)]
        if chosen == [current]:
            return sign_out(request)
        try:
            end.end_rows(chosen, code=EndedCode.BY_PERSON, actor=actor.of(request, current))
        except SessionsNotEnded as exc:
            return _page(request, failed=exc.failed)
        return HttpResponseRedirect(request.path)


def _own(request: HttpRequest) -> list[OIDCSession]:
    rows = index.matching(user=cast("AbstractBaseUser", request.user))
    return list(rows.select_related("user").order_by("-signed_in_at", "-pk"))


def _chosen(request: HttpRequest) -> OIDCSession:
    for row in _own(request):
        if str(row.pk) == request.POST.get("session"):
            return row
    raise Http404("This person does not have such a session.")


def _page(request: HttpRequest, *, failed: int = 0) -> HttpResponse:
    current = index.current(request)
    entries = [
        Entry(
            session=row,
            provider=configured.display_name(row.provider, row.issuer),
            is_this_one=row == current,
        )
        for row in _live(_own(request), current)
    ]
    others = any(not each.is_this_one for each in entries)
    is_missing = current is None and entry.is_from_provider(request.session)
    context = {"entries": entries, "others": others, "failed": failed, "is_missing": is_missing}
    return render(request, "oidc_logout/sessions.html", context, status=503 if failed else 200)


def _live(rows: list[OIDCSession], current: OIDCSession | None) -> list[OIDCSession]:
    """Return the rows of live sessions. End the sessions that Django no longer accepts.

    This request's own session counts as live, because the request may be changing it. If requests
    extend sessions, a row's expiry can be outdated, so the expiry counts only for cookie sessions.
    """
    others = [row for row in rows if row != current]
    dead = [*validity.end_invalid(others)]
    dead += validity.missing([row for row in others if row not in dead])
    ended = {id(row) for row in dead}
    if engines.in_cookies():
        ended |= {id(row) for row in others if row.expires_at <= timezone.now()}
    return [row for row in rows if id(row) not in ended]
