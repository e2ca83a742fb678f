"""The guide's site under Daphne and uvicorn: its sockets and streams end with their session.

The layer is in memory, where one process does all, or in Redis, where another process signs out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import jwt
import pytest
import requests

from e2e.channels import mysite
from tests.absence import need, need_package
from tests.docs.markdown import ROOT, blocks_of
from tests.ports import free_port

PATIENCE = 30  # seconds, of which a test that passes needs none
IN_MEMORY = "channels.layers.InMemoryChannelLayer"
REDIS = ["channels_redis.core.RedisChannelLayer", "channels_redis.pubsub.RedisPubSubChannelLayer"]
SERVERS = {
    "daphne": ["daphne", "-b", "127.0.0.1", "-p", "{port}", "mysite.asgi:application"],
    "uvicorn": ["uvicorn", "--port", "{port}", "--lifespan=off", "mysite.asgi:application"],
}
SECRET = "the secret of the site, which is long enough"


class Site:
    """The guide's site, in a folder of its own."""

    def __init__(self, folder, **environment):
        self.folder = folder
        package = folder / "mysite"
        package.mkdir(parents=True)
        texts = [block.text for block in blocks_of(GUIDE.read_text())]
        blocks = {text.partition("\n")[0]: text for text in texts}
        (stream,) = (text for text in texts if "def stream" in text)
        for name, text in {
            "__init__": "",
            "settings": mysite.SETTINGS,
            "urls": mysite.URLS,
            "views": mysite.VIEWS + stream,
            "consumers": blocks["# mysite/consumers.py"],
            "asgi": blocks["# mysite/asgi.py"],
        }.items():
            (package / f"{name}.py").write_text(text)
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
            "DJANGO_SETTINGS_MODULE": "mysite.settings",
            "SITE_ENGINE": "django.contrib.sessions.backends.db",
            **environment,
        }
        self.manage("migrate", "--verbosity=0")

    def manage(self, *arguments, **more):
        command = [sys.executable, "-m", "django", *arguments]
        subprocess.run(command, cwd=self.folder, env=self.environment | more, check=True)

    @contextmanager
    def serving(self, server):
        """Serve the site and yield the server's address, without a scheme."""
        port = str(free_port())
        words = [word.format(port=port) for word in SERVERS[server]]
        log = self.folder / f"{server}.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *words],
                cwd=self.folder,
                env=self.environment,
                stdout=output,
                stderr=output,
            )
            try:
                wait_for(port, process, log)
                yield f"127.0.0.1:{port}"
            finally:
                process.terminate()
                process.wait(PATIENCE)


def wait_for(port, process, log):
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        try:
            requests.get(f"http://127.0.0.1:{port}/oidc/logout/status/", timeout=PATIENCE)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(log.read_text())


class Person:
    """Somebody's browser, which opens sockets at one server and clicks at another."""

    def __init__(self, name, sockets, clicks):
        self.name, self.sockets, self.clicks = name, sockets, clicks
        self.session, self.connections = requests.Session(), ExitStack()

    def sign_in(self):
        self.session.get(f"http://{self.clicks}/sign-in/{self.name}/", timeout=PATIENCE)
        return self

    def socket(self):
        from websockets.sync.client import connect  # noqa: PLC0415  # may be absent

        cookies = "; ".join(f"{name}={value}" for name, value in self.session.cookies.items())
        headers = {"Cookie": cookies} if cookies else {}
        uri = f"ws://{self.sockets}/notes/"
        manager = connect(uri, additional_headers=headers, open_timeout=PATIENCE, proxy=None)
        return self.connections.enter_context(manager)

    def opened(self):
        connection = self.socket()
        assert self.is_served(connection)
        return connection

    def is_served(self, connection):
        connection.send("{}")
        return connection.recv(PATIENCE) == f'{{"user": "{self.name}"}}'

    def stream(self):
        url = f"http://{self.sockets}/stream/"
        lines = self.session.get(url, stream=True, timeout=PATIENCE).iter_lines()
        assert next(lines) == f"data: {self.name}".encode()
        return lines

    def sign_out(self):
        url = f"http://{self.clicks}/oidc/logout/"
        token = self.session.get(url, timeout=PATIENCE).cookies["csrftoken"]
        fields = {"csrfmiddlewaretoken": token}
        answer = self.session.post(url, fields, allow_redirects=False, timeout=PATIENCE)
        assert answer.status_code == 302


def send_logout_token(person):
    claims = {
        "iss": "https://idp.example.com",
        "aud": "site",
        "iat": int(time.time()),
        "jti": os.urandom(8).hex(),
        "sid": f"sid of {person.name}",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    }
    token = jwt.encode(claims, SECRET, algorithm="HS256")
    url = f"http://{person.clicks}/oidc/logout/backchannel/"
    answer = requests.post(url, {"logout_token": token}, timeout=PATIENCE)
    assert answer.status_code == 200, answer.text


def assert_closed(connection):
    from websockets.exceptions import ConnectionClosed  # noqa: PLC0415  # may be absent

    with pytest.raises(ConnectionClosed) as closed:
        connection.recv(PATIENCE)
    assert closed.value.rcvd.code == 4401


def assert_refused(person):
    from websockets.exceptions import InvalidStatus  # noqa: PLC0415  # may be absent

    with pytest.raises(InvalidStatus) as refused:
        person.socket()
    assert refused.value.response.status_code == 403


GUIDE = ROOT / "docs" / "how-to" / "websockets.md"


@pytest.fixture(autouse=True)
def _packages():
    for name in ("channels", "daphne", "uvicorn", "websockets", "channels_redis"):
        need_package(name, name)


@pytest.fixture(scope="module")
def redis():
    """Return the URL of a Redis: the one that runs, or this module's own."""
    if "REDIS_URL" in os.environ:
        yield os.environ["REDIS_URL"]
        return
    need(shutil.which("redis-server"), "redis-server")
    servers = ROOT / ".ci" / "servers"
    with TemporaryDirectory() as folder:  # not pytest's, which only one user can read
        subprocess.run([servers, "start", folder, "redis"], check=True)
        try:
            yield f"redis://127.0.0.1:{Path(folder, 'redis.port').read_text().strip()}"
        finally:
            subprocess.run([servers, "stop", folder], check=True)


def sessions_end(sockets, clicks, site):
    """Go through all ways in which sockets and streams end."""
    ada, grace = (Person(name, sockets, clicks).sign_in() for name in ("ada", "grace"))
    nobody = Person("AnonymousUser", sockets, clicks)
    others = [(person, person.opened()) for person in (grace, nobody)]
    mine, too, stream = ada.opened(), ada.opened(), ada.stream()
    cookies = ada.session.cookies.copy()
    ada.sign_out()
    assert_closed(mine)
    assert_closed(too)
    assert not any(stream)
    ada.session.cookies = cookies  # the page of before
    assert_refused(ada)

    ada = Person("ada", sockets, clicks).sign_in()
    mine, stream = ada.opened(), ada.stream()
    send_logout_token(ada)
    assert_closed(mine)
    assert not any(stream)
    assert_refused(ada)

    ada = Person("ada", sockets, clicks).sign_in()
    if site:  # a command is a process of its own
        mine = ada.opened()
        site.manage("oidc_logout_end_sessions", "--user", "ada", "--no-input")
        assert_closed(mine)
    assert all(person.is_served(connection) for person, connection in others)
    for person, _ in others:
        person.connections.close()


@pytest.mark.parametrize("engine", ["db", "signed_cookies"])
@pytest.mark.parametrize("server", SERVERS)
def test_in_one_process(tmp_path, server, engine):
    engine = f"django.contrib.sessions.backends.{engine}"
    site = Site(tmp_path, SITE_LAYER=IN_MEMORY, SITE_ENGINE=engine)
    with site.serving(server) as address:
        sessions_end(address, address, None)


@pytest.mark.parametrize("layer", REDIS)
def test_across_processes(tmp_path, redis, layer):
    site = Site(tmp_path, SITE_LAYER=layer, REDIS_URL=redis)
    with ExitStack() as stack:
        daphne, uvicorn = (stack.enter_context(site.serving(name)) for name in SERVERS)
        sessions_end(daphne, uvicorn, site)
        sessions_end(uvicorn, daphne, site)
