"""`manage.py oidc_logout_history`: what the history has about a person."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand
from django.db import router
from django.db.models import Q

from django_oidc_logout.management import users
from django_oidc_logout.models import OIDCSession, SessionEvent

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    """Export or erase a person's part of the history."""

    help = (
        "Print what the history has about a user, one JSON object a line, the oldest first. With "
        "--erase, remove it afterwards."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--user", required=True, metavar="USER", help=users.HELP)
        parser.add_argument("--erase", action="store_true", help="remove what was printed")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print the events. With `--erase`, remove them and the user as actor of other events.

        Raises:
            CommandError: the number of matching users is not one.
        """
        user = users.find(options["user"])
        events = SessionEvent.objects.using(router.db_for_write(SessionEvent))
        theirs = Q(user=user) | Q(user=None, sub_digest__in=_digests(user))
        found = events.filter(theirs | Q(actor=user)).order_by("at", "pk")
        keys = []
        for event in found.select_related("user", "actor").iterator():
            self.stdout.write(json.dumps(_as_dict(event)))
            keys.append(event.pk)
        if options["erase"]:
            written = events.filter(pk__lte=max(keys, default=0))
            count, _ = written.filter(theirs).delete()
            others = written.filter(actor=user).update(actor=None)
            self.stderr.write(
                f"Events removed: {count}. Events of others without the name: {others}"
            )


def _digests(user: Any) -> set[str]:
    """Return the digests of a user's `sub`. A refused sign-in has nothing else that names them."""
    found: set[str] = set()
    for model in (SessionEvent, OIDCSession):
        rows = model._default_manager.using(router.db_for_write(model)).filter(user=user)
        found.update(rows.values_list("sub_digest", flat=True).distinct())
    return found - {""}


def _as_dict(event: SessionEvent) -> dict[str, Any]:
    return {
        "at": event.at.isoformat(),
        "event": event.kind,
        "code": event.code,
        "source": event.source,
        "user": event.user.get_username() if event.user else None,
        "actor": event.actor.get_username() if event.actor else None,
        "provider": event.provider,
        "sub_digest": event.sub_digest,
        "sid_digest": event.sid_digest,
        "device": event.device,
        "address": event.address,
    }
