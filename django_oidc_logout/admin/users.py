"""The action "Sign out everywhere" for lists of users."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..sessions import index
from .actions import SignOutAdmin, ended_message, without_tokens

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    from ..models import OIDCSession


class SignOutEverywhereMixin(SignOutAdmin):
    """Add the action "Sign out everywhere" to a `ModelAdmin` of users."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.actions is not None:
            self.actions = list(dict.fromkeys([*self.actions, "sign_out_everywhere"]))

    @admin.action(permissions=["sign_out"], description=gettext_lazy("Sign out everywhere"))
    def sign_out_everywhere(
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> HttpResponse | None:
        """Ask for confirmation, then end these users' sessions that began through a provider."""
        users = queryset.using(index.database()).values("pk")
        rows = index.matching().filter(Q(user__in=users) | Q(acts_as__in=users))
        own = index.matching().filter(user__in=users).values("user")
        return self.confirm_and_end(
            request,
            without_tokens(rows).order_by("user", "-signed_in_at"),
            title=_("Sign out everywhere"),
            action="sign_out_everywhere",
            log=self.log_signed_out,
            has_others=users.exclude(pk__in=own).exists(),
        )

    def log_signed_out(self, request: HttpRequest, ended: list[OIDCSession]) -> None:
        """Log for each user how many of their sessions have ended."""
        # Before its second factor, a session has no user, but may act as one.
        for user, count in Counter(row.user or row.acts_as for row in ended).items():
            self.log_change(request, user, f"{_('Sign out everywhere')}: {ended_message(count)}")


class OIDCUserAdmin(SignOutEverywhereMixin, UserAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """Django's admin for its own user model, with the action "Sign out everywhere"."""
