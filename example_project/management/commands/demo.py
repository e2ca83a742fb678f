"""Run the whole example: two sites and their identity provider."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from example_project.agreed import PEOPLE, PROVIDER, SITES, VAR, Provider, Site, port
from example_project.processes import (
    DemoError,
    Server,
    agreement,
    provider_server,
    site_server,
)

if TYPE_CHECKING:
    from argparse import ArgumentParser

SECONDS_TO_START = 90
SECONDS_BETWEEN_CHECKS = 0.1
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
QUIET = 1

TEXT = """
{addresses}

  Sign in as
{people}

  What to try
    1. Open {one.name} and sign in. Open {two.name} and press "Sign in":
       the identity provider recognises you and does not ask for a password.
    2. Press "Sign out" at one site, then reload the other:
       you are signed out there too.
    3. Press "Sign in": the identity provider asks for the password again.

  Ctrl-C ends everything.{logs}
"""

PROVIDER_TEXT = """
{addresses}

  It knows a site at {one.url}
    client id      {one.client_id}
    client secret  {one.client_secret}

  Sign in as
{people}

  Ctrl-C ends it.{logs}
"""


class Command(BaseCommand):
    """Start the servers, print their addresses, and stop them on Ctrl-C."""

    help = "Run the example sites and their identity provider until Ctrl-C."
    requires_system_checks = ()  # each server checks itself
    stopped = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options for the ports, which default to the environment's."""
        for site in SITES:
            parser.add_argument(site.port_option, dest=site.key, type=port, default=site.port)
        parser.add_argument("--idp-port", type=port, default=PROVIDER.port)
        parser.add_argument(
            "--provider-only",
            action="store_true",
            help="start only the provider, for your own site at the first port",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run until a signal arrives or a server fails."""
        sites = [replace(site, port=options[site.key]) for site in SITES]
        provider = Provider(options["idp_port"])
        servers = self._servers(sites, provider, quiet=options["verbosity"] <= QUIET)
        text = TEXT
        if options["provider_only"]:
            servers, text = servers[-1:], PROVIDER_TEXT
        self._handle_signals()
        try:
            self._check(servers)
            self._run(servers, self._fill(text, sites, servers))
        except DemoError as error:
            self.stderr.write(str(error))
            sys.exit(1)

    def _servers(self, sites: list[Site], provider: Provider, *, quiet: bool) -> list[Server]:
        environment = agreement(sites, provider, VAR)
        return [
            *(
                site_server(
                    site,
                    settings=os.environ["DJANGO_SETTINGS_MODULE"],
                    environment=environment,
                    log=VAR / f"site-{site.key}.log" if quiet else None,
                )
                for site in sites
            ),
            provider_server(
                provider, environment=environment, log=VAR / "idp.log" if quiet else None
            ),
        ]

    def _handle_signals(self) -> None:
        for name in SIGNALS:
            if hasattr(signal, name):  # some systems lack some signals
                signal.signal(getattr(signal, name), self._stop)

    def _stop(self, *_args: object) -> None:
        # Do not raise: a server that has just started might not be recorded yet.
        self.stopped = True

    def _check(self, servers: list[Server]) -> None:
        if find_spec("oauth2_provider") is None:
            raise DemoError("The demo needs django-oauth-toolkit: pip install -e '.[demo]'")
        if len({server.port for server in servers}) < len(servers):
            raise DemoError("Each site and the identity provider need a port of their own.")
        for server in servers:
            server.check_port()

    def _run(self, servers: list[Server], text: str) -> None:
        try:
            for server in servers:
                server.start()
            if self._wait_until_ready(servers):
                self.stdout.write(text)
                self.stdout.flush()
            while not self.stopped:
                self._pause_and_check(servers)
        finally:
            for server in servers:
                server.end()

    def _wait_until_ready(self, servers: list[Server]) -> bool:
        deadline = time.monotonic() + SECONDS_TO_START
        waiting = list(servers)
        while waiting and not self.stopped:
            self._pause_and_check(servers)
            waiting = [server for server in waiting if not server.is_ready()]
            if waiting and time.monotonic() > deadline:
                raise waiting[0].timed_out(SECONDS_TO_START)
        return not waiting

    def _pause_and_check(self, servers: list[Server]) -> None:
        time.sleep(SECONDS_BETWEEN_CHECKS)
        # The signal to stop may have reached the servers first.
        if not self.stopped:
            for server in servers:
                server.check_alive()

    def _fill(self, text: str, sites: list[Site], servers: list[Server]) -> str:
        people = (
            f"    {person.username:<6} with the password  {person.password:<10}"
            + ("(may use the sites' /admin/)" if person.staff and len(servers) > 1 else "")
            for person in PEOPLE
        )
        one, two = sites
        return text.format(
            addresses="\n".join(f"  {server.title:<24}{server.url}" for server in servers),
            people="\n".join(line.rstrip() for line in people),
            one=one,
            two=two,
            logs=f" The logs are in {VAR}" if servers[0].log else "",
        )
