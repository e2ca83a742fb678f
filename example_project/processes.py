"""The servers of the demo, each a process of its own."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .agreed import Provider, Site

ROOT = Path(__file__).parent.parent
SECONDS_TO_ANSWER = 5
SECONDS_TO_END = 5


class DemoError(Exception):
    """Why the demo cannot go on, in one line for people."""


@dataclass
class Server:
    """A server and its process."""

    name: str
    url: str
    command: list[str]
    environment: dict[str, str]
    """What it needs beside our own."""
    port_option: str
    """The option that gives it another port."""
    log: Path | None
    """Where its output goes; None: where ours goes."""
    probe: str = "/"
    """The path that answers 200 once the server is up."""
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def title(self) -> str:
        """The name as a sentence begins with it."""
        return self.name[0].upper() + self.name[1:]

    @property
    def host(self) -> str:
        """The host in the address."""
        return str(urlsplit(self.url).hostname)

    @property
    def port(self) -> int:
        """The port in the address."""
        return int(urlsplit(self.url).port or 80)

    def check_port(self) -> None:
        """Fail unless the port is free on every address that a browser may try for the host."""
        addresses = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        for family, _, _, _, address in addresses:
            try:
                socket.create_server(address[:2], family=family).close()
            except OSError as exc:
                # A machine without IPv6 may know the name ::1 all the same.
                if exc.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                    continue
                reason = "is taken" if exc.errno == errno.EADDRINUSE else "cannot be used"
                raise DemoError(
                    f"Port {self.port} {reason}: choose another one for {self.name} "
                    f"with {self.port_option}."
                ) from exc

    def start(self) -> None:
        """Start the process, out of reach of the terminal's Ctrl-C: ending it is our job."""
        output = self._output()
        self.process = subprocess.Popen(  # noqa: S603 - the command is ours
            self.command,
            cwd=ROOT,
            env=os.environ | self.environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            start_new_session=True,
        )
        if output:
            output.close()

    def _output(self) -> IO[bytes] | None:
        return self.log.open("wb") if self.log else None

    def check_alive(self) -> None:
        """Fail if the process has ended, which nobody asked it to."""
        code = self.process.poll() if self.process else None
        if code is not None:
            raise DemoError(f"{self.title} ended by itself (exit code {code}). {self._where}")

    def answers(self) -> bool:
        """Tell whether the server is up, without any proxy in between; fail if it is broken."""
        connection = HTTPConnection(self.host, self.port, timeout=SECONDS_TO_ANSWER)
        try:
            connection.request("GET", self.probe)
            response = connection.getresponse()
            response.read()
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()
        if response.status != HTTPStatus.OK:
            raise DemoError(f"{self.title} answers with {response.status}. {self._where}")
        return True

    def late(self, seconds: int) -> DemoError:
        """Say that the server does not answer."""
        return DemoError(f"{self.title} did not answer within {seconds} seconds. {self._where}")

    def end(self) -> None:
        """End the process, by force if it does not end by itself; fine if it never ran."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()

    @property
    def _where(self) -> str:
        return f"See {self.log}." if self.log else "See its output above."


def agreement(sites: Sequence[Site], provider: Provider, var: Path) -> dict[str, str]:
    """Return the environment in which all servers agree on each other's addresses."""
    return {
        "DEMO_SITE_PORTS": ",".join(str(site.port) for site in sites),
        "DEMO_IDP_PORT": str(provider.port),
        "DEMO_VAR": str(var),
        # They ask each other directly, whatever proxy the machine uses.
        "NO_PROXY": "localhost,127.0.0.1",
        "no_proxy": "localhost,127.0.0.1",
    }


def site_server(
    site: Site, *, settings: str, environment: dict[str, str], log: Path | None
) -> Server:
    """Return the server of a site."""
    return Server(
        name=site.name,
        url=site.url,
        command=_serve(site.port),
        environment=environment
        | {"DEMO_SITE_PORT": str(site.port), "DJANGO_SETTINGS_MODULE": settings},
        port_option=site.port_option,
        log=log,
    )


def provider_server(provider: Provider, *, environment: dict[str, str], log: Path | None) -> Server:
    """Return the server of the identity provider."""
    return Server(
        name="the identity provider",
        url=provider.url,
        command=_serve(provider.port),
        environment=environment | {"DJANGO_SETTINGS_MODULE": "example_project.idp.settings"},
        port_option="--idp-port",
        probe="/.well-known/openid-configuration",
        log=log,
    )


def _serve(port: int) -> list[str]:
    return [sys.executable, "-m", "example_project.serve", f"127.0.0.1:{port}"]
