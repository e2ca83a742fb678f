"""Ending sessions from the admin: asked for, confirmed, told and logged."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

from django import VERSION
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import display_for_value
from django.core.exceptions import PermissionDenied
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import ngettext

from . import index, registry
from .api import end_rows, sign_out
from .exceptions import SessionsNotEnded

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    from .models import OIDCSession

ACTIONS = {"sign_out_selected", "sign_out_everywhere"}
SHOWN = 100  # sessions on a confirmation page
CRUMBS = "ol" if VERSION >= (6, 1) else "div"  # what the admin's style sheet knows


class SignOutAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """What lists with an action that ends sessions have in common."""

    def has_sign_out_permission(self, request: HttpRequest) -> bool:
        """Tell whether the request's user may end sessions."""
        return request.user.has_perm("django_oidc_logout.delete_oidcsession")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Refuse our actions to those who may not; Django would only not offer them."""
        asked = ACTIONS.intersection(request.POST.getlist("action"))
        if asked and not self.has_sign_out_permission(request):
            raise PermissionDenied
        return super().changelist_view(request, extra_context)

    def confirm(
        self, request: HttpRequest, rows: QuerySet[OIDCSession], *, title: str, action: str
    ) -> TemplateResponse:
        """Return the page that asks whether the sessions `rows` are to end.

        "All that match" is asked for again as just that: the page need not name each.
        """
        here, count = index.current(request.session), rows.count()
        question = ngettext("%(count)d session will end.", "%(count)d sessions will end.", count)
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "crumbs": CRUMBS,
            "question": question % {"count": count},
            "items": [_describe(row) for row in rows[:SHOWN]],
            "more": max(count - SHOWN, 0),
            "own": here is not None and rows.filter(pk=here.pk).exists(),
            "action": action,
            "checkbox": ACTION_CHECKBOX_NAME,
            "selected": request.POST.getlist(ACTION_CHECKBOX_NAME),
            "across": request.POST.get("select_across") == "1",
            "back": request.get_full_path(),
        }
        return TemplateResponse(request, "admin/oidc_logout/sign_out_confirmation.html", context)

    def end(
        self,
        request: HttpRequest,
        rows: QuerySet[OIDCSession],
        *,
        log: Callable[[HttpRequest, Any], object],
    ) -> HttpResponse | None:
        """End sessions, the request's own last and properly; tell how many, and have them logged.

        Args:
            request: the request of who ends them.
            rows: the sessions.
            log: writes those that have ended to the admin's log.
        """
        here, chosen = index.current(request.session), list(rows)
        ended, failed = _end([row for row in chosen if row != here])
        leaving = [here] if here in chosen else []
        log(request, [*ended, *leaving])
        if ended or not (failed or leaving):
            self.message_user(request, counted_ended(len(ended)), messages.SUCCESS)
        if failed:
            self.message_user(request, _counted_failed(failed), messages.ERROR)
        if not leaving:
            return None
        return sign_out(request, return_to=reverse("admin:index", current_app=self.admin_site.name))


def _end(rows: list[OIDCSession]) -> tuple[list[OIDCSession], int]:
    """End sessions; return copies of the rows of those that have ended, and how many have not."""
    before, failed = [copy(row) for row in rows], 0
    try:
        end_rows(rows, reason="Staff ended the session.")
    except SessionsNotEnded as exc:
        failed = exc.failed
    # Django takes the primary key from what it has deleted.
    return [row for row, now in zip(before, rows, strict=True) if now.pk is None], failed


def counted_ended(count: int) -> str:
    """Return the sentence that tells how many sessions have ended."""
    text = ngettext("%(count)d session has ended.", "%(count)d sessions have ended.", count)
    return text % {"count": count}


def _counted_failed(count: int) -> str:
    text = ngettext(
        "%(count)d session could not be ended. Please try again.",
        "%(count)d sessions could not be ended. Please try again.",
        count,
    )
    return text % {"count": count}


def _describe(row: OIDCSession) -> str:
    provider = registry.name_of(row.provider, row.issuer)
    since = display_for_value(row.signed_in_at, "")
    return ", ".join(filter(None, (row.person, row.email, provider, since)))
