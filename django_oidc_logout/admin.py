"""The admin's list of sessions, and the action "Sign out everywhere" for lists of users."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import Case, CharField, Q, TextField, When
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from . import admin_actions, index, registry
from .admin_actions import SignOutAdmin
from .conf import conf
from .fields import digest
from .models import OIDCSession

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

SECRETS = ("id_token", "refresh_token")  # not even fetched
# Whoever could ask for rows by their beginning would find these out, letter by letter.
NOT_ASKED_FOR = {*SECRETS, "session_key", "sid", "sid_digest"}
UNCONFIGURED = "-"


class ProviderFilter(admin.SimpleListFilter):
    """By provider: asks the settings for them, not the table."""

    title = gettext_lazy("provider")
    parameter_name = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002  # Django's signature
        """Return the configured ones, and a word for the others."""
        known = [
            (alias, f"{registry.name_of(alias, options.issuer)} ({alias})")
            for alias, options in conf.OIDC_LOGOUT_PROVIDERS.items()
        ]
        return [*known, (UNCONFIGURED, _("None that is configured"))]

    def queryset(
        self,
        request: HttpRequest,  # noqa: ARG002  # Django's signature
        queryset: QuerySet[OIDCSession],
    ) -> QuerySet[OIDCSession]:
        """Return the sessions of the one chosen."""
        if self.value() == UNCONFIGURED:
            return queryset.exclude(provider__in=list(conf.OIDC_LOGOUT_PROVIDERS))
        return queryset.filter(provider=self.value()) if self.value() else queryset


class StateFilter(admin.SimpleListFilter):
    """Active or expired."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002  # Django's signature
        """Return both."""
        return [("active", _("Active")), ("expired", _("Expired"))]

    def queryset(
        self,
        request: HttpRequest,  # noqa: ARG002  # Django's signature
        queryset: QuerySet[OIDCSession],
    ) -> QuerySet[OIDCSession]:
        """Return the sessions in the state chosen."""
        active = Q(expires_at__gt=timezone.now())
        chosen = {"active": active, "expired": ~active}.get(self.value() or "")
        return queryset.filter(chosen) if chosen else queryset


@admin.register(OIDCSession)
class OIDCSessionAdmin(SignOutAdmin):
    """The sessions that were signed in through a provider: to be seen, and to be ended."""

    list_display = ("person", "email", "state", "provider_name", "signed_in_at", "expires_at")
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
    )
    actions = ("sign_out_selected",)

    @admin.display(description=gettext_lazy("person"), ordering="user")
    def person(self, row: OIDCSession) -> str:
        """Return who it is."""
        return row.person

    @admin.display(description=gettext_lazy("e-mail address"))
    def email(self, row: OIDCSession) -> str:
        """Return their address."""
        return row.email

    @admin.display(description=gettext_lazy("provider"), ordering="provider")
    def provider_name(self, row: OIDCSession) -> str:
        """Return the provider's name."""
        return registry.name_of(row.provider, row.issuer)

    @admin.display(description=gettext_lazy("state"), ordering="expires_at")
    def state(self, row: Any) -> str:
        """Return whether it is active, or the one that asks."""
        if row.is_this_one:
            return format_html("<strong>{}</strong>", _("This session"))
        return _("Active") if row.expires_at > timezone.now() else _("Expired")

    @admin.action(permissions=["sign_out"], description=gettext_lazy("Sign out selected sessions"))
    def sign_out_selected(
        self, request: HttpRequest, queryset: QuerySet[OIDCSession]
    ) -> HttpResponse | None:
        """End the chosen sessions, once that is confirmed."""
        if "confirmed" in request.POST:
            return self.end(request, queryset, log=self.log_deletions)
        title = _("Sign out selected sessions")
        return self.confirm(request, queryset, title=title, action="sign_out_selected")

    def get_queryset(self, request: HttpRequest) -> QuerySet[OIDCSession]:
        """Return the sessions without their tokens, the request's own marked."""
        here = index.current(request.session)
        is_this_one = Case(When(pk=here.pk if here else 0, then=True), default=False)
        rows: QuerySet[OIDCSession] = super().get_queryset(request)
        return rows.select_related("user").defer(*SECRETS).annotate(is_this_one=is_this_one)

    def get_fields(self, request: HttpRequest, obj: OIDCSession | None = None) -> Any:
        """Return what to show, but to each only what they may use.

        Whoever knows a `sid` can sign out with it; and Django makes a user a link.
        """
        may_use = {
            "sid": self.has_sign_out_permission(request),
            "user": self._leads_to_users(request),
        }
        hidden = [name for name, may in may_use.items() if not may]
        return [name for name in super().get_fields(request, obj) if name not in hidden]

    def _leads_to_users(self, request: HttpRequest) -> bool:
        site, model = self.admin_site, get_user_model()
        if not site.is_registered(model):
            return True  # without a link, then
        return site.get_model_admin(model).has_view_permission(request)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Refuse to filter by what is not shown, which Django would do for any field."""
        name, *_rest = lookup.split("__")
        return name not in NOT_ASKED_FOR and super().lookup_allowed(lookup, value, request)

    def get_search_fields(self, request: HttpRequest) -> list[str]:  # noqa: ARG002  # Django's signature
        """Return what names a person in the site's own user model."""
        model = get_user_model()
        texts = {
            field.name
            for field in model._meta.concrete_fields
            if isinstance(field, (CharField, TextField))
        }
        naming = (model.USERNAME_FIELD, model.get_email_field_name(), "first_name", "last_name")
        return [f"user__{name}" for name in dict.fromkeys(naming) if name in texts]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[OIDCSession], search_term: str
    ) -> tuple[QuerySet[OIDCSession], bool]:
        """Find by person, or by exactly the subject or the session at a configured provider."""
        found, may_have_duplicates = super().get_search_results(request, queryset, search_term)
        if search_term:
            digests = [digest(issuer, search_term) for issuer in registry.issuers()]
            found |= queryset.filter(Q(sub_digest__in=digests) | Q(sid_digest__in=digests))
        return found, may_have_duplicates

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002  # Django's signature
        """Refuse: a session begins with a sign-in."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: OIDCSession | None = None) -> bool:  # noqa: ARG002  # Django's signature
        """Refuse: what is known of a session is for reading."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: OIDCSession | None = None) -> bool:
        """Allow rows to go along with their user; else refuse: a row alone is not the session."""
        return obj is not None and super().has_delete_permission(request, obj)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a session, without the button that would delete its row."""
        context = {"show_delete": False, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def delete_view(
        self,
        request: HttpRequest,  # noqa: ARG002  # Django's signature
        object_id: str,  # noqa: ARG002  # Django's signature
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002  # Django's signature
    ) -> HttpResponse:
        """Refuse: a row alone is not the session."""
        raise PermissionDenied


class SignOutEverywhereMixin(SignOutAdmin):
    """In front of a `ModelAdmin` of users: the action "Sign out everywhere"."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.actions is not None:
            self.actions = list(dict.fromkeys([*self.actions, "sign_out_everywhere"]))

    @admin.action(permissions=["sign_out"], description=gettext_lazy("Sign out everywhere"))
    def sign_out_everywhere(
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> HttpResponse | None:
        """End all sessions of the chosen users that a provider signed in, once confirmed."""
        rows = OIDCSession.objects.filter(user__in=queryset.values("pk"))
        rows = rows.select_related("user").defer(*SECRETS).order_by("user", "-signed_in_at")
        if "confirmed" in request.POST:
            return self.end(request, rows, log=self.log_signed_out)
        title = _("Sign out everywhere")
        return self.confirm(request, rows, title=title, action="sign_out_everywhere")

    def log_signed_out(self, request: HttpRequest, ended: list[OIDCSession]) -> None:
        """Log at each user how many of their sessions have ended."""
        for user, count in Counter(row.user for row in ended).items():
            self.log_change(
                request, user, f"{_('Sign out everywhere')}: {admin_actions.counted_ended(count)}"
            )


class OIDCUserAdmin(SignOutEverywhereMixin, UserAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """Django's admin of its own user model, with that action."""
