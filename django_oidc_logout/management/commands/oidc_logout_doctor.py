"""`manage.py oidc_logout_doctor`: finds what breaks the sign-out."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from django_oidc_logout.conf import conf
from django_oidc_logout.doctor import prometheus
from django_oidc_logout.doctor.recipes import VENDORS
from django_oidc_logout.doctor.reports import report
from django_oidc_logout.doctor.text import lines
from django_oidc_logout.framework import request_scope

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    """Inspect the site and its providers."""

    help = (
        "Inspect the site and its identity providers, report each problem with its remedy, and "
        "show what to register at the provider. The exit code is 1 if there is an error."
    )
    requires_system_checks = ()  # the doctor reports them itself

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        add = parser.add_argument
        add("--provider", metavar="ALIAS", help="an alias in OIDC_LOGOUT_PROVIDERS (default: all)")
        add("--format", choices=("text", "json", "prometheus"), default="text")
        add(
            "--site",
            metavar="URL",
            default="",
            help="the site's URL, such as https://www.example.com",
        )
        add(
            "--self-test",
            metavar="URL",
            nargs="?",
            const="",
            help="post garbage to the site's own back-channel, at its public URL",
        )
        add("--vendor", choices=VENDORS, default="", help="the product whose commands to print")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print the report; exit with 1 if there is an error.

        Raises:
            CommandError: the provider is not configured.
        """
        with request_scope.begin(None):
            found = report(
                _aliases(options["provider"]),
                site=options["site"],
                vendor=options["vendor"],
                self_test=options["self_test"],
            )
        if options["format"] == "json":
            self.stdout.write(json.dumps(found.as_dict(), indent=2))
        elif options["format"] == "prometheus":
            self.stdout.write("\n".join(prometheus.lines(found)))
        else:
            encoding = getattr(self.stdout, "encoding", None)
            for line in lines(found, self.style, encoding=encoding):
                self.stdout.write(line)
        if not found.ok:
            sys.exit(1)


def _aliases(chosen: str | None) -> list[str]:
    configured = list(conf.OIDC_LOGOUT_PROVIDERS)
    if chosen is None or conf.OIDC_LOGOUT_PROVIDERS.failure:
        return configured
    if chosen not in configured:
        known = ", ".join(map(repr, configured)) or "nothing"
        raise CommandError(
            f"OIDC_LOGOUT_PROVIDERS does not contain {chosen!r}. It contains {known}."
        )
    return [chosen]
