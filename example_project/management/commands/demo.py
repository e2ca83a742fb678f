"""Run the whole example: the site and its identity provider."""

from __future__ import annotations

import os
import signal
import sys
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from example_project.agreed import PEOPLE, PROVIDER, SITE, VAR, Provider, Site, port
from example_project.processes import DemoError, Server

if TYPE_CHECKING:
    from argparse import ArgumentParser

SECONDS_TO_START = 90
SECONDS_BETWEEN_LOOKS = 0.1
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
QUIET = 1

TEXT = """
  The site                {site}
  The identity provider   {provider}

  Sign in as
{people}

  What to try
    1. Open the site, sign in, and press "Sign out".
    2. Press "Sign in": the identity provider asks for the password again.
       You are signed out there, too, and not just here.

  Ctrl-C ends both.{logs}
"""


class Command(BaseCommand):
    """Start both servers, say where they are, and end both on Ctrl-C."""

    help = "Run the example site and its identity provider until Ctrl-C."
    requires_system_checks = ()  # each server checks itself
    stopped = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the ports from here, else from the environment."""
        parser.add_argument("--site-port", type=port, default=SITE.port)
        parser.add_argument("--idp-port", type=port, default=PROVIDER.port)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run until a signal or a failure."""
        site, provider = Site(options["site_port"]), Provider(options["idp_port"])
        servers = self._servers(site, provider, quiet=options["verbosity"] <= QUIET)
        self._listen_to_signals()
        try:
            self._check(servers)
            self._run(servers, self._text(site, provider, servers))
        except DemoError as error:
            self.stderr.write(str(error))
            sys.exit(1)

    def _servers(self, site: Site, provider: Provider, *, quiet: bool) -> list[Server]:
        environment = {
            "DEMO_SITE_PORT": str(site.port),
            "DEMO_IDP_PORT": str(provider.port),
            "DEMO_VAR": str(VAR),
            # The site asks the provider directly, whatever proxy the machine uses.
            "NO_PROXY": "localhost,127.0.0.1",
            "no_proxy": "localhost,127.0.0.1",
        }
        return [
            Server(
                name="the site",
                url=site.url,
                settings=os.environ["DJANGO_SETTINGS_MODULE"],
                environment=environment,
                port_option="--site-port",
                log=VAR / "site.log" if quiet else None,
            ),
            Server(
                name="the identity provider",
                url=provider.url,
                settings="example_project.idp.settings",
                environment=environment,
                port_option="--idp-port",
                probe="/.well-known/openid-configuration",
                log=VAR / "idp.log" if quiet else None,
            ),
        ]

    def _listen_to_signals(self) -> None:
        for name in SIGNALS:
            if hasattr(signal, name):  # not every system has every signal
                signal.signal(getattr(signal, name), self._stop)

    def _stop(self, *_args: object) -> None:
        # No exception: one could fall between starting a server and remembering it.
        self.stopped = True

    def _check(self, servers: list[Server]) -> None:
        if find_spec("oauth2_provider") is None:
            raise DemoError("The demo needs django-oauth-toolkit: pip install -e '.[demo]'")
        if len({server.port for server in servers}) < len(servers):
            raise DemoError("The site and the identity provider need a port each.")
        for server in servers:
            server.check_port()

    def _run(self, servers: list[Server], text: str) -> None:
        try:
            for server in servers:
                server.start()
            if self._wait_for_answers(servers):
                self.stdout.write(text)
                self.stdout.flush()
            while not self.stopped:
                self._look_after(servers)
        finally:
            for server in servers:
                server.end()

    def _wait_for_answers(self, servers: list[Server]) -> bool:
        deadline = time.monotonic() + SECONDS_TO_START
        waiting = list(servers)
        while waiting and not self.stopped:
            self._look_after(servers)
            waiting = [server for server in waiting if not server.answers()]
            if waiting and time.monotonic() > deadline:
                raise waiting[0].late(SECONDS_TO_START)
        return not waiting

    def _look_after(self, servers: list[Server]) -> None:
        time.sleep(SECONDS_BETWEEN_LOOKS)
        # A stop that was asked for meanwhile may have reached the servers before us.
        if not self.stopped:
            for server in servers:
                server.check_alive()

    def _text(self, site: Site, provider: Provider, servers: list[Server]) -> str:
        people = (
            f"    {person.username:<6} with the password  {person.password:<9}"
            + (f"(may enter {site.url}/admin/)" if person.staff else "")
            for person in PEOPLE
        )
        return TEXT.format(
            site=site.url,
            provider=provider.url,
            people="\n".join(line.rstrip() for line in people),
            logs=f" Their logs are in {VAR}" if servers[0].log else "",
        )
