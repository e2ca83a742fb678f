"""`manage.py oidc_logout_history`: what the history has about a person."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import router
from django.db.models import Q

from django_oidc_logout.fields import digest
from django_oidc_logout.management import arguments, users
from django_oidc_logout.models import OIDCSession, SessionEvent

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    """Export or erase a person's part of the history."""

    help = (
        "Print what the history has about a person, one JSON object a line, the oldest first. With "
        "--erase, remove it afterwards. Name the person by --user, by --sub, or by both."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        add = parser.add_argument
        add("--user", metavar="USER", help=users.HELP)
        add("--issuer", metavar="URL", help="the provider's issuer; optional if there is only one")
        add("--sub", metavar="SUB", help="the person's subject identifier at the issuer")
        add("--erase", action="store_true", help="remove what was printed")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print the events. With `--erase`, remove them and the user as actor of other events.

        Raises:
            CommandError: nobody is named, or the number of matching users is not one.
        """
        theirs, acted = _conditions(options)
        events = SessionEvent.objects.using(router.db_for_write(SessionEvent))
        found = events.filter(theirs | acted).order_by("at", "pk")
        keys = []
        for event in found.select_related("user", "actor").iterator():
            self.stdout.write(json.dumps(_as_dict(event)))
            keys.append(event.pk)
        if options["erase"]:
            written = events.filter(pk__lte=max(keys, default=0))
            count, _ = written.filter(theirs).delete()
            others = written.filter(acted).update(actor=None)
            self.stderr.write(
                f"Events removed: {count}. Events of others without the name: {others}"
            )


def _conditions(options: dict[str, Any]) -> tuple[Q, Q]:
    """Return the conditions for a person's events, and for events of which they are the actor.

    Raises:
        CommandError: nobody is named, or the number of matching users is not one.
    """
    arguments.refuse_empty(options, ("user", "issuer", "sub"))
    if options["user"] is None and options["sub"] is None:
        raise CommandError("Give --user or --sub.")
    theirs = acted = Q(pk__in=())
    if options["sub"]:
        issuer = arguments.given_or_only_issuer(options["issuer"])
        theirs = Q(sub_digest=digest(issuer, options["sub"]))
    if options["user"]:
        user = users.find(options["user"])
        theirs |= Q(user=user) | Q(user=None, sub_digest__in=_digests(user))
        acted = Q(actor=user)
    return theirs, acted


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
