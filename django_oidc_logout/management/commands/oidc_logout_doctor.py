"""`manage.py oidc_logout_doctor`: what is wrong with signing out, and what to do about it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from django_oidc_logout.conf import conf
from django_oidc_logout.doctor.recipes import VENDORS
from django_oidc_logout.doctor.reports import report
from django_oidc_logout.doctor.text import lines

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    """Examine the site and its providers."""

    help = (
        "Ask the identity provider, try what signing out rests on, and say what is wrong, with "
        "its remedy, and what to register at the provider. Ends with 1 if there is an error."
    )
    requires_system_checks = ()  # a broken project is examined, too, and its checks are told

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add what can be chosen."""
        add = parser.add_argument
        add("--provider", metavar="ALIAS", help="one of OIDC_LOGOUT_PROVIDERS (default: all)")
        add("--format", choices=("text", "json"), default="text")
        add("--site", metavar="URL", default="", help="the site: https://www.example.com")
        add("--vendor", choices=VENDORS, default="", help="whose commands to print")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Examine, print, and end with 1 if there is an error.

        Raises:
            CommandError: there is no such provider.
        """
        found = report(
            _aliases(options["provider"]), site=options["site"], vendor=options["vendor"]
        )
        if options["format"] == "json":
            self.stdout.write(json.dumps(found.as_dict(), indent=2))
        else:
            encoding = getattr(self.stdout, "encoding", None)
            for line in lines(found, self.style, encoding=encoding):
                self.stdout.write(line)
        if not found.ok:
            sys.exit(1)


def _aliases(chosen: str | None) -> list[str]:
    configured = list(conf.OIDC_LOGOUT_PROVIDERS)
    if chosen is None:
        return configured
    if chosen not in configured:
        known = ", ".join(map(repr, configured)) or "none"
        raise CommandError(f"OIDC_LOGOUT_PROVIDERS has no {chosen!r}. It has: {known}.")
    return [chosen]
