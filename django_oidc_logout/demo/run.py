"""Running the servers of the demo until Ctrl-C."""

from __future__ import annotations

import signal
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING

from .agreed import PEOPLE, VAR
from .processes import DemoError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .processes import Server

SECONDS_TO_START = 90
SECONDS_BETWEEN_CHECKS = 0.1
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


class Run:
    """A run of some servers, which ends when a signal arrives or one of them fails."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self.servers = servers
        self.is_stopped = False

    def go(self, when_ready: Callable[[], None]) -> None:
        """Run until a signal arrives. `when_ready` is called once all servers are ready.

        Raises:
            DemoError: a port is taken, or a server fails.
        """
        for name in SIGNALS:
            if hasattr(signal, name):  # some systems lack some signals
                signal.signal(getattr(signal, name), self._stop)
        self._check()
        try:
            for server in self.servers:
                server.start()
            if self._wait_until_ready():
                when_ready()
            while not self.is_stopped:
                self._pause_and_check()
        finally:
            for server in self.servers:
                server.end()

    def _stop(self, *_args: object) -> None:
        # Do not raise: a server that has just started might not be recorded yet.
        self.is_stopped = True

    def _check(self) -> None:
        if find_spec("oauth2_provider") is None:
            raise DemoError(
                "The demo needs django-oauth-toolkit: pip install 'django-oidc-logout[demo]'"
            )
        if len({server.port for server in self.servers}) < len(self.servers):
            raise DemoError("Each server of the demo needs a port of its own.")
        for server in self.servers:
            server.check_port()

    def _wait_until_ready(self) -> bool:
        deadline = time.monotonic() + SECONDS_TO_START
        waiting = list(self.servers)
        while waiting and not self.is_stopped:
            self._pause_and_check()
            waiting = [server for server in waiting if not server.is_ready()]
            if waiting and time.monotonic() > deadline:
                raise waiting[0].timed_out(SECONDS_TO_START)
        return not waiting

    def _pause_and_check(self) -> None:
        time.sleep(SECONDS_BETWEEN_CHECKS)
        # The signal to stop may have reached the servers first.
        if not self.is_stopped:
            for server in self.servers:
                server.check_alive()


def addresses(servers: Sequence[Server]) -> str:
    """Return a line for each server: its name and address."""
    return "\n".join(f"  {server.title:<24}{server.url}" for server in servers)


def people(*, for_staff: str = "") -> str:
    """Return a line for each person who can sign in. `for_staff` is added for staff."""
    lines = (
        f"    {person.username:<6} with the password  {person.password:<10}"
        + (for_staff if person.staff else "")
        for person in PEOPLE
    )
    return "\n".join(line.rstrip() for line in lines)


def where_logs_are(servers: Sequence[Server]) -> str:
    """Return a sentence that names the folder of the logs, if there are any."""
    return f" The logs are in {VAR}" if servers[0].log else ""
