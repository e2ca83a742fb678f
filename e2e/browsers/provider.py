"""An identity provider for browsers."""

from __future__ import annotations

import time
from urllib.parse import parse_qs, urlencode, urlsplit

SIGNED_IN = "provider=ada"


class Provider:
    """The pages of an identity provider, where everybody is Ada and need not type anything."""

    def __init__(self, idp):
        self.idp = idp
        self.sign_outs = []
        """The parameters of each sign-out, and the `cookie` and `referer` that came with them."""
        idp.answers["/authorize"] = self.authorize
        idp.answers["/end-session"] = self.end_session

    def authorize(self, handler):
        query = query_of(handler.path)
        self.idp.claims["nonce"] = query["nonce"]
        if query.get("max_age") == "0":
            self.idp.claims["auth_time"] = int(time.time())
        back = urlencode({"code": "code", "state": query["state"]})
        redirect(handler, f"{query['redirect_uri']}?{back}", f"{SIGNED_IN}; HttpOnly; Path=/")

    def end_session(self, handler):
        query = query_of(handler.path)
        headers = {name: handler.headers.get(name) for name in ("cookie", "referer")}
        self.sign_outs.append(query | headers)
        back = urlencode({"state": query["state"]})
        url = f"{query['post_logout_redirect_uri']}?{back}"
        redirect(handler, url, "provider=; Max-Age=0; Path=/")


def redirect(handler, url, cookie):
    handler.body(b"", status=302, Location=url, Set_Cookie=cookie)


def query_of(url):
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def came_by_a_refresh_page(provider):
    """Return whether one request came, by the page that sends no referrer."""
    return [request["referer"] for request in provider.sign_outs] == [None]


def came_by_a_redirect(provider, site):
    return [request["referer"] for request in provider.sign_outs] == [f"{site}/"]
