"""The other tests' URLs, plus the admin and a second, custom admin site."""

from django.contrib import admin
from django.contrib.auth.models import User
from django.urls import include, path

from django_oidc_logout.admin import OIDCSessionAdmin, OIDCUserAdmin
from django_oidc_logout.models import OIDCSession


class BackOffice(admin.site.__class__):
    """The default admin site under another name."""


back_office = BackOffice(name="back-office")
back_office.register(OIDCSession, OIDCSessionAdmin)

admin.site.unregister(User)
admin.site.register(User, OIDCUserAdmin)

urlpatterns = [
    path("admin/", admin.site.urls),
    path("back-office/", back_office.urls),
    path("", include("tests.urls")),
]
