"""Two actions at once, in every order that matters: one pauses before a step, the other runs.

A step is whatever others can see: a query, a call to the cache, a replaced session file.
"""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import TimeoutError as StillRunning
from contextlib import contextmanager, suppress

from django.core.cache import caches
from django.db import connection

OPERATIONS = ("get", "set", "add", "delete", "delete_many", "touch")
LOCK_WAIT = 0.3  # seconds, after which the other is taken to wait for a lock that the first holds
PATIENCE = 60  # seconds, of which a test that passes needs none


class Steps:
    """Counts the steps of this thread, and starts the other action before the chosen one."""

    def __init__(self, stop_before, start_other):
        self.stop_before = stop_before
        self.start_other = start_other
        self.thread = threading.get_ident()
        self.taken = []
        self.other = None

    def take(self, step):
        if threading.get_ident() != self.thread:
            return
        self.taken.append(step)
        if len(self.taken) == self.stop_before:
            self.other = self.start_other()
            with suppress(StillRunning):
                self.other.result(LOCK_WAIT)

    def query(self, execute, sql, params, many, context):
        self.take(sql)
        return execute(sql, params, many, context)

    def calls_of(self, name, function):
        def step(*args, **kwargs):
            self.take(name)
            return function(*args, **kwargs)

        return step


@contextmanager
def stopped_before(step, start_other, monkeypatch):
    """Run the block, and the other action before a step, of which 1 is the first. Yield the steps.

    `start_other` returns the other's future.
    """
    steps = Steps(step, start_other)
    backend = type(caches["default"])
    with monkeypatch.context() as patch, connection.execute_wrapper(steps.query):
        for name in OPERATIONS:
            patch.setattr(backend, name, steps.calls_of(f"cache.{name}", getattr(backend, name)))
        patch.setattr(shutil, "move", steps.calls_of("put a file in its place", shutil.move))
        yield steps
    if steps.other:
        steps.other.result(PATIENCE)
