"""The requests to the site: a coroutine for each."""

from __future__ import annotations

import asyncio
from urllib.parse import quote, urlsplit

from .client import DIE_BEFORE, DIE_HOW, IN_DOUBT, Unanswered
from .model import Session

LOOKS = 10
STOPPED = 500  # gunicorn's answer for a request that was stopped
CSRF = "c" * 32  # a double submit cookie may be anything that comes twice
BACK_CHANNEL = "/oidc/logout/backchannel/"
CLICKS = {
    "click": ("/oidc/logout/", {}, {"X-CSRFToken": CSRF}),
    "json": ("/oidc/logout/", {}, {"X-CSRFToken": CSRF, "Accept": "application/json"}),
    "local": ("/oidc/logout/", {"local": "1"}, {"X-CSRFToken": CSRF}),
    "code": ("/leave/", {}, {}),
    "django": ("/django-logout/", {}, {}),
}


class SignInFailed(Exception):
    """The site rejected a sign-in, or its response was lost."""


class Site:
    """The nodes, and the provider, as the people's browsers see them."""

    def __init__(self, world, web):
        self.web = web
        self.provider = world.ports["provider"]
        self.nodes = [world.ports[name] for name in ("wsgi", "asgi", "sync")]
        self.signer = world.signer
        self.lost = set()  # the logout tokens to which an answer was lost

    def other(self, node):
        return next(port for port in self.nodes if port != node)

    async def get(self, node, path, key="", headers=()):
        cookies = {"sessionid": key} if key else {}
        return await self.web.ask(node, "GET", path, cookies=cookies, headers=headers)

    async def sign_in(self, sub, sid, first, second, headers=()):
        """Sign in through mozilla-django-oidc's views, on two nodes; return the session."""
        started = await self.get(first, "/oidc/authenticate/")
        if started.status != 302:
            raise SignInFailed("authenticate")
        anonymous = started.cookie("sessionid")
        authorize = urlsplit(started.header("location"))
        who = {"sub": quote(sub), "sid": quote(sid)}
        path = f"{authorize.path}?{authorize.query}"
        sent_back = await self.web.ask(self.provider, "GET", path, cookies=who)
        if sent_back.status != 302:
            raise SignInFailed("authorize")
        callback = urlsplit(sent_back.header("location"))
        path = f"{callback.path}?{callback.query}"
        answer = await self.get(second, path, anonymous, headers)
        if answer.status != 302 or answer.header("location") != "/private/":
            raise SignInFailed("callback")
        session = Session(sub, sid, answer.cookie("sessionid"))
        session.answer = answer
        return session

    async def is_in(self, node, key, emails):
        """Return whether a session key opens a page; None if the node does not answer."""
        try:
            answer = await self.get(node, "/private/", key)
        except Unanswered:
            return None
        if answer.status != 200:
            return None
        user = answer.json()["user"]
        assert user in ("", *emails), "somebody else's page"
        return bool(user)

    async def is_in_for_sure(self, node, key, emails):
        """Return the same for a node that must answer."""
        for _ in range(LOOKS):
            is_in = await self.is_in(node, key, emails)
            if is_in is not None:
                return is_in
            await asyncio.sleep(0.2)
        raise Unanswered("a node does not answer although no fault is active")

    async def click(self, node, key, how="click", headers=()):
        """Sign out; return whether the response confirms it, and the response."""
        path, form, own = CLICKS[how]
        cookies = {"sessionid": key, "csrftoken": CSRF}
        answer = await self.web.ask(
            node, "POST", path, form=form, cookies=cookies, headers={**own, **dict(headers)}
        )
        is_done = answer.status == (200 if how == "json" else 302)
        return is_done and not answer.header(IN_DOUBT), answer

    async def follow(self, answer, node):
        """Follow the redirect to the provider, and back."""
        url = urlsplit(answer.header("location"))
        if not url.netloc:
            return
        redirect = await self.web.ask(self.provider, "GET", f"{url.path}?{url.query}")
        if redirect.status == 302:
            back = urlsplit(redirect.header("location"))
            await self.get(node, f"{back.path}?{back.query}")

    async def send_token(self, node, token, headers=()):
        """Send a logout token as the provider; return whether it was accepted, and the response.

        If the response was lost before, "has been used" also means that it was accepted.
        """
        form = {"logout_token": token}
        was_sent = token in self.lost
        self.lost.add(token)
        answer = await self.web.ask(node, "POST", BACK_CHANNEL, form=form, headers=headers)
        if not was_sent and answer.status != STOPPED:
            self.lost.discard(token)
        was_done = was_sent and b"has been used" in answer.body
        return was_done or answer.status == 200, answer

    async def end_person(self, node, email, headers=()):
        form = {"email": email}
        answer = await self.web.ask(node, "POST", "/end/", form=form, headers=headers)
        return answer.status == 200, answer


def dying(step, how="kill"):
    return {DIE_BEFORE: step, DIE_HOW: how}
