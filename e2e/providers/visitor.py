"""A person with a browser that understands only URLs and forms."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import requests

if TYPE_CHECKING:
    from http.cookiejar import Cookie
    from urllib.request import Request

    from django_oidc_logout.demo.agreed import Site


@dataclass
class Form:
    action: str
    fields: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """The forms, frames and links of a page."""

    def __init__(self, answer: requests.Response) -> None:
        super().__init__()
        self.url = answer.url
        self.forms: list[Form] = []
        self.frames: list[str] = []
        self.links: list[str] = []
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(urljoin(self.url, given.get("action", ""))))
        elif tag == "input" and self.forms and "name" in given:
            self.forms[-1].fields[given["name"]] = given.get("value", "")
        elif tag == "iframe":
            self.frames.append(given["src"])
        elif tag == "a":
            self.links.append(given["href"])


class LoopbackPolicy(DefaultCookiePolicy):
    """Sends `Secure` cookies to loopback without TLS, as browsers do."""

    def set_ok(self, cookie: Cookie, request: Request) -> bool:
        cookie.secure = False
        return super().set_ok(cookie, request)


class Visitor(requests.Session):
    """A visitor of sites like the example."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(LoopbackPolicy())

    def submit(self, page: requests.Response, path: str, **filled: str) -> requests.Response:
        """Submit the page's one form whose action starts with a path."""
        (form,) = (form for form in Page(page).forms if urlsplit(form.action).path.startswith(path))
        return self.post(form.action, data=form.fields | filled)

    def press_sign_in(self, site: Site) -> requests.Response:
        home = self.get(f"{site.url}/")
        assert 'href="/oidc/authenticate/"' in home.text
        return self.get(f"{site.url}/oidc/authenticate/")

    def press_sign_out(self, site: Site) -> requests.Response:
        return self.submit(self.get(f"{site.url}/"), "/oidc/logout/")

    def is_signed_in(self, site: Site) -> bool:
        """Return whether the next click finds somebody signed in."""
        page = self.get(f"{site.url}/private/", allow_redirects=False)
        assert page.status_code in {200, 302}
        return page.status_code == 200


class ProviderVisitor(Visitor):
    """A visitor who also knows the pages of npm's oidc-provider."""

    def is_asked_who_they_are(self, page: requests.Response) -> bool:
        return "/interaction/" in page.url and 'type="password"' in page.text

    def sign_in(self, site: Site, name: str = "ada") -> None:
        page = self.press_sign_in(site)
        assert self.is_asked_who_they_are(page)
        self._consent(site, self.submit(page, "/interaction/", login=name, password="any"))

    def sign_in_unasked(self, site: Site) -> None:
        """Sign in while the provider has a session."""
        page = self.press_sign_in(site)
        assert not self.is_asked_who_they_are(page)
        self._consent(site, page)

    def _consent(self, site: Site, page: requests.Response) -> None:
        home = self.submit(page, "/interaction/")
        assert home.url == f"{site.url}/"
        assert "You are signed in" in home.text

    def sign_out(self, site: Site, *, of_the_provider: bool = True) -> requests.Response:
        """Press "Sign out" at the site, and confirm at the provider."""
        page = self.press_sign_out(site)
        assert "Yes, sign me out" in page.text
        answer = {"logout": "yes"} if of_the_provider else {}
        return self.submit(page, "/session/end/confirm", **answer)
