"""The faults: one at a time, each repaired before the next, in an order that the seed decides."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from contextlib import asynccontextmanager, closing, suppress

from .client import Unanswered

PATIENCE = 60  # seconds, within which the site is well again
CLEARINGS = 5
DATABASES = "postgresql", "sqlite"


class Mischief:
    def __init__(self, world, site, model, rng, *, hold, names=None):  # noqa: PLR0913
        self.world = world
        self.site = site
        self.model = model
        self.rng = rng
        self.hold = hold  # seconds that a fault lasts
        self.done = []
        self.faults = {
            "provider killed": self.provider_killed,
            "provider hanging": self.provider_hanging,
            "provider talking garbage": self.provider_talking_garbage,
            "redis killed": self.redis_killed,
            "redis hanging": self.redis_hanging,
            "postgresql restarted": self.postgresql_restarted,
            "postgresql crashed": self.postgresql_crashed,
            "wsgi worker killed": lambda: self.worker_killed(self.world.wsgi),
            "asgi worker killed": lambda: self.worker_killed(self.world.asgi),
            "wsgi worker told to end": lambda: self.worker_killed(self.world.wsgi, signal.SIGTERM),
            "rows cleared": self.rows_cleared,
            "sync worker timed out": lambda: self.worker_killed(self.world.sync, signal.SIGABRT),
        }
        if world.database == "sqlite":
            del self.faults["postgresql restarted"], self.faults["postgresql crashed"]
            self.faults["sqlite locked"] = self.sqlite_locked
        if world.engine != "db":
            del self.faults["redis hanging"]  # it would do long after what it was asked before
        self.names = names or list(self.faults)

    def is_done(self):
        return set(self.done) == set(self.names)

    async def go_on(self, is_over):
        """Inject faults until it is over; a round has each of them once."""
        while not is_over():
            for name in self.rng.sample(self.names, len(self.names)):
                if is_over():
                    return
                self.model.counts["faults injected"] += 1
                self.done.append(name)
                self.model.outages += name.startswith("redis")
                self.model.database_outages += name.startswith(DATABASES)
                async with self.faults[name]():
                    await asyncio.sleep(self.hold)
                await self.recovery()
                self.model.database_outages += name.startswith(DATABASES)
                self.model.outages += name.startswith("redis")
                await asyncio.sleep(self.hold)

    async def recovery(self):
        """Wait until both nodes respond, for a bounded time."""
        async with asyncio.timeout(PATIENCE):
            for node in self.site.nodes:
                while not await self.is_well(node):
                    await asyncio.sleep(0.1)

    async def is_well(self, node):
        try:
            return (await self.site.get(node, "/health/")).status == 200
        except Unanswered:
            return False

    @asynccontextmanager
    async def provider_killed(self):
        await asyncio.to_thread(self.world.provider.kill)
        try:
            yield
        finally:
            self.world.provider.start()
            await asyncio.to_thread(self.world.wait_until_it_listens, self.world.provider)

    def provider_hanging(self):
        return signalled(self.world.provider.process.pid, signal.SIGSTOP, signal.SIGCONT)

    def provider_talking_garbage(self):
        return signalled(self.world.provider.process.pid, signal.SIGUSR1, signal.SIGUSR2)

    def redis_hanging(self):
        return signalled(self.world.pid_of("redis"), signal.SIGSTOP, signal.SIGCONT)

    def redis_killed(self):
        return self.server_down("redis", signal.SIGKILL)

    def postgresql_restarted(self):
        return self.server_down("postgresql", signal.SIGINT)

    def postgresql_crashed(self):
        return self.server_down("postgresql", signal.SIGQUIT)

    @asynccontextmanager
    async def sqlite_locked(self):
        """Lock the file for longer than the site waits, as a backup does."""
        file = self.world.sqlite
        with closing(sqlite3.connect(file, timeout=PATIENCE, check_same_thread=False)) as lock:
            await asyncio.to_thread(lock.execute, "BEGIN EXCLUSIVE")
            yield

    @asynccontextmanager
    async def rows_cleared(self):
        """Run the housekeeping while people sign in and out."""
        for _ in range(CLEARINGS):
            with suppress(Unanswered):
                await self.site.web.ask(self.site.nodes[0], "POST", "/clear/")
        yield

    @asynccontextmanager
    async def server_down(self, name, number):
        await asyncio.to_thread(self.world.end_server, name, number)
        try:
            yield
        finally:
            await asyncio.to_thread(self.world.start_servers)

    @asynccontextmanager
    async def worker_killed(self, part, number=signal.SIGKILL):
        os.kill(self.rng.choice(part.workers()), number)
        yield


@asynccontextmanager
async def signalled(pid, begin, end):
    os.kill(pid, begin)
    try:
        yield
    finally:
        os.kill(pid, end)
