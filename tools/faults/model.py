"""What must be true: who was notified of which sign-out, so who must be signed in and who not.

A session is *in*, *out* or neither. It is out once somebody was notified: the person by the
response to a click, the provider by a 200 to its logout token, the site's code by what
`end_sessions()` returned. From then on, every key that the session ever had must be rejected,
everywhere, for ever.
It is in from the response to the sign-in on. If a request that ends sessions gets an error or no
response, its sessions are *unsure*: they may be in or out, until somebody is notified.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from .provider import CUSTOMER_OF, email_of


@dataclass(eq=False)
class Session:
    """A session in one browser."""

    sub: str
    sid: str
    key: str
    state: str = "in"
    sure: bool = True
    recorded: bool = True
    stale: bool = False  # its copy in the cache may be of before the sign-in
    keys: list = field(default_factory=list)  # all that it has or had
    story: list = field(default_factory=list)  # what was tried, and what came of it
    email: str = ""  # whom its pages show: who signed in, or whom they act as

    def __post_init__(self):
        self.keys.append(self.key)
        self.email = email_of(self.sub)

    @property
    def emails(self):
        """Return whom its pages may show."""
        return email_of(self.sub), CUSTOMER_OF + email_of(self.sub)

    def switch(self):
        """Note that it acts as the customer now, or no longer."""
        self.email = next(email for email in self.emails if email != self.email)

    def move(self, key):
        self.key = key
        self.keys.append(key)


class Model:
    def __init__(self, engine):
        self.engine = engine
        self.database_outages = 0  # as `outages`, of the database
        self.outages = 0  # of the cache: one more at its beginning, and at its end
        self.sessions = []
        self.counts = Counter()
        self.wrong = []  # violations, in words
        self.lost_sign_ins = 0  # sign-ins and moves whose answer was lost: their key is unknown

    def may_be_stale(self, session, outages):
        """Note that a session was saved while the cache was down, if it was.

        With `cached_db`, only the database has it then; the cache keeps an older copy, if any.
        """
        if self.engine == "cached_db" and self.was_down(outages):
            session.stale = True
            self.unsure([session], "saved while the cache was down")

    def may_be_unrecorded(self, session, outages):
        """Note that a session was signed in while the database was down, if it was.

        The session is in the cache then, but maybe not in the index: the site only logs that.
        """
        if self.engine == "cache" and (outages % 2 or outages != self.database_outages):
            session.recorded = False
            self.unsure([session], "signed in while the database was down")

    def was_down(self, outages):
        """Return whether the cache has been down at any time since `outages` was read."""
        return outages % 2 == 1 or outages != self.outages

    def signed_in(self, session):
        self.sessions.append(session)
        self.counts["signed in"] += 1

    def ended(self, sessions, by):
        """Note that somebody was notified of the end of these sessions."""
        for session in sessions:
            if session.state != "out":
                session.state = "out"
                session.story.append(by)
                self.counts[by] += 1

    def unsure(self, sessions, why):
        for session in sessions:
            session.sure = False
            session.story.append(why)

    def seen(self, session, is_in, where, outages):
        """Compare what a node has shown with what must be true.

        The `cache` engine finds no session in a cache that is down. Then a page that shows nobody
        proves nothing.
        """
        if not is_in and self.engine == "cache" and self.was_down(outages):
            return
        if is_in and session.state == "out" and not session.recorded:
            session.state = "lost"
            self.counts["never recorded, and so not ended"] += 1
        elif is_in and session.state == "out":
            self.complain("survivors", session, where)
        elif not is_in and session.state == "in":
            if session.sure:
                self.complain("wrongly ended", session, where)
            session.state = "gone"
            self.counts["ended without an answer"] += 1

    def complain(self, what, session, where):
        self.counts[what] += 1
        story = "; ".join(session.story)
        self.wrong.append(f"{what}: {session.sub} {session.sid} {where}; its story: {story}")

    def living(self):
        return [session for session in self.sessions if session.state == "in"]

    def ended_ones(self):
        return [session for session in self.sessions if session.state == "out"]

    def report(self):
        """Return the counts in words, those that must be zero last."""
        words = []
        for name in ("signed in", "signed out", "ended by the provider", "ended by the site"):
            words.append(f"{name} {self.counts[name]}")
        words.append(f"moved {self.counts['moved']}, switched {self.counts['switched']}")
        words.append(f"ended without an answer {self.counts['ended without an answer']}")
        words.append(f"faults injected {self.counts['faults injected']}")
        for name in ("survivors", "wrongly ended", "left over", "never completed"):
            words.append(f"{name}: {self.counts[name]}")
        return ", ".join(words)
