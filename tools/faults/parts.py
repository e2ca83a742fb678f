"""The parts of the run: servers, the provider and three nodes of the site. Each can be killed.

Everything is started in a process group of its own, ended by its id, and logs into one folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.ports import free_ports

from .processes import LAST_LINES, PATIENCE, ROOT, Part, has_ended, listens, wait_until
from .provider import Signer

SERVERS = ROOT / ".ci" / "servers"
GUNICORN = (
    *("gunicorn", "tools.faults.serve:wsgi", "--bind=127.0.0.1:{port}", "--workers=2"),
    *("--preload", "--log-level=warning"),  # a worker that was killed is replaced by a fork
)
UVICORN = "uvicorn", "tools.faults.serve:asgi", "--port={port}", "--workers=2", "--lifespan=off"
NODES = {
    "wsgi": (*GUNICORN, "--threads=4"),
    "asgi": (*UVICORN, "--log-level=warning"),
    "sync": (*GUNICORN, "--timeout=4"),  # without threads, the time-out stops the request itself
}


class World:
    """A folder with everything in it. Use it in a `with`: whatever happens, all of it ends."""

    def __init__(self, engine, database):
        self.engine = engine
        self.database = database
        # Not pytest's folder: PostgreSQL runs as another user, who may not look into that.
        self.folder = Path(tempfile.mkdtemp(prefix="faults-"))
        self.folder.chmod(0o711)
        self.servers = self.folder / "servers"
        self.sqlite = self.folder / "site.sqlite3"
        self.parts = []

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.show_logs()
            self._end()
            raise
        return self

    def __exit__(self, exception, *_):
        if exception is not None:
            self.show_logs()
        self._end()

    def _start(self):
        urls = self.start_servers()
        self.ports = dict(zip(("provider", *NODES), free_ports(1 + len(NODES)), strict=True))
        issuer = f"http://127.0.0.1:{self.ports['provider']}"
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.signer = Signer(issuer, key)
        environment = {
            "DJANGO_SETTINGS_MODULE": "tools.faults.settings",
            "DATABASE_URL": self.create_database(urls),
            "CACHE_URL": urls["REDIS_URL"],
            "ENGINE": self.engine,
            "ISSUER": issuer,
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }
        self.run(environment, "-m", "django", "migrate", "--verbosity=0")
        self.provider = self.part(
            "provider",
            environment,
            "tools.faults.provider",
            self.ports["provider"],
            self.write(key),
        )
        self.wsgi, self.asgi, self.sync = (
            self.part(name, environment, *(one.format(port=self.ports[name]) for one in arguments))
            for name, arguments in NODES.items()
        )
        for part in self.parts:
            part.start()
        for part in self.parts:
            self.wait_until_it_listens(part)

    def write(self, key):
        """Write the provider's key into a file that only its owner can read; return its path."""
        file = self.folder / "key.pem"
        file.touch(mode=0o600)
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return file

    def part(self, name, environment, module, *arguments):
        command = (sys.executable, "-m", module, *map(str, arguments))
        self.parts.append(Part(name, self.folder, environment, *command))
        return self.parts[-1]

    def run(self, environment, *arguments):
        subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**os.environ, **environment},
            check=True,
            timeout=4 * PATIENCE,
        )

    def wait_until_it_listens(self, part):
        wait_until(lambda: listens(self.ports[part.name]), part.name, part)

    def _end(self):
        for part in reversed(self.parts):
            part.stop()
        if self.servers.exists():
            subprocess.run([SERVERS, "stop", self.servers], check=True, timeout=4 * PATIENCE)
        shutil.rmtree(self.folder)

    def show_logs(self):
        for part in self.parts:
            print(f"\n---- the last lines of {part.name}\n{part.tail()}")  # noqa: T201
        for log in sorted(self.servers.glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
            print(f"\n---- the last lines of {log.name}\n" + "\n".join(lines))  # noqa: T201

    # The servers.

    def start_servers(self):
        """Start what does not run, on the same ports and with the same data; return the URLs."""
        subprocess.run(
            [SERVERS, "start", self.servers, "redis", *{"postgresql"} & {self.database}],
            env={**os.environ, "REDIS_AOF": "yes"},
            check=True,
            timeout=4 * PATIENCE,
        )
        lines = (self.servers / "env").read_text().splitlines()
        return dict(line.removeprefix("export ").split("=", 1) for line in lines)

    def create_database(self, urls):
        """Create the site's database; return its URL."""
        if self.database == "sqlite":
            return f"sqlite://{self.sqlite}"
        import psycopg  # noqa: PLC0415  # wanted when servers run only

        server, _, name = urls["POSTGRESQL_URL"].rpartition("/")
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return urls["POSTGRESQL_URL"]

    def end_server(self, name, number):
        """Send a server a signal that ends it, and wait until it has."""
        pid = self.pid_of(name)
        os.kill(pid, number)
        wait_until(lambda: has_ended(pid), f"the end of {name}")
        (self.servers / f"{name}.pid").unlink()

    def pid_of(self, name):
        return int((self.servers / f"{name}.pid").read_text())
