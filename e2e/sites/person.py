"""A person with a browser, who does at each site what its pages offer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

from e2e.providers.newcomers import PEOPLE
from e2e.sites.table import STAFF

if TYPE_CHECKING:
    from e2e.sites.federation import Federation, Site

MOST_PAGES = 6
"""Of the provider, between two pages of a site."""
SELECTED = re.compile(r'<option value="(\w+)">Sign out selected')
ROW = re.compile(r'name="_selected_action" value="(\d+)".*?</tr>', re.DOTALL)


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """The forms and links of a page."""

    def __init__(self, answer: requests.Response) -> None:
        super().__init__()
        self.url = answer.url
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            action = urljoin(self.url, given.get("action", ""))
            self.forms.append(Form(action, given.get("method", "get")))
        elif given.get("type") == "checkbox" and "checked" not in given:
            return
        elif tag in {"input", "button"} and self.forms and "name" in given:
            self.forms[-1].fields[given["name"]] = given.get("value", "")
        elif tag == "a" and "href" in given:
            self.links.append(urljoin(self.url, given["href"]))


class Person(requests.Session):
    def __init__(self, federation: Federation, name: str) -> None:
        super().__init__()
        self.trust_env = False
        self.federation = federation
        self.name = name
        self.known = [("login", name), ("username", name), ("password", PEOPLE.get(name, ""))]
        self.was_asked = False
        """Whether the provider asked for a password since `press_sign_in` was called last."""

    def submit(self, form: Form, **filled: str) -> requests.Response:
        return self.post(form.action, data=form.fields | filled)

    def press_sign_in(self, site: Site) -> requests.Response:
        """Follow the page's link or form, and return the site's page after the provider's."""
        self.was_asked = False
        page = Page(self.get(f"{site.url}/"))
        return self._walk(self.submit(page.forms[0]) if page.forms else self.get(page.links[0]))

    def sign_in(self, site: Site) -> None:
        """Sign in, and note whether the provider asked for a password."""
        home = self.press_sign_in(site)
        assert home.url.rstrip("#") == f"{site.url}/", home.url
        assert self.is_signed_in(site)

    def _walk(self, page: requests.Response) -> requests.Response:
        """Do what the provider's pages want, until it sends us back."""
        for _ in range(MOST_PAGES):
            if not page.url.startswith(self.federation.issuer):
                return page
            assert page.ok, page.text
            form = Page(page).forms[0]
            if 'type="password"' in page.text:
                self.was_asked = True
                form.fields |= {name: value for name, value in self.known if name in form.fields}
            page = self.submit(form)
        raise AssertionError(f"the provider keeps asking: {page.url}")

    def press(self, site: Site) -> dict[str, str]:
        """Press the site's button, and return the query of the request to the provider."""
        action, url = self.leave(site)
        assert url.startswith(self.federation.issuer), url
        back = self._walk(self.get(url))
        assert back.url.startswith(site.url), back.url
        return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()} | {
            "action": action,
            "page": back.text,
        }

    def leave(self, site: Site) -> tuple[str, str]:
        """Press the site's button; return where it posts to, and where the site then redirects."""
        (form,) = (f for f in Page(self.get(f"{site.url}/")).forms if f.method == "post")
        answer = self.post(form.action, data=form.fields, allow_redirects=False)
        assert answer.status_code == 302, answer.text
        assert not self.is_signed_in(site)
        return urlsplit(form.action).path, answer.headers["Location"]

    def sign_out_at_the_provider(self) -> None:
        page = self.get(self.federation.metadata["end_session_endpoint"])
        assert page.ok, page.text
        assert self.submit(Page(page).forms[0], logout="yes").ok

    def is_signed_in(self, site: Site) -> bool:
        page = self.get(f"{site.url}/")
        assert page.ok, page.text
        return "You are signed in" in page.text


class Staff(Person):
    """Knows the admin, and is there by a password of the site."""

    def sign_in(self, site: Site) -> None:
        login = self.get(f"{site.url}/admin/")
        (form,) = Page(login).forms
        assert self.submit(form, username=STAFF, password=STAFF).url == f"{site.url}/admin/"

    def sign_out_everybody_called(self, site: Site, name: str, **ticked: str) -> None:
        """Choose the sessions of a person in the list, and confirm with boxes ticked."""
        sessions = f"{site.url}/admin/django_oidc_logout/oidcsession/"
        page = self.get(sessions, params={"q": name})
        (action,) = set(SELECTED.findall(page.text))
        chosen = ROW.findall(page.text)
        assert chosen, page.text
        token = self.cookies[f"site_{site.port}_csrf"]
        fields = {"csrfmiddlewaretoken": token, "action": action, "_selected_action": chosen}
        asked = self.post(sessions, data=fields)
        (form,) = (f for f in Page(asked).forms if "_selected_action" in f.fields)
        fields = form.fields | {"_selected_action": chosen} | ticked
        assert self.post(sessions, data=fields).ok
