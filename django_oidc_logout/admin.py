"""The admin's list of sessions, and the actions with which staff end them."""

from __future__ import annotations

from collections import Counter
from copy import copy
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import display_for_value
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import Case, CharField, Q, TextField, When
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from . import index, registry
from .account import provider_name
from .api import end_rows, sign_out
from .conf import conf
from .exceptions import SessionsNotEnded
from .fields import digest
from .models import OIDCSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

ACTIONS = {"sign_out_selected", "sign_out_everywhere"}
SHOWN = 100  # lines of a confirmation page
SECRETS = ("id_token", "refresh_token")  # never fetched, so never shown
UNCONFIGURED = "-"


class SignOutAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """What lists with an action that signs people out have in common."""

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
        self, request: HttpRequest, rows: QuerySet[OIDCSession], **context: Any
    ) -> TemplateResponse:
        """Return the page that asks whether the sessions `rows` are to end.

        "All that match" is asked for again as just that: the page need not name each.
        """
        here, count = index.current(request.session), rows.count()
        notes = [
            _("At the identity provider they go on: people may sign in again without a password."),
            *context.pop("notes", ()),
        ]
        if here and rows.filter(pk=here.pk).exists():
            notes.append(_("Your own session is among them: you will be signed out."))
        question = ngettext("%(count)d session will end.", "%(count)d sessions will end.", count)
        request.current_app = self.admin_site.name  # type: ignore[attr-defined]  # Django's habit
        context |= {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "question": question % {"count": count},
            "notes": notes,
            "checkbox": ACTION_CHECKBOX_NAME,
            "selected": request.POST.getlist(ACTION_CHECKBOX_NAME),
            "across": request.POST.get("select_across") == "1",
            "back": request.get_full_path(),
        }
        return TemplateResponse(request, "admin/oidc_logout/sign_out_confirmation.html", context)

    def end(
        self,
        request: HttpRequest,
        rows: Iterable[OIDCSession],
        *,
        log: Callable[[HttpRequest, list[OIDCSession]], object],
    ) -> HttpResponse | None:
        """End sessions, the request's own last and properly; tell how many, and log them.

        Args:
            request: the request of who ends them.
            rows: the sessions.
            log: writes those that have ended to the admin's log.
        """
        here, chosen = index.current(request.session), list(rows)
        others = [row for row in chosen if row != here]
        ended, failed = _end(others)
        leaving = [here] if here in chosen else []
        log(request, [*ended, *leaving])
        if ended or not (failed or leaving):
            text = ngettext("%(count)d session has ended.", "%(count)d sessions have ended.", ended)
