"""The people: each signs in on several devices, reads pages, and is signed out in every way."""

from __future__ import annotations

import asyncio
import uuid
from functools import partial

from .actions import SignInFailed, dying
from .client import HANG_UP, RECEIVER, Unanswered
from .provider import CUSTOMER_OF, email_of

MOST_DEVICES = 3
PAUSES = (0.1, 0.3, 1, 2, 4)  # seconds between tries to get an answer
LAST_STEP = 30  # more than any sign-out has
READ, TOUCH, MOVE, PASSWORD = "/private/", "/touch/", "/cycle/", "/change-password/"
SWITCH = "/switch/"
ACTIONS = {
    **dict.fromkeys(("click", "json", "local", "code"), 4),
    "sid": 8,
    "sub": 3,
    "user": 8,
    "click and sid": 4,
    READ: 12,
    TOUCH: 8,
    MOVE: 3,
    SWITCH: 6,
    PASSWORD: 1,
}
STAYS = 0.25  # of the people never sign out: ending their sessions is always wrong


class Person:
    def __init__(self, site, model, rng, number, deadly):
        self.site = site
        self.model = model
        self.rng = rng
        self.sub = f"person-{number}"
        self.accounts = [self.sub] * 3 + [CUSTOMER_OF + self.sub]
        self.sessions = []
        self.unfinished = []  # (attempt, sessions, by): to be repeated once nothing fails
        self.stays = rng.random() < STAYS
        self.deadly = deadly  # how often a request is to kill its worker

    async def live(self, is_over):
        while not is_over():
            wants_one_more = len(self.sessions) < MOST_DEVICES and self.rng.random() < 0.4
            if wants_one_more or not self.sessions:
                await self.sign_in()
            else:
                await self.act()

    async def sign_in(self):
        node, outages = self.node(), self.model.outages
        database_outages = self.model.database_outages
        sid = uuid.UUID(int=self.rng.getrandbits(128)).hex
        try:
            sub = self.rng.choice(self.accounts)
            session = await self.site.sign_in(sub, sid, node, self.node())
        except (SignInFailed, Unanswered):
            self.model.lost_sign_ins += 1
            self.model.counts["sign-ins that failed"] += 1
            await asyncio.sleep(0.2)
        else:
            self.sessions.append(session)
            self.model.signed_in(session)
            self.model.may_be_stale(session, outages)
            self.model.may_be_unrecorded(session, database_outages)

    async def act(self):
        session = self.rng.choice(self.sessions)
        names = [READ, TOUCH, SWITCH] if self.stays else list(ACTIONS)
        action = self.rng.choices(names, [ACTIONS[name] for name in names])[0]
        if action == READ or (action == SWITCH and not self.can_switch(session)):
            await self.look(session, self.node())
        elif action == TOUCH:
            await self.touch(session)
        elif action in (MOVE, SWITCH):
            await self.move(session, action, [])
        elif action == PASSWORD:
            same = [one for one in self.sessions if one.email == session.email]
            await self.move(session, PASSWORD, [one for one in same if one != session])
        else:
            await self.leave(session, action)

    # Staying signed in.

    async def look(self, session, node):
        outages = self.model.outages
        is_in = await self.site.is_in(node, session.key, session.emails)
        if is_in is not None:
            self.model.seen(session, is_in, f"on a page of {node}", outages)
        if session.state != "in" and session in self.sessions:
            self.sessions.remove(session)

    async def touch(self, session):
        outages = self.model.outages
        answer = await self.visit(session, TOUCH)
        if answer:
            is_in = bool(answer.json()["user"])
            self.model.seen(session, is_in, "when it was saved", outages)

    async def visit(self, session, path):
        """Request a page that changes the session; return its response, or None."""
        try:
            answer = await self.site.get(self.node(), path, session.key)
        except Unanswered:
            return None
        return answer if answer.status == 200 else None

    async def move(self, session, path, others):
        """Give the session a new key; a new password also ends the others, as in Django."""
        outages, database_outages = self.model.outages, self.model.database_outages
        answer = await self.visit(session, path)
        key = answer and answer.cookie("sessionid")
        if key and answer.json()["user"]:
            self.model.counts["switched" if path == SWITCH else "moved"] += 1
            session.move(key)
            if path == SWITCH:
                session.switch()
                assert answer.json()["user"] == session.email, "not who was asked for"
                self.model.may_be_unrecorded(session, database_outages)
            self.model.may_be_stale(session, outages)
            self.model.ended(others, by="ended by a new password")
            self.forget(others)
        elif answer:
            self.model.seen(session, False, "when it was to be moved", outages)
            if answer.json()["user"]:  # the password is a new one, but the session has ended since
                self.model.unsure(others, f"the session ended during {path}")
        else:
            self.model.unsure([session, *others], f"no answer to {path}")
            self.model.lost_sign_ins += 1

    # Signing out.

    async def leave(self, session, action):
        attempts, sessions, by = self.ways_out(session, action)
        pages = [READ, TOUCH]
        if by != "signed out" or len(attempts) > 1:
            pages.append(MOVE)
            if action != "user":  # who returns meanwhile does not act as the user any more
                pages.append(SWITCH)
        racing = [self.race(one, pages) for one in sessions if self.rng.random() < 0.4]
        tries = [self.insist(attempt, sessions, by) for attempt in attempts]
        await asyncio.gather(*tries, *racing)
        self.forget(sessions)
        if session.state == "out":
            await self.look(session, self.node())

    def ways_out(self, session, action):
        """Return what ends which sessions; each attempt takes the headers of its request."""
        site, node = self.site, self.node()
        sid = self.token(sub=session.sub, sid=session.sid) if "sid" in action else ""
        to_provider = partial(site.send_token, self.node(), sid)
        if action == "sid":
            return [to_provider], [session], "ended by the provider"
        if action == "click and sid":
            click = partial(site.click, node, session.key)
            return [click, to_provider], [session], "signed out"
        if action == "sub":
            attempt = partial(site.send_token, node, self.token(sub=session.sub))
            ended = [one for one in self.sessions if one.sub == session.sub]
            return [attempt], ended, "ended by the provider"
        if action == "user":
            email = self.rng.choice([email_of(session.sub), session.email, session.email])
            ended = [one for one in self.sessions if email in (email_of(one.sub), one.email)]
            return [partial(site.end_person, node, email)], ended, "ended by the site"
        return [partial(self.click, node, session.key, action)], [session], "signed out"

    def token(self, **claims):
        return self.site.signer.logout_token(
            jti=uuid.UUID(int=self.rng.getrandbits(128)).hex, **claims
        )

    async def click(self, node, key, how, headers=()):
        done, answer = await self.site.click(node, key, how, headers)
        if done and how == "click" and self.rng.random() < 0.25:
            try:
                await self.site.follow(answer, self.node())
            except Unanswered:
                self.model.counts["ways back that failed"] += 1
        return done, answer

    async def insist(self, attempt, sessions, by):
        """Repeat a sign-out until it gets a response, or keep it for later."""
        headers = self.mishap() if self.rng.random() < self.deadly else {}
        for pause in PAUSES:
            try:
                done, answer = await attempt(headers=headers)
            except Unanswered:
                done, answer = False, None
                self.model.counts["faults injected"] += bool(headers)
            if done:
                self.model.ended(sessions, by)
                return
            headers = {}
            self.model.unsure(
                sessions, f"{answer.status if answer else 'no answer'} to {name_of(attempt)}"
            )
            self.model.counts["sign-outs repeated"] += 1
            await asyncio.sleep(pause)
        self.unfinished.append((attempt, sessions, by))

    def mishap(self):
        """Return headers with which a worker dies, a receiver misbehaves, or the browser leaves."""
        if self.rng.random() < 0.3:
            return {HANG_UP: str(self.rng.uniform(0, 0.05))}
        if self.rng.random() < 0.3:
            return {RECEIVER: self.rng.choice(["hangs", "exits"])}
        return dying(self.rng.randint(1, LAST_STEP), self.rng.choice(("kill", "term", "exit")))

    async def race(self, session, pages):
        """Use the session while it ends: each key that results must be rejected.

        A click with the key that the session has just lost is anybody's click: not used here.
        """
        page = self.rng.choice(
            [page for page in pages if page != SWITCH or self.can_switch(session)]
        )
        answer = await self.visit(session, page)
        session.story.append(f"meanwhile {page} {'answered' if answer else 'not answered'}")
        key = answer and answer.cookie("sessionid")
        if key and key not in session.keys:
            session.keys.append(key)

    async def finish(self, patience):
        """Repeat what never got a response, now that nothing fails: it must succeed."""
        for attempt, sessions, by in self.unfinished:
            for _ in range(patience):
                try:
                    done, _ = await attempt()
                except Unanswered:
                    done = False
                if done:
                    self.model.ended(sessions, by)
                    self.model.counts["sign-outs completed in the end"] += 1
                    break
                await asyncio.sleep(1)
            else:
                self.model.complain("never completed", sessions[0], by)

    def can_switch(self, session):
        """Return whether a session is the person's own, and not the customer's."""
        return session.sub == self.sub

    def forget(self, sessions):
        self.sessions = [one for one in self.sessions if one not in sessions]

    def node(self):
        return self.rng.choice(self.site.nodes)


def name_of(attempt):
    return attempt.func.__name__
