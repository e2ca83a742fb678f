"""The servers of the demo. Each runs in its own process."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .agreed import Provider, Site

PROVIDER_SETTINGS = "django_oidc_logout.demo.provider.settings"
SECONDS_TO_RESPOND = 5
SECONDS_TO_STOP = 5


class DemoError(Exception):
    """The reason why the demo stops, in one line for people."""


@dataclass
class Server:
    """A server and its process."""

    name: str
    url: str
    command: list[str]
    environment: dict[str, str]
    """Variables to add to this process's environment."""
    port_option: str
    """The option of `manage.py demo` that changes the port."""
    log: Path | None
    """The file for its output; without one, it shares this process's output."""
    probe: str = "/"
    """The path that returns 200 once the server is ready."""
    folder: Path | None = None
    """The folder that Python imports the project from, unless it is installed or current."""
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def title(self) -> str:
        """The name, capitalised for the start of a sentence."""
        return self.name[0].upper() + self.name[1:]

    @property
    def host(self) -> str:
        """The host in the URL."""
        return str(urlsplit(self.url).hostname)

    @property
    def port(self) -> int:
        """The port in the URL."""
        return int(urlsplit(self.url).port or 80)

    def check_port(self) -> None:
        """Raise `DemoError` if a browser could reach something else at the host and port."""
        addresses = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        for family, _, _, _, address in addresses:
            try:
                socket.create_server(address[:2], family=family).close()
            except OSError as exc:
                # A machine without IPv6 may still resolve the host to ::1.
                if exc.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                    continue
                reason = "is taken" if exc.errno == errno.EADDRINUSE else "cannot be used"
                raise DemoError(
                    f"Port {self.port} {reason}. Choose another one for {self.name} "
                    f"with {self.port_option}."
                ) from exc

    def start(self) -> None:
        """Start the process in its own session, so that Ctrl-C reaches only this process."""
        output = self._output()
        self.process = subprocess.Popen(  # noqa: S603 - the command is ours
            self.command,
            cwd=self.folder,
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
        """Raise `DemoError` if the process has stopped by itself."""
        code = self.process.poll() if self.process else None
        if code is not None:
            raise DemoError(f"{self.title} stopped with exit code {code}. {self._see_output}")

    def is_ready(self) -> bool:
        """Return whether the server is ready. Raise `DemoError` if it is broken.

        The request does not use a proxy.
        """
        connection = HTTPConnection(self.host, self.port, timeout=SECONDS_TO_RESPOND)
        try:
            connection.request("GET", self.probe)
            response = connection.getresponse()
            response.read()
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()
        if response.status != HTTPStatus.OK:
            raise DemoError(f"{self.title} responds with {response.status}. {self._see_output}")
        return True

    def timed_out(self, seconds: int) -> DemoError:
        """Return the error for a server that is not ready in time."""
        return DemoError(
            f"{self.title} did not respond within {seconds} seconds. {self._see_output}"
        )

    def end(self) -> None:
        """Terminate the process, or kill it if it does not stop. Do nothing if it never started."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()

    @property
    def _see_output(self) -> str:
        return f"See {self.log}." if self.log else "See its output above."


def agreement(sites: Sequence[Site], provider: Provider, var: Path) -> dict[str, str]:
    """Return the environment variables with the addresses of all servers."""
    return {
        "DEMO_SITE_PORTS": ",".join(str(site.port) for site in sites),
        "DEMO_IDP_PORT": str(provider.port),
        "DEMO_IDP_HOST": provider.host,
        "DEMO_VAR": str(var),
        # The servers call each other directly, even if the machine uses a proxy.
        "NO_PROXY": "localhost,127.0.0.1",
        "no_proxy": "localhost,127.0.0.1",
    }


def site_server(
    site: Site,
    *,
    settings: str,
    environment: dict[str, str],
    log: Path | None,
    folder: Path | None = None,
) -> Server:
    """Return the server of a site."""
    return Server(
        name=site.name,
        url=site.url,
        command=served_at(site.port),
        environment=environment
        | {
            "DEMO_NAME": site.name,
            "DEMO_SITE_PORT": str(site.port),
            "DJANGO_SETTINGS_MODULE": settings,
        },
        port_option=site.port_option,
        log=log,
        folder=folder,
    )


def provider_server(provider: Provider, *, environment: dict[str, str], log: Path | None) -> Server:
    """Return the server of the identity provider."""
    return Server(
        name="the identity provider",
        url=provider.url,
        command=served_at(provider.port),
        environment=environment
        | {"DEMO_NAME": "Identity provider", "DJANGO_SETTINGS_MODULE": PROVIDER_SETTINGS},
        port_option="--idp-port",
        probe="/.well-known/openid-configuration",
        log=log,
    )


def served_at(port: int) -> list[str]:
    """Return the command that serves a project at a port."""
    return [sys.executable, "-m", "django_oidc_logout.demo.serve", f"127.0.0.1:{port}"]
