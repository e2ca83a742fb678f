"""A run: fault points, then load with faults, and what must be true in the end."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import suppress

from .actions import Site
from .client import Unanswered, Web
from .mischief import Mischief
from .model import Model
from .parts import World
from .people import Person
from .provider import email_of
from .sweep import Sweep

PATIENCE = 40  # tries of a second each: a failed look at the provider's keys is remembered for 30
DEADLY = 0.03  # of the sign-outs kill their worker
OVERTIME = 600  # seconds for all that comes after the load


class Run:
    def __init__(self, world, *, seconds, people, seed, hold, faults=None):  # noqa: PLR0913
        self.world = world
        self.seconds = seconds
        self.hold = hold
        self.model = Model(world.engine)
        self.web = Web()
        self.site = Site(world, self.web)
        rng = random.Random(seed)
        self.people = [
            Person(self.site, self.model, random.Random(rng.random()), number, DEADLY)
            for number in range(people)
        ]
        self.mischief = Mischief(world, self.site, self.model, rng, hold=hold, names=faults)
        self.sweeps = []

    async def go(self, sweeps):
        """Do all of it; `sweeps` names the nodes and the flows whose fault points are tried."""
        await self.mischief.recovery()
        for node, flows in sweeps:
            self.sweeps.append(Sweep(self.site, self.model, self.world.ports[node]))
            await self.sweeps[-1].run(flows)
        async with asyncio.timeout(self.seconds + OVERTIME):
            await self.load()
            await self.mischief.recovery()
            await asyncio.gather(*(person.finish(PATIENCE) for person in self.people))
            await self.look_at_all()
            await self.settle_accounts()

    async def load(self):
        """Let people sign in and out for the chosen time, until every fault has happened."""
        over = time.monotonic() + self.seconds

        def is_over():
            return time.monotonic() > over and self.mischief.is_done()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.mischief.go_on(is_over))
            for person in self.people:
                tasks.create_task(person.live(is_over))

    async def look_at_all(self):
        """Send every key that ever existed to both nodes."""
        await asyncio.gather(
            *(
                self.look(session, key, node)
                for session in self.model.sessions
                for key in (session.keys if session.state == "out" else [session.key])
                for node in self.site.nodes
            )
        )

    async def look(self, session, key, node):
        is_in = await self.site.is_in_for_sure(node, key, session.emails)
        number = session.keys.index(key) + 1
        where = f"in the end, by key {number} of {len(session.keys)}, on {node}"
        self.model.seen(session, is_in, where, self.model.outages)

    async def settle_accounts(self):
        """Compare rows with sessions; then end all sessions, so that neither must be left."""
        found = await self.audit()
        rows, signed_in = set(found["rows"]), set(found["signed_in"])
        sessions = self.model.sessions
        handed_out = {key for session in sessions for key in session.keys}
        unrecorded = {key for one in sessions if not one.recorded for key in one.keys}
        stale = {session.key for session in sessions if session.stale}
        self.left_over("rows without a session", rows & handed_out - signed_in - stale)
        self.left_over("sessions without a row", signed_in & handed_out - rows - unrecorded)
        nobodys = (rows | signed_in) - handed_out  # as of a worker that died in a sign-in
        self.model.counts["rows and sessions whose key nobody has"] = len(nobodys)
        if len(nobodys) > self.model.lost_sign_ins:
            self.left_over("rows and sessions of nobody", nobodys)
        self.left_over("keys cached for ever", found["cached for ever"])
        accounts = {account for person in self.people for account in person.accounts}
        everybody = accounts.union(session.sub for session in sessions)
        await asyncio.gather(*map(self.end_all, everybody))  # also whose sign-in nobody finished
        found = await self.audit()
        self.left_over("rows in the end", found["rows"])
        self.left_over("sessions in the end", set(found["signed_in"]) & handed_out - unrecorded)

    async def end_all(self, sub):
        for node in self.site.nodes:
            for _ in range(PATIENCE):  # SQLite lets nobody wait in line
                with suppress(Unanswered):
                    done, answer = await self.site.end_person(node, email_of(sub))
                    if done:
                        break
                await asyncio.sleep(1)
            else:
                raise AssertionError(answer.body[:500])

    def left_over(self, what, keys):
        if keys:
            self.model.counts["left over"] += len(keys)
            self.model.wrong.append(f"left over: {what}: {sorted(keys)[:5]}")

    async def audit(self):
        answer = await self.web.ask(self.site.nodes[0], "POST", "/audit/")
        assert answer.status == 200
        return answer.json()


def run(engine, sweeps, *, database="postgresql", **options):
    """Run on one session engine and database; return the run, with its model."""
    with World(engine, database) as world:
        one = Run(world, **options)
        asyncio.run(one.go(sweeps))
        if one.model.wrong:
            world.show_logs()
        return one
