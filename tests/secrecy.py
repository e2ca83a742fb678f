"""Search for secrets in what a test logs, in its warnings and in its error responses.

A test that provokes a token or a known secret fails, by its name; what was found is not repeated.
"""

from __future__ import annotations

import base64
import logging
import re
from contextlib import contextmanager
from urllib.parse import quote, quote_plus

from django.test.client import AsyncClientHandler, ClientHandler

from tests import settings
from tests.idp import ACCESS_TOKEN, REFRESH_TOKEN

# Parts of base64url, the first of which begins with {" as a header of a token does.
JSON_WEB_TOKEN = r"eyJ[\w-]{5,}\.(?:eyJ|[\w-]{5,}\.)"
# The name of a parameter that carries a secret, with a value behind it.
PARAMETER = (
    r"(?:client_secret|refresh_token|access_token|id_token_hint|logout_token)[\"']?"
    r"(?:=(?!%s|$)|: ?[\"'])[\w.~%+/-]{5}"
)


def spellings(secret):
    """Return a secret as it stands in text, a query, a form and an Authorization header."""
    quoted = quote(secret, safe="")
    basic = base64.b64encode(f"{settings.OIDC_RP_CLIENT_ID}:{quoted}".encode()).decode()
    return {secret, repr(secret)[1:-1], quoted, quote_plus(secret), basic}


def known():
    """Return the secrets of the tests' settings and of their provider."""
    secrets = (settings.OIDC_RP_CLIENT_SECRET, settings.SECRET_KEY, ACCESS_TOKEN, REFRESH_TOKEN)
    return set().union(*map(spellings, secrets))


SECRET = re.compile("|".join([JSON_WEB_TOKEN, PARAMETER, *map(re.escape, sorted(known()))]))

FORMATTER = logging.Formatter("%(message)s")
OUR_CALLS = "oidc-logout-call"


def is_exempt(record):
    """Return whether a record may contain a secret because the tests themselves sent the request.

    urllib3 shows the address of every request at DEBUG, and tests that stand in for a browser go
    where a sign-out sends them, with a hint. The package calls from threads of a name of its own;
    what urllib3 tells of those is searched.
    """
    return record.name.startswith("urllib3.") and record.threadName != OUR_CALLS


class Guard:
    """Searches log records of all loggers, whether anybody handles them or not."""

    def __init__(self):
        self.found = []

    def take(self):
        """Return where secrets were found since the last call."""
        found, self.found = self.found, []
        return found

    def search(self, text, where):
        """Note `where`, if there is anything secret in `text`."""
        if SECRET.search(text):
            self.found.append(where)

    def record(self, *args, **kwargs):
        """Make a log record, as `logging.setLogRecordFactory` wants it, and search it."""
        record = logging.LogRecord(*args, **kwargs)
        if not is_exempt(record):
            self.search(
                FORMATTER.format(record), f"{record.name}, {record.pathname}:{record.lineno}"
            )
            record.exc_text = None  # as formatted for us; the handlers format their own
        return record

    def answer(self, request, response):
        """Search an answer that tells of an error."""
        if response.status_code >= 400 and not response.streaming:
            text = response.content.decode(errors="replace")
            self.search(text, f"the answer {response.status_code} to {request.path}")

    @contextmanager
    def on_duty(self):
        """Search all that is logged, DEBUG included, and the answers to Django's test clients."""
        factory, levels = logging.getLogRecordFactory(), {}
        logging.setLogRecordFactory(self.record)
        for logger in (logging.getLogger(), logging.getLogger("django")):
            levels[logger] = logger.level
            logger.setLevel(logging.DEBUG)
        answers = [_watch(ClientHandler, self), _watch_async(AsyncClientHandler, self)]
        try:
            yield self
        finally:
            logging.setLogRecordFactory(factory)
            for logger, level in levels.items():
                logger.setLevel(level)
            for restore in answers:
                restore()


def _watch(handler, guard):
    original = handler.get_response

    def get_response(self, request):
        response = original(self, request)
        guard.answer(request, response)
        return response

    handler.get_response = get_response
    return lambda: setattr(handler, "get_response", original)


def _watch_async(handler, guard):
    original = handler.get_response_async

    async def get_response_async(self, request):
        response = await original(self, request)
        guard.answer(request, response)
        return response

    handler.get_response_async = get_response_async
    return lambda: setattr(handler, "get_response_async", original)


GUARD = Guard()
