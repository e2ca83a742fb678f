"""Create the example site's first user."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand

from django_oidc_logout.demo.agreed import PEOPLE


class Command(BaseCommand):
    """Create the people who may use the admin. The first sign-in creates everyone else."""

    help = "Create the site's staff."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Create each person who does not exist yet."""
        users = get_user_model().objects
        for person in PEOPLE:
            # mozilla-django-oidc matches people by their e-mail address.
            if person.staff and not users.filter(email=person.email).exists():
                users.create_superuser(person.username, person.email, person.password)
