"""`manage.py oidc_logout_recheck`: run it regularly for providers that do not notify sites."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error

from django_oidc_logout.conf import conf
from django_oidc_logout.framework import request_scope
from django_oidc_logout.sessions import recheck

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    """Ask each provider with `RECHECK` whether it still confirms the sign-ins."""

    help = (
        "Ask the providers that have RECHECK in OIDC_LOGOUT_PROVIDERS about the live sessions, and "
        "end those whose account was disabled or deleted, or whose sign-in was revoked. If a "
        "provider does not respond, its sessions stay."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        add = parser.add_argument
        add("--rate", type=float, default=10, help="sessions per second, at most (default: 10)")
        add("--max-seconds", type=float, default=300, help="when to stop (default: 300)")
        add(
            "--jitter",
            type=float,
            default=0,
            metavar="SECONDS",
            help="wait for a random time first, so that many sites do not ask at once",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Ask, and print the result.

        Raises:
            CommandError: `RECHECK` is not on, an option is wrong, or the index fails.
        """
        if options["rate"] <= 0:
            raise CommandError("--rate must be greater than zero.")
        with request_scope.begin(None):
            if not any(each.recheck for each in conf.OIDC_LOGOUT_PROVIDERS.values()):
                raise CommandError("No provider in OIDC_LOGOUT_PROVIDERS has RECHECK = True.")
            time.sleep(random.uniform(0, max(0.0, options["jitter"])))  # noqa: S311  # not a secret
            try:
                result = recheck.run(rate=options["rate"], seconds=options["max_seconds"])
            except Error as exc:
                raise CommandError(f"The index cannot be used: {exc}.") from exc
        self.stdout.write(
            f"Sessions confirmed: {result.confirmed}, ended: {result.ended}, "
            f"unanswered: {result.unanswered}, left: {result.left}"
        )
