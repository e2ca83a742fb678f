"""Every fault point in turn: a worker dies before a step of a request, which is then repeated.

Nothing else happens meanwhile, so it is plain what each death leaves behind.
"""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass
from functools import partial

from .actions import SignInFailed, dying
from .client import STEPS_TAKEN, Unanswered
from .provider import email_of

MOST_STEPS = 200


@dataclass(frozen=True)
class Flow:
    """What happens to a person's two sessions, what is repeated, and which of the two end."""

    name: str
    act: object
    again: object
    ends: tuple
    by: str


class Sweep:
    def __init__(self, site, model, node):
        self.site = site
        self.model = model
        self.node = node
        self.points = {}  # flow -> the names of its steps
        self.number = itertools.count()

    async def run(self, names=None):
        self.bystander = await self.sign_in("bystander")
        for flow in self.flows():
            if names is None or flow.name in names:
                await self.sweep(flow)

    def flows(self):
        click = partial(self.site.click, self.node)
        by_code = partial(self.site.click, self.node, how="code")
        one, both = (True, False), (True, True)
        provider, site = "ended by the provider", "ended by the site"
        return [
            Flow("click", lambda a, b, token, **kw: click(a.key, **kw), None, one, "signed out"),
            Flow(
                "asign_out", lambda a, b, token, **kw: by_code(a.key, **kw), None, one, "signed out"
            ),
            Flow("token by sid", self.by_token, None, one, provider),
            Flow("token by sub", self.by_token, None, both, provider),
            Flow("end_sessions", self.end_person, None, both, site),
            Flow("cycle_key", self.move, self.by_token, both, provider),
            Flow("sign-in", self.sign_in_once_more, self.by_token, both, provider),
        ]

    def by_token(self, a, b, token, **kw):
        return self.site.send_token(self.node, token, **kw)

    def end_person(self, a, b, token, **kw):
        return self.site.end_person(self.node, a.sub, **kw)

    async def move(self, a, b, token, headers=()):
        answer = await self.site.get(self.node, "/cycle/", a.key, headers)
        if key := answer.cookie("sessionid"):
            a.move(key)
        return answer.status == 200, answer

    async def sign_in_once_more(self, a, b, token, headers=()):
        other = self.site.other(self.node)
        session = await self.site.sign_in(a.sub, "another", other, self.node, headers)
        a.keys.append(session.key)
        return True, session.answer

    async def sign_in(self, sub):
        for _ in range(5):
            sid = f"{self.node} {next(self.number)}"
            try:
                session = await self.site.sign_in(sub, sid, self.site.other(self.node), self.node)
            except (SignInFailed, Unanswered):  # as when a worker has just died
                self.model.lost_sign_ins += 1
                continue
            self.model.signed_in(session)
            return session
        raise SignInFailed(sub)

    async def sweep(self, flow):
        """Count the steps of a flow, and kill a worker before each."""
        self.points[flow.name] = await self.once(flow, 0)
        assert 1 < len(self.points[flow.name]) < MOST_STEPS, self.points
        for step in itertools.count(1):
            taken = await self.once(flow, step)
            if taken is not None:  # it ended before it could die
                break
            self.model.counts["faults injected"] += 1

    async def once(self, flow, step):
        """Do it, and kill the worker before a step; return the steps if it survives."""
        sub = f"{flow.name} {self.node} {step}"
        a, b = await self.sign_in(sub), await self.sign_in(sub)
        token = self.token(flow, a)
        try:
            done, answer = await flow.act(a, b, token, headers=dying(step))
        except Unanswered:
            taken = None
            self.model.lost_sign_ins += 1
        else:
            assert done, f"{flow.name} before {step}: {answer.status} {answer.body[:200]}"
            taken = answer.header(STEPS_TAKEN).split(", ")
        if taken is None or flow.again:
            await self.repeat(flow, a, b, token)
        ending = [one for one, ends in zip((a, b), flow.ends, strict=True) if ends]
        self.model.ended(ending, flow.by)
        where = f"after {flow.name}, dead before step {step}"
        for session in (a, b, self.bystander):
            await self.look(session, where)
        return taken

    def token(self, flow, a):
        sid = {"sid": a.sid} if flow.name == "token by sid" else {}
        return self.site.signer.logout_token(jti=str(uuid.uuid4()), sub=a.sub, **sid)

    async def repeat(self, flow, a, b, token):
        """Repeat it: it must succeed now."""
        done, answer = await (flow.again or flow.act)(a, b, token)
        if not done:
            self.model.complain("never completed", a, f"{flow.name}: {answer.body[:200]}")

    async def look(self, session, where):
        email = email_of(session.sub)
        keys = session.keys if session.state == "out" else [session.key]
        for node, key in itertools.product(self.site.nodes, keys):
            is_in = await self.site.is_in_for_sure(node, key, email)
            self.model.seen(session, is_in, f"{where}, on {node}", self.model.outages)
