"""The smallest browser: one connection for each request, so a response is complete or missing."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from urllib.parse import urlencode

HOST = "site.example.com"
TIMEOUT = 60  # seconds; every part gives up long before
AT_ONCE = 32  # requests under way
GIVE_UP = 6  # seconds to wait for an answer that a receiver holds up
DIE_BEFORE = "X-Die-Before-Step"  # 1 is the first; 0 counts the steps only
DIE_HOW = "X-Die-How"  # a key of fault_points.DEATHS
RECEIVER = "X-Receiver"  # what the site's receivers do: a key of fault_points.RECEIVERS
STEPS_TAKEN = "X-Steps-Taken"
HANG_UP = "X-Hang-Up"  # the browser waits for so many seconds, and then closes the connection
IN_DOUBT = "X-In-Doubt"  # the session may still be in the store


class Unanswered(Exception):
    """There was no response, or only the beginning of one: the server died or is down."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list
    body: bytes

    def header(self, name):
        return next((value for key, value in self.headers if key == name.lower()), "")

    def cookie(self, name):
        """Return the value that a cookie is set to: empty if it is deleted, None if left alone."""
        for key, value in self.headers:
            if key == "set-cookie" and value.startswith(f"{name}="):
                return value.partition(";")[0].partition("=")[2].strip('"')
        return None

    def json(self):
        return json.loads(self.body)


class Web:
    """Sends requests to the site's nodes and the provider, by their ports."""

    def __init__(self):
        self.slots = asyncio.Semaphore(AT_ONCE)
        self.asked = 0

    async def ask(self, port, method, path, *, form=None, cookies=(), headers=()):  # noqa: PLR0913
        body = urlencode(form or {}).encode()
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: {HOST}",
            "Connection: close",
            *(f"{name}: {value}" for name, value in dict(headers).items()),
        ]
        if cookies:
            lines.append("Cookie: " + "; ".join(f"{k}={v}" for k, v in dict(cookies).items()))
        if method == "POST":
            lines += [
                "Content-Type: application/x-www-form-urlencoded",
                f"Content-Length: {len(body)}",
            ]
        request = "\r\n".join([*lines, "", ""]).encode() + body
        async with self.slots:
            self.asked += 1
            try:
                async with asyncio.timeout(patience(dict(headers))):
                    return parse(await exchange(port, request))
            except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError) as exc:
                raise Unanswered(str(exc)) from exc


def patience(headers):
    """Return for how many seconds to wait for an answer."""
    return float(headers.get(HANG_UP, GIVE_UP if RECEIVER in headers else TIMEOUT))


async def exchange(port, request):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        await writer.drain()
        return await reader.read(-1)
    finally:
        writer.transport.abort()


def parse(data):
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        raise ValueError("no answer")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = [line.partition(":") for line in lines]
    headers = [(name.strip().lower(), value.strip()) for name, _, value in pairs]
    answer = Answer(int(first.split()[1]), headers, body)
    if answer.header("transfer-encoding") != "chunked":
        length = int(answer.header("content-length") or 0)
        if len(body) < length:
            raise ValueError("half an answer")
    return answer
