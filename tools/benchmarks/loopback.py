"""Over HTTP on loopback: ours beside a peer that is not a Django app, and one client for both.

Both have the same paths. People sign in through the provider, the client posts a logout token,
and a page says who is signed in. Connections are persistent.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlencode, urlsplit

from .measuring import Comparison, ms
from .surroundings import NUMBERS, PEERS, ROOT, folder_of, interpreter_of


@dataclass
class Answer:
    """A response, and its time."""

    status: int
    location: str
    cookies: dict
    text: str
    seconds: float


class Client:
    """A client in the role of a browser, and of the provider."""

    def __init__(self, port):
        self.connection = HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(self, method, path, *, form=None, cookies=None):
        """Send a request, and measure until the whole response has arrived."""
        headers = {
            "Host": "site.example",
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": "; ".join(f"{name}={value}" for name, value in (cookies or {}).items()),
        }
        body = urlencode(form or {})
        began = time.perf_counter()
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        seconds = time.perf_counter() - began
        received = SimpleCookie()
        for cookie in answer.headers.get_all("Set-Cookie", []):
            received.load(cookie)
        values = {name: cookie.value for name, cookie in received.items()}
        return Answer(answer.status, answer.headers["Location"], values, text, seconds)

    def who(self, cookies):
        """Return who is signed in."""
        return self.ask("GET", "/who/", cookies=cookies).text

    def sign_in(self, provider, claims):
        """Go to the provider and back; return the cookies."""
        gone = self.ask("GET", "/oidc/authenticate/")
        asked = parse_qs(urlsplit(gone.location).query)
        provider.will_issue(claims, nonce=asked["nonce"][0])
        back = urlencode({"code": "code", "state": asked["state"][0]})
        come = self.ask("GET", f"/oidc/callback/?{back}", cookies=gone.cookies)
        cookies = {n: value for n, value in (gone.cookies | come.cookies).items() if value}
        assert self.who(cookies) == claims["sub"], f"not signed in: {come}"
        return cookies

    def end(self, provider):
        """Sign somebody in, and measure the logout token that ends the session."""
        claims = provider.claims()
        cookies, token = self.sign_in(provider, claims), provider.sign({"sid": claims["sid"]})
        answer = self.ask("POST", "/oidc/logout/backchannel/", form={"logout_token": token})
        assert answer.status in (200, 204), answer
        assert self.who(cookies) == "nobody", "a session has been left alive"
        return answer.seconds


@contextmanager
def site_on_node(issuer, cache_url):
    """Run the peer's site; yield its ports with and without back-channel, and Node's version."""
    packages = {"NODE_PATH": str(folder_of("express") / "node_modules"), "NODE_ENV": "production"}
    site = {"issuer": issuer, "cache_url": f"{cache_url}/{next(NUMBERS) % 16}"}
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [interpreter_of("express"), "tools/benchmarks/express.js", json.dumps(site)],
            cwd=ROOT,
            env={**os.environ, **packages},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        with process:  # closes what it reads, upon which it ends
            if not (line := process.stdout.readline()):
                log.seek(0)
                raise RuntimeError(f"express has ended: {log.read()[-2000:]}")
            yield json.loads(line)


def _compared(run):
    """Measure a logout token, an empty page and a signed-in page; also return Node's version."""
    provider, each = run.provider, run.sizes.each
    with ExitStack() as stack:
        worker = run.worker("ours")
        stack.callback(worker.end)
        there = stack.enter_context(site_on_node(provider.issuer, run.addresses[1]))
        ports = {"ours": worker.do("serve"), "express": there["with"], "without": there["without"]}
        clients = {name: Client(port) for name, port in ports.items()}
        cookies = clients["express"].sign_in(provider, provider.claims())

        def tokens(name):
            return lambda: {"seconds": [clients[name].end(provider) for _ in range(each)]}

        def pages(name, path, **more):
            def asked():
                return clients[name].ask("GET", path, **more).seconds

            return lambda: {"seconds": [asked() for _ in range(10 * each)]}

        tasks = {
            "token, ours": tokens("ours"),
            "token, express": tokens("express"),
            "empty page, ours": pages("ours", "/"),
            "empty page, express": pages("express", "/"),
            "page, express": pages("express", "/who/", cookies=cookies),
            "page, express without": pages("without", "/who/", cookies=cookies),
        }
        compared = Comparison(run.sizes.rounds, tasks)
        for name in ("express", "without"):
            assert clients[name].who(cookies) == "ada", f"{name}: the session has not lived on"
    return compared, there["node"]


def express(run):
    """A logout token over HTTP, here and for a site on Node, and the cost for its pages."""
    title = PEERS["express"]["title"]
    token, page = f"back-channel by sid, over HTTP: {title}", f"a page, signed in: {title}"
    if not interpreter_of("express") or not all(run.addresses):
        why = "needs PostgreSQL and Redis" if interpreter_of("express") else "not installed"
        run.say(token, "reported", why)
        run.say(page, "reported", why)
        return
    compared, node = _compared(run)
    took = {name: run.keep(f"over HTTP: {name}", v) for name, v in compared.seconds.items()}
    times = {name: ms(seconds) for name, seconds in took.items()}
    run.say(
        token,
        "reported",
        f"{compared.ratio('token, express', 'token, ours'):.2f}x: {times['token, express']} on "
        f"Node {node}, django-oidc-logout {times['token, ours']}; an empty page "
        f"{times['empty page, express']}, django-oidc-logout {times['empty page, ours']}",
    )
    more = 1e6 * compared.difference("page, express", "page, express without")
    run.say(
        page,
        "reported",
        f"{more:.0f} microseconds to look for a logout token: {times['page, express']}, "
        f"{times['page, express without']} without back-channel logout",
    )
