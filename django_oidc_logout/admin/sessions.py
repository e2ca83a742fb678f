"""The admin's list of sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db.models import Case, Q, When
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..codes import EndedCode
from ..conf import conf
from ..fields import digest
from ..models import OIDCSession
from ..providers import configured
from ..sessions import index, validity
from . import people, times
from .actions import TOKENS, SignOutAdmin, without_tokens
from .filters import ProviderFilter, StateFilter

if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

# Filtering by the beginning of these would let staff guess a value letter by letter.
NOT_FILTERABLE = {*TOKENS, "session_key", "sid", "sid_digest"}


@admin.register(OIDCSession)
class OIDCSessionAdmin(SignOutAdmin):
    """List the sessions that began through a provider, and end them. The list is read-only."""

    list_display = ("person", "provider_name", "since_until", "last_seen")
    list_filter = (ProviderFilter, StateFilter)
    date_hierarchy = "signed_in_at"
    ordering = ("-signed_in_at",)
    show_full_result_count = False
    fields = readonly_fields = (
        "person",
        "email",
        "state",
        "user",
        "provider",
        "issuer",
        "sub",
        "sid",
        "signed_in_at",
        "expires_at",
        "ends_at",
        "last_seen_at",
        "device",
        "address",
    )
    change_form_template = "admin/oidc_logout/session_change_form.html"
    actions = ("sign_out_selected",)

    class Media:
        css: ClassVar = {"all": ["oidc_logout/admin.css"]}

    @admin.display(description=gettext_lazy("person"), ordering="user")
    def person(self, row: OIDCSession) -> str:
        """Return the person's name and, below it, their e-mail address."""
        return _lines(row.person, row.email)

    @admin.display(description=gettext_lazy("e-mail address"))
    def email(self, row: OIDCSession) -> str:
        """Return the person's e-mail address."""
        return row.email

    @admin.display(description=gettext_lazy("provider"), ordering="provider")
    def provider_name(self, row: OIDCSession) -> str:
        """Return the provider's name."""
        return configured.display_name(row.provider, row.issuer)

    @admin.display(description=gettext_lazy("since / until"), ordering="signed_in_at")
    def since_until(self, row: OIDCSession) -> str:
        """Return when the session began, when it expires, and its state."""
        since, until = times.short(row.signed_in_at), times.short(row.expires_at)
        return _lines(since, until, self.state(row))

    @admin.display(description=gettext_lazy("last seen"), ordering="last_seen_at")
    def last_seen(self, row: OIDCSession) -> str:
        """Return when the session was last seen, and on which device, if that is kept."""
        return _lines(times.short(row.last_seen_at), row.device, row.address)

    @admin.display(description=gettext_lazy("state"), ordering="expires_at")
    def state(self, row: Any) -> str:
        """Return whether the session is this one, active or expired."""
        if row.is_this_one:
            return format_html("<strong>{}</strong>", _("This session"))
        return _("Active") if row.expires_at > timezone.now() else _("Expired")

    @admin.action(permissions=["sign_out"], description=gettext_lazy("Sign out selected sessions"))
    def sign_out_selected(
        self, request: HttpRequest, queryset: QuerySet[OIDCSession]
    ) -> HttpResponse | None:
        """Ask for confirmation, then end the selected sessions."""
        return self.confirm_and_end(
            request,
            queryset,
            title=_("Sign out selected sessions"),
            action="sign_out_selected",
            log=self.log_ended,
        )

    def log_ended(self, request: HttpRequest, ended: list[OIDCSession]) -> None:
        """Log each ended session, as a change and with the reason."""
        LogEntry.objects.log_actions(
            str(request.user.pk), ended, CHANGE, change_message=EndedCode.BY_STAFF.sentence
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[OIDCSession]:
        """Return the sessions without their tokens, with the request's own marked."""
        current = index.current(request)
        is_this_one = Case(When(pk=0 if current is None else current.pk, then=True), default=False)
        rows: QuerySet[OIDCSession] = super().get_queryset(request).using(index.database())
        return without_tokens(rows).annotate(is_this_one=is_this_one)

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Return the list, after ending the sessions on it that Django no longer accepts."""
        changes: ChangeList = super().get_changelist_instance(request)
        return super().get_changelist_instance(request) if self._end_invalid(changes) else changes

    def _end_invalid(self, changes: ChangeList) -> bool:
        rows = [row for row in changes.result_list if not row.is_this_one]
        return bool(validity.end_invalid(rows))

    def get_fields(self, request: HttpRequest, obj: OIDCSession | None = None) -> Any:
        """Return the fields that the request's user may see.

        Anybody who knows a `sid` can end its session. Django shows the user as a link.
        """
        allowed = {
            "sid": self.has_sign_out_permission(request),
            "user": self._may_view_user_page(request),
        }
        if not conf.OIDC_LOGOUT_KEEP_DEVICE and not (obj and (obj.device or obj.address)):
            allowed |= {"device": False, "address": False}
        hidden = [name for name, is_allowed in allowed.items() if not is_allowed]
        return [name for name in super().get_fields(request, obj) if name not in hidden]

    def _may_view_user_page(self, request: HttpRequest) -> bool:
        site, model = self.admin_site, get_user_model()
        if not site.is_registered(model):
            return True  # Django shows the user without a link
        return site.get_model_admin(model).has_view_permission(request)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Reject lookups on secret fields. Django allows lookups on all fields of the model."""
        name, *_rest = lookup.split("__")
        return name not in NOT_FILTERABLE and super().lookup_allowed(lookup, value, request)

    def get_search_fields(self, request: HttpRequest) -> list[str]:  # noqa: ARG002  # Django's signature
        """Return the name and e-mail fields that the site's user model has."""
        return people.search_fields()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[OIDCSession], search_term: str
    ) -> tuple[QuerySet[OIDCSession], bool]:
        """Search by person, and by the exact `sub` or `sid` at a configured provider."""
        found, may_have_duplicates = super().get_search_results(request, queryset, search_term)
        if search_term:
            digests = [digest(issuer, search_term) for issuer in configured.issuers()]
            found |= queryset.filter(Q(sub_digest__in=digests) | Q(sid_digest__in=digests))
        return found, may_have_duplicates

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002  # Django's signature
        """Return False: only a sign-in creates a session."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: OIDCSession | None = None) -> bool:  # noqa: ARG002  # Django's signature
        """Return False: sessions are read-only."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: OIDCSession | None = None) -> bool:
        """Allow deleting a row only together with its user: deletion does not end the session."""
        return obj is not None and super().has_delete_permission(request, obj)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a session without the button that deletes its row."""
        context = {
            "show_delete": False,
            "may_sign_out": self.has_sign_out_permission(request),
            "checkbox": ACTION_CHECKBOX_NAME,
            **(extra_context or {}),
        }
        return super().change_view(request, object_id, form_url, context)

    def delete_view(
        self,
        request: HttpRequest,  # noqa: ARG002  # Django's signature
        object_id: str,  # noqa: ARG002  # Django's signature
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002  # Django's signature
    ) -> HttpResponse:
        """Reject the request: deleting a row does not end the session."""
        raise PermissionDenied


def _lines(*texts: str) -> str:
    return format_html_join(mark_safe("<br>"), "{}", ((text,) for text in texts if text))
