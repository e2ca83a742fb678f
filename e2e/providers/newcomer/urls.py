"""The URLs of the site of mozilla-django-oidc, and a page for who is signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.urls import path

from e2e.sites.mozilla import urls

if TYPE_CHECKING:
    from django.http import HttpRequest


@login_required
def private(request: HttpRequest) -> HttpResponse:
    return HttpResponse("You are signed in.")


urlpatterns = [path("private/", private), *urls.urlpatterns]
