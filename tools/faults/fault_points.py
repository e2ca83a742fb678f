"""Where a web worker can be killed: before each step of a request that anybody else can see.

A step is a statement or a commit on the database, a command to Redis, a call to the provider, or
the response. What happens between two steps stays within the process and dies with it. So these are
all the states that a dead worker can leave behind. Headers of the request say before which step its
worker dies, and how, and what a receiver of the site does that no receiver should do.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextvars import ContextVar
from functools import partial

import redis
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.contrib.auth.signals import user_logged_out
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from requests.adapters import HTTPAdapter

from django_oidc_logout.codes import OutcomeCode
from django_oidc_logout.signals import session_ended, signed_out

from .client import DIE_BEFORE, DIE_HOW, IN_DOUBT, RECEIVER, STEPS_TAKEN

HANG = 9  # seconds: longer than a worker's time-out, and than the browser waits
STOP = partial(sys.exit, 1)  # as gunicorn's time-out does in a worker that has no threads
DEATHS = {
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "term": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "exit": STOP,
}
RECEIVERS = {"hangs": partial(time.sleep, HANG), "exits": STOP}
current = ContextVar("current", default=None)


class Steps:
    def __init__(self, headers):
        self.fatal = int(headers.get(DIE_BEFORE, 0))
        self.die = DEATHS[headers.get(DIE_HOW, "kill")]
        self.receive = RECEIVERS.get(headers.get(RECEIVER))
        self.taken = []

    def take(self, step):
        self.taken.append(step)
        if len(self.taken) == self.fatal:
            self.die()


def take(describe, *args, **kwargs):
    if steps := current.get():
        steps.take(describe(*args, **kwargs))


class FaultPoints:
    """Counts the steps of the requests that ask for it, or dies before one."""

    sync_capable = async_capable = True

    def __init__(self, get_response):
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request):
        if iscoroutinefunction(self):
            return self.__acall__(request)
        begin(request)
        return end(request, self.get_response(request))

    async def __acall__(self, request):
        begin(request)
        return end(request, await self.get_response(request))


def begin(request):
    is_asked = DIE_BEFORE in request.headers or RECEIVER in request.headers
    current.set(Steps(request.headers) if is_asked else None)


def end(request, response):
    take(lambda: "answer")
    if getattr(request, "is_in_doubt", False):
        response.headers[IN_DOUBT] = "yes"
    if steps := current.get():
        response.headers[STEPS_TAKEN] = ", ".join(steps.taken)
    return response


def note_doubt(request, outcome, **kwargs):
    """Note that a sign-out says that the session may still be in the store."""
    request.is_in_doubt = outcome.code is OutcomeCode.STORE_FAILED


def misbehave(**kwargs):
    """Do what the request asks of the site's receivers."""
    if (steps := current.get()) and steps.receive:
        steps.receive()


def install():
    """Make a step of everything that leaves the process."""
    signed_out.connect(note_doubt)
    user_logged_out.connect(misbehave)
    session_ended.connect(misbehave)
    before(CursorWrapper, "_execute_with_wrappers", lambda self, sql, *rest, **more: statement(sql))
    before(BaseDatabaseWrapper, "_commit", lambda self: "COMMIT")
    before(redis.Redis, "execute_command", lambda self, command, *rest, **options: command)
    before(
        HTTPAdapter, "send", lambda self, request, *rest, **options: f"{request.method} provider"
    )


def statement(sql):
    words = str(sql).replace('"', "").split()
    named = [word for word in words if word.startswith(("django_", "auth_"))]
    return " ".join([words[0], *(name.partition(".")[0] for name in named[:1])])


def before(owner, name, describe):
    function = getattr(owner, name)

    def with_a_step(*args, **kwargs):
        take(describe, *args, **kwargs)
        return function(*args, **kwargs)

    setattr(owner, name, with_a_step)
