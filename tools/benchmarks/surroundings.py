"""What the benchmarks need: an identity provider, servers, and a worker for each peer."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import uuid
from contextlib import contextmanager
from pathlib import Path

import jwt

from tests.idp import KID, IdP, signing_key

ROOT = Path(__file__).parents[2]
PEERS = tomllib.loads((ROOT / "tools" / "benchmarks" / "peers.toml").read_text())
NUMBERS = itertools.count()
EVENT = "http://schemas.openid.net/event/backchannel-logout"
SESSION_REVOKED = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"


def folder_of(peer):
    """Return the folder of a peer that has an environment of its own."""
    return Path(sys.prefix) / "peers" / peer


def interpreter_of(peer):
    """Return the interpreter that a peer runs on, or None if it has not been installed."""
    if "packages" in PEERS[peer]:
        return shutil.which("node") if (folder_of(peer) / "node_modules").exists() else None
    if "requirements" not in PEERS[peer]:
        return sys.executable
    python = folder_of(peer) / "bin" / "python"
    return str(python) if python.exists() else None


def install():
    """Create the environment of each peer that needs one: from PyPI, or with npm if it exists."""
    for peer, about in PEERS.items():
        if "requirements" in about:
            _install_from_pypi(folder_of(peer), about["requirements"])
        if "packages" in about and shutil.which("npm"):
            _install_by_npm(folder_of(peer), about["packages"])


def _install_from_pypi(folder, requirements):
    import django

    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet"]
    wanted = [f"django=={django.__version__}", *requirements]
    subprocess.run([*pip, "--disable-pip-version-check", *wanted], check=True)


def _install_by_npm(folder, packages):
    npm = ["npm", "install", "--prefix", folder, "--loglevel=error", "--no-audit", "--no-fund"]
    npm += ["--no-save", "--no-package-lock", "--engine-strict"]
    subprocess.run([*npm, *packages], check=False)  # a Node that is too old: npm says so


class _Timed(list):
    """The requests, each with its time: (seconds, (method, path))."""

    def append(self, asked):
        super().append((time.monotonic(), asked))


class Provider:
    """An identity provider on loopback, and the tokens that it issues."""

    def __init__(self):
        self.idp = IdP()
        self.idp.asked = _Timed()
        self.idp.start()
        self.issuer = self.idp.issuer
        self.idp.metadata |= {
            name: f"{self.issuer}/{path}"
            for name, path in {
                "authorization_endpoint": "authorize",
                "token_endpoint": "token",
                "userinfo_endpoint": "userinfo",
            }.items()
        }

    def claims(self, **claims):
        """Return a sign-in: an ID Token and its claims."""
        said = {"sub": "ada", "sid": uuid.uuid4().hex, **claims}
        return {**said, "id_token": self.idp.id_token(**said, preferred_username="ada")}

    def will_issue(self, claims, **more):
        """Issue the ID Token of this sign-in for the next code."""
        token = self.idp.id_token(sub=claims["sub"], sid=claims["sid"], **more)
        self.idp.token_response = {"token_type": "Bearer", "id_token": token}

    def logout(self, claims, *, names=("sub", "sid"), **more):
        """Return a sign-in and the logout token that ends it."""
        return {"claims": claims, "token": self.sign({n: claims[n] for n in names}), **more}

    def sign(self, claims, key=None, kid=KID, typ="logout+jwt"):
        """Return a logout token, or another token that reports an event."""
        now = int(time.time())
        standard = {
            "iss": self.issuer,
            "aud": "site",
            "iat": now,
            "jti": uuid.uuid4().hex,
            **({"exp": now + 120, "events": {EVENT: {}}} if typ == "logout+jwt" else {}),
        }
        headers = {"kid": kid, "typ": typ}
        return jwt.encode({**standard, **claims}, key or signing_key(), "RS256", headers=headers)

    def security_event(self, kind):
        """Return a sign-in of somebody new, and the security event that ends it."""
        sub = uuid.uuid4().hex
        email = f"{sub}@example.com"
        claims = self.claims(sub=sub, email=email, email_verified=True)
        session = {"format": "opaque", "id": claims["sid"]}
        subject = {
            "sub": {"format": "iss_sub", "iss": self.issuer, "sub": sub},
            "email": {"format": "email", "email": email},
            "session": {"format": "complex", "session": session},
        }[kind]
        said = {"sub_id": subject, "events": {SESSION_REVOKED: {}}}
        return {"claims": claims, "token": self.sign(said, typ="secevent+jwt")}


@contextmanager
def servers():
    """Yield the URLs of PostgreSQL and Redis: from the environment, or of servers started here."""
    if os.environ.get("POSTGRESQL_URL") and os.environ.get("REDIS_URL"):
        yield os.environ["POSTGRESQL_URL"], os.environ["REDIS_URL"]
        return
    with tempfile.TemporaryDirectory() as folder:
        script = str(ROOT / ".ci" / "servers")
        subprocess.run([script, "start", folder], check=True, stdout=sys.stderr)
        try:
            lines = (Path(folder) / "env").read_text().splitlines()
            found = dict(line.removeprefix("export ").split("=", 1) for line in lines)
            yield found["POSTGRESQL_URL"], found["REDIS_URL"]
        finally:
            subprocess.run([script, "stop", folder], check=True, stdout=sys.stderr)


class Worker:
    """A process with a peer's site, and with a database of its own that is dropped at the end."""

    def __init__(self, peer, issuer, addresses, engine="db"):
        self.peer, self.database = peer, ""
        database_url, cache_url = addresses
        if database_url:
            self.server, _, _ = database_url.rpartition("/")
            self.database = f"benchmarks_{uuid.uuid4().hex}"
            self._on_the_server(f"CREATE DATABASE {self.database}")
            database_url = f"{self.server}/{self.database}"
        if cache_url:  # clearing one of Redis's databases leaves the others alone
            cache_url = f"{cache_url}/{next(NUMBERS) % 16}"
        site = {"peer": peer, "issuer": issuer, "engine": engine}
        site |= {"database_url": database_url, "cache_url": cache_url}
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115  # as long as the process
        self.process = subprocess.Popen(
            [interpreter_of(peer), "-m", "tools.benchmarks.worker", json.dumps(site)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        try:
            self.about = self.do("set_up")
        except Exception:
            self.end()
            raise

    def _on_the_server(self, sql):
        import psycopg

        with psycopg.connect(f"{self.server}/postgres", autocommit=True) as connection:
            connection.execute(sql)

    def do(self, task, **arguments):
        """Run a task of `tasks` in it, and return the result."""
        self.process.stdin.write(json.dumps({"do": task, **arguments}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            raise RuntimeError(f"{self.peer} has ended: {self.log.read()[-2000:]}")
        answer = json.loads(line)
        if "failed" in answer:
            raise RuntimeError(f"{self.peer} failed: {answer['failed']}")
        return answer["done"]

    def end(self):
        """End it, and drop its database."""
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()
        self.log.close()
        if self.database:
            self._on_the_server(f"DROP DATABASE IF EXISTS {self.database} WITH (FORCE)")
