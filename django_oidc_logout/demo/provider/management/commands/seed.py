"""Create the identity provider's people and clients."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand
from oauth2_provider.models import Application

from django_oidc_logout.demo.agreed import PEOPLE, SITES, Person, Site


class Command(BaseCommand):
    """Create the people and register the sites."""

    help = "Create the provider's people and clients."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Create missing people, and update the clients."""
        for person in PEOPLE:
            self._create(person)
        for site in SITES:
            self._register(site)

    def _create(self, person: Person) -> None:
        users = get_user_model().objects
        if not users.filter(username=person.username).exists():
            first_name, last_name = person.name.split()
            users.create_user(
                person.username,
                person.email,
                person.password,
                first_name=first_name,
                last_name=last_name,
            )

    def _register(self, site: Site) -> None:
        Application.objects.update_or_create(
            client_id=site.client_id,
            defaults={
                "name": f"{site.name} ({site.url})",
                "client_secret": site.client_secret,
                "client_type": Application.CLIENT_CONFIDENTIAL,
                "authorization_grant_type": Application.GRANT_AUTHORIZATION_CODE,
                "algorithm": Application.RS256_ALGORITHM,
                "redirect_uris": site.redirect_uri,
                "post_logout_redirect_uris": site.post_logout_redirect_uri,
                "skip_authorization": True,
            },
        )
