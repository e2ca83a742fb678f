"""Filters for the list of sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..conf import conf
from ..providers import configured

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

    from ..models import OIDCSession

UNCONFIGURED = "-"


class ProviderFilter(admin.SimpleListFilter):
    """Filter by provider. The choices come from the settings, not from the table."""

    title = gettext_lazy("provider")
    parameter_name = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002  # Django's signature
        """Return the configured providers, and a choice for all others."""
        choices = [
            (alias, f"{configured.display_name(alias, options.issuer)} ({alias})")
            for alias, options in conf.OIDC_LOGOUT_PROVIDERS.items()
        ]
        return [*choices, (UNCONFIGURED, _("Not configured"))]

    def queryset(
        self,
        request: HttpRequest,  # noqa: ARG002  # Django's signature
        queryset: QuerySet[OIDCSession],
    ) -> QuerySet[OIDCSession]:
        """Return the sessions of the chosen provider."""
        if self.value() == UNCONFIGURED:
            return queryset.exclude(provider__in=list(conf.OIDC_LOGOUT_PROVIDERS))
        return queryset.filter(provider=self.value()) if self.value() else queryset


class StateFilter(admin.SimpleListFilter):
    """Filter by state: active or expired."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002  # Django's signature
        """Return both states."""
        return [("active", _("Active")), ("expired", _("Expired"))]

    def queryset(
        self,
        request: HttpRequest,  # noqa: ARG002  # Django's signature
        queryset: QuerySet[OIDCSession],
    ) -> QuerySet[OIDCSession]:
        """Return the sessions in the chosen state."""
        active = Q(expires_at__gt=timezone.now())
        chosen = {"active": active, "expired": ~active}.get(self.value() or "")
        return queryset.filter(chosen) if chosen else queryset
