"""The admin whose "Log out" signs out of the identity provider as well.

Named in `INSTALLED_APPS`, so it is imported before there are any models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.apps import AdminConfig
from django.contrib.admin.sites import DefaultAdminSite
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from .decorators import outside_transactions

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


class OIDCAdminSiteMixin(admin.AdminSite):
    """In front of an `AdminSite`: its "Log out" signs out of the identity provider as well."""

    # Not in a transaction: what fails after the session has ended must not bring it back.
    @outside_transactions
    @method_decorator(never_cache)
    def logout(  # type: ignore[override]  # Django's answer is not always a template either
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Sign out on POST, and come back to this site's index; else do as Django does."""
        from .api import sign_out  # noqa: PLC0415  # it imports models

        if request.method != "POST":
            return super().logout(request, extra_context)
        return sign_out(request, return_to=reverse("admin:index", current_app=self.name))


class OIDCAdminSite(OIDCAdminSiteMixin):
    """Django's admin site with that sign-out."""


class OIDCAdminConfig(AdminConfig):
    """To be installed in place of `django.contrib.admin`."""

    default_site = "django_oidc_logout.sites.OIDCAdminSite"

    def ready(self) -> None:
        """See to it that a theme which puts a site of its own in the default's place signs out."""
        site = admin.site
        if not isinstance(site, (DefaultAdminSite, OIDCAdminSiteMixin)):
            kind = type(site)
            site.__class__ = type(f"OIDC{kind.__name__}", (OIDCAdminSiteMixin, kind), {})
        super().ready()
