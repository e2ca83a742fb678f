"""A pytest plugin that runs the tests once, and then once more for each deletion.

Each deletion is tried in a forked process, in which the functions get their new code: nothing is
imported or collected again, and no file changes. Only the tests that call the function run, and
they stop at the first failure.
"""

from __future__ import annotations

import functools
import gc
import math
import os
import signal
import sys
import threading
import time
import traceback
from types import CodeType, FrameType, FunctionType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .statements import Deletion

    Codes = dict[tuple[str, str, int], CodeType]

NOTICED, CRASHED = 1, 2


class Plugin:
    """Find the deletions that no test notices."""

    def __init__(self, deletions: Iterable[Deletion], root: str, patience: int) -> None:
        self.deletions = list(deletions)
        self.root = root
        self.patience = patience
        self.survivors: list[Deletion] = []
        self.calls: dict[str, set[tuple[str, int]]] = {}
        self.seconds: dict[str, float] = {}

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests as they are, then with one deletion after another."""
        for item in session.items:
            self._run_and_record(session, item)
        if session.testsfailed:
            pytest.exit("the tests fail although nothing is deleted", returncode=NOTICED)
        self._require_that_forks_pass(session)
        session.items.sort(key=lambda item: self.seconds[item.nodeid])
        for deletion in self.deletions:
            if self._survives(session, deletion):
                self.survivors.append(deletion)
                print(f"survived: {deletion}", file=sys.__stderr__, flush=True)
        return True

    def _run_and_record(self, session: pytest.Session, item: pytest.Item) -> None:
        called = self.calls[item.nodeid] = set()

        def note(frame: FrameType, event: str, _argument: object) -> None:
            if event == "call" and frame.f_code.co_filename.startswith(self.root):
                called.add((frame.f_code.co_filename, frame.f_code.co_firstlineno))

        began = time.monotonic()
        sys.setprofile(note)
        threading.setprofile(note)
        try:
            _run(session, item)
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
        self.seconds[item.nodeid] = time.monotonic() - began

    def _require_that_forks_pass(self, session: pytest.Session) -> None:
        if self._run_forked(session, session.items, {}) != 0:
            pytest.exit("the tests fail when a forked process runs them", returncode=NOTICED)

    def _survives(self, session: pytest.Session, deletion: Deletion) -> bool:
        path = os.path.join(self.root, deletion.path)  # noqa: PTH118
        called = (path, deletion.first_line)
        items = [item for item in session.items if called in self.calls[item.nodeid]]
        codes = {(path, *place): code for place, code in deletion.codes.items()}
        status = self._run_forked(session, items, codes) if items else 0
        if status == CRASHED:
            raise RuntimeError(f"could not delete {deletion}")
        return status == 0

    def _run_forked(self, session: pytest.Session, items: list[pytest.Item], codes: Codes) -> int:
        """Return 0 if the tests pass with this code; a negative number if they take too long."""
        if child := os.fork():
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        status = CRASHED
        try:
            usual = sum(self.seconds[item.nodeid] for item in items)
            signal.alarm(math.ceil(self.patience + 3 * usual))
            session.config.pluginmanager.unregister(name="terminalreporter")
            _replace(codes)
            status = NOTICED
            for item in items:
                _run(session, item)
                if session.testsfailed:
                    break
            else:
                status = 0
        except Exception:  # noqa: BLE001  # the child must not return into its parent's loop
            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(status)


def _run(session: pytest.Session, item: pytest.Item) -> None:
    # With this `nextitem`, pytest keeps only the fixtures of the session, such as the database.
    item.ihook.pytest_runtest_protocol(item=item, nextitem=session)


def _replace(codes: Codes) -> None:
    """Give each live function of the module its new code, wherever somebody keeps it."""
    for thing in gc.get_objects():
        if isinstance(thing, FunctionType):
            place = thing.__code__
            new = codes.get((place.co_filename, place.co_qualname, place.co_firstlineno))
            if new:
                thing.__code__ = new
        elif isinstance(thing, functools._lru_cache_wrapper):  # noqa: SLF001
            thing.cache_clear()  # or a cached function would not be called again
