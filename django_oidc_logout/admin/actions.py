"""Actions that end sessions: they ask for confirmation, report the result and log it."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

from django import VERSION
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import display_for_value
from django.core.exceptions import PermissionDenied
from django.db.models import Max
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import ngettext

from ..api import sign_out
from ..codes import EndedCode
from ..exceptions import SessionsNotEnded
from ..providers import configured
from ..sessions import actor, end, index, reauthentication

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    from ..models import OIDCSession

SIGN_OUT_ACTIONS = {"sign_out_selected", "sign_out_everywhere"}
MAX_DIGITS = 20  # more than a primary key has; Python does not convert thousands
TOKENS = ("id_token", "refresh_token")
MAX_LISTED = 100  # sessions that the confirmation page names
MAX_ENDED = 2000  # sessions that one request ends
BREADCRUMBS_TAG = "ol" if VERSION >= (6, 1) else "div"  # as the admin's own style sheet expects


def without_tokens(rows: QuerySet[OIDCSession]) -> QuerySet[OIDCSession]:
    """Return rows with their users. The admin never shows tokens, so do not fetch them."""
    return rows.select_related("user", "acts_as").defer(*TOKENS)


class SignOutAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """Base class for a list with an action that ends sessions."""

    def has_sign_out_permission(self, request: HttpRequest) -> bool:
        """Return whether the request's user may end sessions."""
        return request.user.has_perm("django_oidc_logout.delete_oidcsession")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Reject a sign-out action without permission. Django would only hide it."""
        requested = SIGN_OUT_ACTIONS.intersection(request.POST.getlist("action"))
        if requested and not self.has_sign_out_permission(request):
            raise PermissionDenied
        return super().changelist_view(request, extra_context)

    def confirm_and_end(  # noqa: PLR0913  # all but the first two are keyword-only
        self,
        request: HttpRequest,
        rows: QuerySet[OIDCSession],
        *,
        title: str,
        action: str,
        log: Callable[[HttpRequest, Any], object],
        has_others: bool = False,
    ) -> HttpResponse | None:
        """End sessions if the request confirms it; otherwise ask for confirmation.

        Args:
            request: the request of the member of staff.
            rows: the sessions.
            title: the title of the confirmation page.
            action: the name of the admin action.
            log: writes the ended sessions to the admin log.
            has_others: whether people are selected who do not have one of these sessions.
        """
        rows = _no_newer(request, rows)
        is_confirmed, ended = "confirmed" in request.POST, 0
        if is_confirmed:
            response, ended = self.end(request, rows, log=log)
            if not ended:
                return response
        return self.confirm(
            request,
            rows,
            title=title,
            action=action,
            ended=ended,
            has_others=has_others and not is_confirmed,  # later, some sessions have ended
        )

    def confirm(  # noqa: PLR0913  # all but the first two are keyword-only
        self,
        request: HttpRequest,
        rows: QuerySet[OIDCSession],
        *,
        title: str,
        action: str,
        ended: int = 0,
        has_others: bool = False,
    ) -> TemplateResponse:
        """Return the page that asks whether to end these sessions.

        With "select all", the form repeats that choice instead of listing every session. If some
        sessions have `ended` already, a script submits the form to end the next ones.
        """
        current, count = index.current(request), rows.count()
        question = ngettext("%(count)d session will end.", "%(count)d sessions will end.", count)
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "breadcrumbs_tag": BREADCRUMBS_TAG,
            "question": question % {"count": count},
            "items": [_describe(row) for row in rows[:MAX_LISTED]],
            "more": max(count - MAX_LISTED, 0),
            "own": current is not None and rows.filter(pk=current.pk).exists(),
            "action": action,
            "checkbox": ACTION_CHECKBOX_NAME,
            "selected": request.POST.getlist(ACTION_CHECKBOX_NAME),
            "reauthenticate": "reauthenticate" in request.POST,
            "across": request.POST.get("select_across") == "1",
            "newest": rows.aggregate(newest=Max("pk"))["newest"] or 0,
            "ended": ended,
            "has_others": has_others,
            "back": request.get_full_path(),
        }
        return TemplateResponse(request, "admin/oidc_logout/sign_out_confirmation.html", context)

    def end(
        self,
        request: HttpRequest,
        rows: QuerySet[OIDCSession],
        *,
        log: Callable[[HttpRequest, Any], object],
    ) -> tuple[HttpResponse | None, int]:
        """End sessions, report how many, and log them. The request's own session ends last.

        One request ends at most `MAX_ENDED` sessions, because a proxy limits its time.

        Returns:
            The response of the request's own sign-out, or None; and if more sessions must end, how
            many have ended since the confirmation.
        """
        current = index.current(request)
        own = [] if current is None else list(rows.filter(pk=current.pk))
        others = rows.exclude(pk=current.pk) if current else rows
        batch = list(others[: MAX_ENDED + 1])
        chosen, has_more = batch[:MAX_ENDED], len(batch) > MAX_ENDED
        own = [] if has_more else own
        if "reauthenticate" in request.POST:
            try:
                reauthentication.require((row.issuer, row.sub) for row in [*chosen, *own])
            except SessionsNotEnded:
                count = len([*chosen, *own])
                self.message_user(request, _failed_message(count), messages.ERROR)
                return None, 0
        ended, failed = _end(chosen, by=actor.of(request, current))
        log(request, [*ended, *own])
        total = (_number(request, "ended") or 0) + len(ended)
        if ended or not (failed or own):
            self.message_user(request, ended_message(total), messages.SUCCESS)
        if failed:
            self.message_user(request, _failed_message(failed), messages.ERROR)
        if not own:
            return None, total if has_more and not failed else 0
        home = reverse("admin:index", current_app=self.admin_site.name)
        return sign_out(request, return_to=home), 0


def _no_newer(request: HttpRequest, rows: QuerySet[OIDCSession]) -> QuerySet[OIDCSession]:
    """Exclude sessions that began after the confirmation page was shown."""
    newest = _number(request, "newest")
    return rows if newest is None else rows.filter(pk__lte=newest)


def _number(request: HttpRequest, name: str) -> int | None:
    """Return a number that the confirmation page sends, or None if it is missing or malformed."""
    text = request.POST.get(name, "")[:MAX_DIGITS]
    return int(text) if text.isdecimal() else None


def _end(rows: list[OIDCSession], *, by: Any) -> tuple[list[OIDCSession], int]:
    """End sessions; return copies of the ended rows, and how many could not be ended."""
    # Deleting a row clears its primary key, which the log needs.
    copies, failed = [copy(row) for row in rows], 0
    try:
        end.end_rows(rows, code=EndedCode.BY_STAFF, actor=by)
    except SessionsNotEnded as exc:
        failed = exc.failed
    ended = [kept for kept, row in zip(copies, rows, strict=True) if row.pk is None]
    return ended, failed


def ended_message(count: int) -> str:
    """Return a sentence with the number of sessions that have ended."""
    text = ngettext("%(count)d session has ended.", "%(count)d sessions have ended.", count)
    return text % {"count": count}


def _failed_message(count: int) -> str:
    text = ngettext(
        "%(count)d session could not be ended. Please try again.",
        "%(count)d sessions could not be ended. Please try again.",
        count,
    )
    return text % {"count": count}


def _describe(row: OIDCSession) -> str:
    provider = configured.display_name(row.provider, row.issuer)
    since = display_for_value(row.signed_in_at, "")
    return ", ".join(filter(None, (row.person, row.email, provider, since)))
