"""The admin's list of the history."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.contrib import admin
from django.utils.translation import gettext_lazy

from ..conf import conf
from ..models import SessionEvent, name_of
from . import people, times

if TYPE_CHECKING:
    from django.http import HttpRequest


@admin.register(SessionEvent)
class SessionEventAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """List the history, if it is kept. The list is read-only."""

    list_display = ("when", "kind", "code", "person", "provider", "by")
    list_filter = ("kind", "source")
    list_select_related = ("user", "actor")
    date_hierarchy = "at"
    ordering = ("-at",)
    show_full_result_count = False
    fields = readonly_fields = (
        "at",
        "kind",
        "code",
        "source",
        "person",
        "by",
        "provider",
        "device",
        "address",
    )

    class Media:
        css: ClassVar = {"all": ["oidc_logout/admin.css"]}

    @admin.display(description=gettext_lazy("time"), ordering="at")
    def when(self, event: SessionEvent) -> str:
        """Return the event's time in a short form."""
        return times.short(event.at, timespec="seconds")

    @admin.display(description=gettext_lazy("person"), ordering="user")
    def person(self, event: SessionEvent) -> str:
        """Return the name of the person whose session it was."""
        return name_of(event.user) if event.user else ""

    @admin.display(description=gettext_lazy("by"), ordering="actor")
    def by(self, event: SessionEvent) -> str:
        """Return the name of the user who caused the event."""
        return name_of(event.actor) if event.actor else ""

    def get_search_fields(self, request: HttpRequest) -> list[str]:  # noqa: ARG002  # Django's signature
        """Return the name and e-mail fields that the site's user model has."""
        return people.search_fields()

    def has_view_permission(self, request: HttpRequest, obj: SessionEvent | None = None) -> bool:
        """Allow viewing if the history is kept."""
        return bool(conf.OIDC_LOGOUT_HISTORY_DAYS) and super().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002  # Django's signature
        """Return False: only the package writes events."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: SessionEvent | None = None) -> bool:  # noqa: ARG002  # Django's signature
        """Return False: the history is read-only."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: SessionEvent | None = None) -> bool:  # noqa: ARG002  # Django's signature
        """Return False: `oidc_logout_clear_sessions` removes old events."""
        return False
