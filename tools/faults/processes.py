"""Processes, which the run kills one at a time and ends all, by their ids."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE = 30  # seconds, within which every part is up or has ended
LAST_LINES = 30


class NotUp(Exception):
    """A part did not start, or did not end, in time."""


class Part:
    """A process, and those that it starts."""

    def __init__(self, name, folder, environment, *command):
        self.name = name
        self.log = folder / f"{name}.log"
        self.home = folder
        self.environment = environment
        self.command = command
        self.process = None

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env={**os.environ, **self.environment, "HOME": str(self.home)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self):
        """End it and all that it has started, at once."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)

    def stop(self):
        """Ask it to end, and end it if it does not."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
        self.kill()

    def workers(self):
        """Return the ids of the processes that handle requests."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        pids = [int(pid) for pid in children.read_text().split()]
        return [pid for pid in pids if "resource_tracker" not in command_of(pid)]

    def tail(self):
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-LAST_LINES:])


def command_of(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def has_ended(pid):
    """Return whether a process has ended, or is a zombie whose parent has not waited for it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def wait_until(condition, what, part=None):
    give_up = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > give_up or (part and part.process.poll() is not None):
            raise NotUp(f"waited in vain for {what}\n{part.tail() if part else ''}")
        time.sleep(0.05)
