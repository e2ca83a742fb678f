"""Requests as a web server passes them: a dict, without a test client."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from functools import cache
from threading import Thread
from urllib.parse import urlencode

from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.middleware.csrf import _get_new_csrf_string

FORM = "application/x-www-form-urlencoded"
CSRF = _get_new_csrf_string()


@dataclass
class Answer:
    """A response, and its time."""

    status: int
    headers: dict
    seconds: float
    cpu: float


@cache
def application():
    """Return the site."""
    return get_wsgi_application()


def environ(method, path, *, form=None, content=None, cookies=None):
    """Return a request, with Django's CSRF token. `content` is a media type and a body."""
    path, _, query = path.partition("?")
    content_type, body = content or (FORM, urlencode(form or {}))
    body = body.encode()
    cookies = {"csrftoken": CSRF, **(cookies or {})}
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SCRIPT_NAME": "",
        "SERVER_NAME": "site.example",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "site.example",
        "HTTP_COOKIE": "; ".join(f"{name}={value}" for name, value in cookies.items()),
        "HTTP_X_CSRFTOKEN": CSRF,
        "CONTENT_TYPE": content_type if method == "POST" else "",
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
        "wsgi.version": (1, 0),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def request(method, path, **more):
    """Send a request, and measure until the whole response has been read."""
    asked, said = environ(method, path, **more), {}

    def start_response(status, headers, exc_info=None):
        said.update(status=int(status.split()[0]), headers=dict(headers))

    site = application()
    cpu, began = time.process_time(), time.perf_counter()
    answer = site(asked, start_response)
    list(answer)
    answer.close()
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    return Answer(**said, seconds=seconds, cpu=cpu)


class _Handler(WSGIRequestHandler):
    disable_nagle_algorithm = True  # or the body waits until the head has been acknowledged

    def log_message(self, *args):
        """Log nothing."""


def serve():
    """Serve the site on loopback, a thread for each connection; return the port."""
    server = ThreadedWSGIServer(("127.0.0.1", 0), _Handler)
    server.set_app(application())
    Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port
