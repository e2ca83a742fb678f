"""Give the example site its first user."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand

from example_project.agreed import PEOPLE


class Command(BaseCommand):
    """Create the people who may enter the admin. Everybody else comes with the first sign-in."""

    help = "Create the site's staff."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Leave alone who is there already."""
        users = get_user_model().objects
        for person in PEOPLE:
            # mozilla-django-oidc recognises people by their e-mail address.
            if person.staff and not users.filter(email=person.email).exists():
                users.create_superuser(person.username, person.email, person.password)
