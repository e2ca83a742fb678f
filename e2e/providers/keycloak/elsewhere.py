"""A sign-in by a login library that this package does not know, without a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model, login
from django.test import RequestFactory

from django_oidc_logout.api import remember_login
from django_oidc_logout.sessions import engines

if TYPE_CHECKING:
    from e2e.providers.keycloak.sites import Person


def sign_in_elsewhere(person: Person, **tokens: Any) -> str:
    """Record a sign-in, and return the session's key."""
    request = RequestFactory().get("/")
    request.session = engines.store()()
    user, _ = get_user_model().objects.get_or_create(username=person.name)
    login(request, user, "django.contrib.auth.backends.ModelBackend")
    remember_login(request, **tokens)
    request.session.save()
    return request.session.session_key
