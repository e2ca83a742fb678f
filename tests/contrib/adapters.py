"""A site's own adapters of allauth."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib import auth


class Noting(DefaultAccountAdapter):
    def logout(self, request):
        request.META["was_asked"] = True
        super().logout(request)


class Own(DefaultAccountAdapter):
    def logout(self, request):
        request.META["was_asked"] = True
        auth.logout(request)
