"""The admin's list of users, with the action "Sign out everywhere"."""

import django.contrib.auth.admin  # noqa: F401  # registers the list that this one replaces
from django.contrib import admin
from django.contrib.auth.models import User

from django_oidc_logout.admin import OIDCUserAdmin

admin.site.unregister(User)
admin.site.register(User, OIDCUserAdmin)
