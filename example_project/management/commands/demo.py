"""Run the whole example: two sites and their identity provider."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from django_oidc_logout.demo.agreed import HUB, PROVIDER, SITES, VAR, port
from django_oidc_logout.demo.processes import (
    DemoError,
    Server,
    agreement,
    provider_server,
    served_at,
    site_server,
)
from django_oidc_logout.demo.run import Run, addresses, people, where_logs_are

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from django_oidc_logout.demo.agreed import Hub, Provider, Site

ROOT = Path(__file__).parents[3]
QUIET = 1

TEXT = """
  Open {hub.url}
  It shows two sites, their identity provider, and what happens between them.

{addresses}

  Sign in as
{people}

  What to try
    1. Sign in at {one.name}. Press "Sign in" at {two.name}:
       the identity provider recognises you and does not ask for a password.
    2. Press "Sign out" at one site: you are signed out at the other too.
    3. Press "Sign in": the identity provider asks for the password again.

  Ctrl-C ends everything.{logs}
"""


class Command(BaseCommand):
    """Start the servers, print their addresses, and stop them on Ctrl-C."""

    help = "Run the example sites and their identity provider until Ctrl-C."
    requires_system_checks = ()  # each server checks itself

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options for the ports, which default to the environment's."""
        for site in SITES:
            parser.add_argument(site.port_option, dest=site.key, type=port, default=site.port)
        parser.add_argument("--idp-port", type=port, default=PROVIDER.port)
        parser.add_argument("--hub-port", type=port, default=HUB.port)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run until a signal arrives or a server fails."""
        sites = [replace(site, port=options[site.key]) for site in SITES]
        provider = replace(PROVIDER, port=options["idp_port"])
        hub = replace(HUB, port=options["hub_port"])
        servers = self._servers(sites, provider, hub, quiet=options["verbosity"] <= QUIET)
        one, two = sites
        text = TEXT.format(
            addresses=addresses(servers),
            hub=hub,
            people=people(for_staff="(may use the sites' /admin/)"),
            one=one,
            two=two,
            logs=where_logs_are(servers),
        )
        try:
            Run(servers).go(lambda: self._say(text))
        except DemoError as error:
            self.stderr.write(str(error))
            sys.exit(1)

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

    def _servers(
        self, sites: list[Site], provider: Provider, hub: Hub, *, quiet: bool
    ) -> list[Server]:
        environment = agreement(sites, provider, VAR) | {
            "DEMO_HUB_PORT": str(hub.port),
            "DEMO_HUB_URL": hub.url,
        }
        return [
            Server(
                name="the page to open",
                url=hub.url,
                command=served_at(hub.port),
                environment=environment
                | {"DJANGO_SETTINGS_MODULE": "example_project.hub.settings"},
                port_option="--hub-port",
                log=VAR / "hub.log" if quiet else None,
                folder=ROOT,
            ),
            *(
                site_server(
                    site,
                    settings=os.environ["DJANGO_SETTINGS_MODULE"],
                    environment=environment,
                    log=VAR / f"site-{site.key}.log" if quiet else None,
                    folder=ROOT,
                )
                for site in sites
            ),
            provider_server(
                provider, environment=environment, log=VAR / "idp.log" if quiet else None
            ),
        ]
