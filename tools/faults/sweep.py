"""Every fault point in turn: a worker dies before a step of a request, which is then repeated.

Nothing else happens meanwhile, so it is plain what each death leaves behind. A receiver of the site
that hangs or stops the request must not keep a session alive: nothing is repeated after that.
"""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass, replace
from functools import partial

from .actions import STOPPED, SignInFailed, dying
from .client import RECEIVER, STEPS_TAKEN, Unanswered
from .provider import email_of

TRIES = 5
MOST_STEPS = 200
RECEIVERS = "hangs", "exits"
WAYS_OUT = "click", "asign_out", "logout()", "token by sub", "end_sessions"
MISBEHAVING = [f"{way} receiver {does}" for way in WAYS_OUT for does in RECEIVERS]


@dataclass(frozen=True)
class Flow:
    """What happens to a person's two sessions, what is repeated, and which of the two end."""

    name: str
    act: object
    again: object
    ends: tuple
    by: str
    how: str = "kill"
    receiver: str = ""  # what the site's receivers do; nothing is repeated then


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
        one, both = (True, False), (True, True)
        provider, site = "ended by the provider", "ended by the site"
        by_sid = Flow("token by sid", self.by_token, None, one, provider)
        ways_out = [
            Flow("click", partial(self.click, "click"), None, one, "signed out"),
            Flow("asign_out", partial(self.click, "code"), None, one, "signed out"),
            Flow("logout()", partial(self.click, "django"), None, one, "signed out"),
            Flow("token by sub", self.by_token, None, both, provider),
            Flow("end_sessions", self.end_person, None, both, site),
        ]
        return [
            by_sid,
            *ways_out,
            Flow("cycle_key", self.move, self.by_token, both, provider),
            Flow("sign-in", self.sign_in_once_more, self.by_token, both, provider),
            Flow("act as", self.switch, self.by_token, both, provider),
            Flow("return", self.come_back, self.by_token, both, provider),
            Flow("end_sessions of the customer", self.act_and_end, self.end_customer, one, site),
            *(replace(flow, name=f"{flow.name} stopped", how="exit") for flow in ways_out),
            *(
                replace(flow, name=f"{flow.name} receiver {does}", receiver=does)
                for flow in ways_out
                for does in RECEIVERS
            ),
        ]

    def click(self, how, a, b, token, **kw):
        return self.site.click(self.node, a.key, how, **kw)

    def by_token(self, a, b, token, **kw):
        return self.site.send_token(self.node, token, **kw)

    def end_person(self, a, b, token, **kw):
        return self.site.end_person(self.node, email_of(a.sub), **kw)

    async def move(self, a, b, token, headers=(), page="/cycle/"):
        answer = await self.site.get(self.node, page, a.key, headers)
        if key := answer.cookie("sessionid"):
            a.move(key)
        return answer.status == 200, answer

    async def switch(self, a, b, token, headers=()):
        done, answer = await self.move(a, b, token, headers, "/switch/")
        a.switch()
        return done and answer.json()["user"] == a.email, answer

    async def act_and_end(self, a, b, token, headers=()):
        await self.switch(a, b, token)
        return await self.end_customer(a, b, token, headers)

    def end_customer(self, a, b, token, headers=()):
        return self.site.end_person(self.node, a.email, headers)

    async def come_back(self, a, b, token, headers=()):
        await self.switch(a, b, token)
        return await self.switch(a, b, token, headers)

    async def sign_in_once_more(self, a, b, token, headers=()):
        other = self.site.other(self.node)
        session = await self.site.sign_in(a.sub, "another", other, self.node, headers)
        a.keys.append(session.key)
        return True, session.answer

    async def sign_in(self, sub):
        for _ in range(TRIES):
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
        """Count the steps of a flow, and kill a worker before each; or let a receiver fail."""
        if flow.receiver:
            self.points[flow.name] = ["receiver"]
            taken = await self.once(flow, flow.receiver)
            assert taken is None, f"{flow.name}: it answered {taken}"
            self.model.counts["faults injected"] += 1
            return
        self.points[flow.name] = await self.once(flow, 0)
        assert 1 < len(self.points[flow.name]) < MOST_STEPS, self.points
        for step in itertools.count(1):
            taken = await self.once(flow, step)
            if taken is not None:  # it ended before it could die
                break
            self.model.counts["faults injected"] += 1

    async def once(self, flow, step):
        """Do it, and kill the worker before a step; return the steps if it survives."""
        headers = {RECEIVER: flow.receiver} if flow.receiver else dying(step, flow.how)
        sub = f"{flow.name} {self.node} {step}"
        a, b = await self.sign_in(sub), await self.sign_in(sub)
        token = self.token(flow, a)
        try:
            done, answer = await flow.act(a, b, token, headers=headers)
            require_no_stop(flow, answer)
        except Unanswered:
            taken = None
            self.model.lost_sign_ins += 1
        else:
            assert done, f"{flow.name} before {step}: {answer.status} {answer.body[:200]}"
            taken = answer.header(STEPS_TAKEN).split(", ")
        if not flow.receiver and (taken is None or flow.again):
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
        """Repeat it until there is a response: it must succeed now."""
        for _ in range(TRIES):
            try:
                done, answer = await (flow.again or flow.act)(a, b, token)
            except Unanswered:  # as when a worker that is about to die has accepted it
                continue
            if not done:
                self.model.complain("never completed", a, f"{flow.name}: {answer.body[:200]}")
            return
        self.model.complain("never completed", a, f"{flow.name}: no response")

    async def look(self, session, where):
        keys = session.keys if session.state == "out" else [session.key]
        for node, key in itertools.product(self.site.nodes, keys):
            is_in = await self.site.is_in_for_sure(node, key, session.emails)
            self.model.seen(session, is_in, f"{where}, on {node}", self.model.outages)


def require_no_stop(flow, answer):
    if answer.status == STOPPED and (flow.receiver or flow.how == "exit"):
        raise Unanswered("the request was stopped")
