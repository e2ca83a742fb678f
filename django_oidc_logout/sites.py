"""An admin site whose "Log out" also signs out of the identity provider.

`INSTALLED_APPS` names this module, so Django imports it before any models are loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.apps import AdminConfig
from django.contrib.admin.sites import DefaultAdminSite
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from .framework.transactions import outside_transactions

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


class OIDCAdminSiteMixin(admin.AdminSite):
    """Make the "Log out" of an `AdminSite` also sign out of the identity provider."""

    # Outside transactions: an error after the session has ended must not roll that back.
    @outside_transactions
    @method_decorator(never_cache)
    def logout(  # type: ignore[override]  # Django does not always return a template either
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Sign out on POST and return to this site's index. Django handles other methods."""
        from .api import sign_out  # noqa: PLC0415  # it imports models

        if request.method != "POST":
            return super().logout(request, extra_context)
        return sign_out(request, return_to=reverse("admin:index", current_app=self.name))


class OIDCAdminSite(OIDCAdminSiteMixin):
    """Django's admin site, with this sign-out."""


class OIDCAdminConfig(AdminConfig):
    """Install this in place of `django.contrib.admin`."""

    default_site = "django_oidc_logout.sites.OIDCAdminSite"

    def ready(self) -> None:
        """Add this sign-out to the site of a theme that replaces the default site."""
        site = admin.site
        if not isinstance(site, (DefaultAdminSite, OIDCAdminSiteMixin)):
            theme = type(site)
            site.__class__ = type(f"OIDC{theme.__name__}", (OIDCAdminSiteMixin, theme), {})
        super().ready()
