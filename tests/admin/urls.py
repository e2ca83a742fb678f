"""The other tests' URLs, the admin, and a second admin site of the site's own."""

from django.contrib import admin
from django.contrib.auth.models import User
from django.urls import include, path

from django_oidc_logout.admin import OIDCSessionAdmin, OIDCUserAdmin
from django_oidc_logout.models import OIDCSession


class BackOffice(admin.site.__class__):
    """As the default one, by another name."""


back_office = BackOffice(name="back-office")
back_office.register(OIDCSession, OIDCSessionAdmin)

admin.site.unregister(User)
admin.site.register(User, OIDCUserAdmin)

urlpatterns = [
    path("admin/", admin.site.urls),
    path("back-office/", back_office.urls),
    path("", include("tests.urls")),
]
