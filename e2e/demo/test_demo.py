"""The demo, started from the command line and driven over real HTTP."""

from __future__ import annotations

import json
import re
import signal
import socket
import sys
import time
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from django_oidc_logout.demo.processes import agreement, provider_server, site_server
from e2e.demo.running import OPTIONS, SITE_SETTINGS, Demo
from e2e.providers.visitor import Visitor
from e2e.providers.waiting import SECONDS, eventually, running
from tests.absence import need_package
from tests.ports import free_ports, is_free

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import requests

    from django_oidc_logout.demo.agreed import Site


@pytest.fixture(autouse=True, scope="module")
def _toolkit() -> None:
    """The demo's identity provider needs django-oauth-toolkit."""
    need_package("oauth2_provider", "django-oauth-toolkit")


MOZILLA_SETTINGS = "tests.settings_mozilla_demo"


class DemoVisitor(Visitor):
    """A visitor who can give a password to the demo's provider."""

    def __init__(self, demo: Demo) -> None:
        super().__init__()
        self.demo = demo

    def sign_in(self, site: Site, username: str, password: str) -> requests.Response:
        page = self.press_sign_in(site)
        assert self.is_asked_for_password(page)
        return self.submit(page, "/sign-in/", username=username, password=password)

    def is_asked_for_password(self, page: requests.Response) -> bool:
        return page.url.startswith(f"{self.demo.provider.url}/sign-in/") and (
            'type="password"' in page.text
        )


def claims_of(landed: requests.Response) -> dict[str, Any]:
    """Return the claims of the hint that a sign-out has sent to the provider."""
    (hint,) = (
        hint
        for answer in landed.history
        for hint in parse_qs(urlsplit(answer.url).query).get("id_token_hint", [])
    )
    return jwt.decode(hint, options={"verify_signature": False})


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    demo = Demo(tmp_path_factory.mktemp("demo"))
    with demo.running():
        yield demo


@pytest.fixture
def one(demo: Demo) -> Site:
    return demo.sites[0]


@pytest.fixture
def two(demo: Demo) -> Site:
    return demo.sites[1]


@pytest.fixture
def visitor(demo: Demo) -> Iterator[DemoVisitor]:
    with DemoVisitor(demo) as visitor:
        yield visitor


@pytest.fixture
def other_browser(demo: Demo) -> Iterator[DemoVisitor]:
    with DemoVisitor(demo) as visitor:
        yield visitor


class TestSigningOut:
    def test_the_next_sign_in_asks_for_the_password_again(
        self, visitor: DemoVisitor, demo: Demo, one: Site
    ) -> None:
        home = visitor.sign_in(one, "ada", "lovelace")
        assert home.url == f"{one.url}/"
        assert "ada@example.org" in home.text
        assert demo.provider.url in home.text
        assert visitor.is_signed_in(one)

        landed = visitor.press_sign_out(one)
        visited = [answer.url for answer in landed.history]
        assert any(url.startswith(f"{demo.provider.url}/logout/?") for url in visited)
        assert landed.status_code == 200
        assert landed.url.startswith(one.post_logout_redirect_uri)
        assert "You are signed out" in landed.text
        assert "Signed out at Example ID." in landed.text
        assert "ada@example.org" not in landed.text
        assert not visitor.is_signed_in(one)

        assert visitor.is_asked_for_password(visitor.press_sign_in(one))

    def test_mozillas_own_view_lets_the_next_sign_in_straight_back_in(self, tmp_path: Path) -> None:
        demo = Demo(tmp_path, settings=MOZILLA_SETTINGS)
        one, two = demo.sites
        with demo.running(), DemoVisitor(demo) as visitor:
            visitor.sign_in(one, "ada", "lovelace")
            visitor.press_sign_in(two)
            assert visitor.is_signed_in(one)

            landed = visitor.press_sign_out(one)
            assert landed.url == f"{one.url}/"
            assert not visitor.is_signed_in(one)
            assert visitor.is_signed_in(two)

            home = visitor.press_sign_in(one)
            assert home.url == f"{one.url}/"
            assert "ada@example.org" in home.text
            assert visitor.is_signed_in(one)

    def test_somebody_else_can_sign_in_next(self, visitor: DemoVisitor, one: Site) -> None:
        visitor.sign_in(one, "ada", "lovelace")
        visitor.press_sign_out(one)
        assert "grace@example.org" in visitor.sign_in(one, "grace", "hopper").text

    def test_another_browser_stays_signed_in_and_signs_out_as_well(
        self, visitor: DemoVisitor, other_browser: DemoVisitor, one: Site, two: Site
    ) -> None:
        for browser in visitor, other_browser:
            browser.sign_in(one, "ada", "lovelace")
            browser.press_sign_in(two)

        visitor.press_sign_out(one)
        assert [visitor.is_signed_in(site) for site in (one, two)] == [False, False]
        assert [other_browser.is_signed_in(site) for site in (one, two)] == [True, True]

        landed = other_browser.press_sign_out(two)
        assert landed.url.startswith(two.post_logout_redirect_uri)
        assert [other_browser.is_signed_in(site) for site in (one, two)] == [False, False]
        assert other_browser.is_asked_for_password(other_browser.press_sign_in(one))

    def test_a_session_that_has_ended_at_the_provider_ends_here_too(
        self, visitor: DemoVisitor, one: Site
    ) -> None:
        visitor.sign_in(one, "grace", "hopper")
        del visitor.cookies["idp_session"]

        landed = visitor.press_sign_out(one)
        assert landed.url.startswith(one.post_logout_redirect_uri)
        assert not visitor.is_signed_in(one)


class TestTheOtherSite:
    @pytest.mark.parametrize(("here", "there"), [(0, 1), (1, 0)], ids=["one", "two"])
    def test_one_click_signs_out_there_too(
        self, visitor: DemoVisitor, demo: Demo, here: int, there: int
    ) -> None:
        here, there = demo.sites[here], demo.sites[there]
        visitor.sign_in(here, "ada", "lovelace")
        home = visitor.press_sign_in(there)
        assert home.url == f"{there.url}/"  # the provider did not ask again
        assert "ada@example.org" in home.text

        landed = visitor.press_sign_out(here)
        assert landed.url.startswith(here.post_logout_redirect_uri)

        home = visitor.get(f"{there.url}/")
        assert "You are not signed in" in home.text
        assert "ada@example.org" not in home.text
        assert visitor.is_asked_for_password(visitor.get(f"{there.url}/private/"))

    def test_the_provider_can_sign_out_of_both(
        self, visitor: DemoVisitor, demo: Demo, one: Site, two: Site
    ) -> None:
        visitor.sign_in(one, "grace", "hopper")
        visitor.press_sign_in(two)
        page = visitor.get(f"{demo.provider.url}/")
        assert one.url in page.text
        assert two.url in page.text

        visitor.submit(page, "/sign-out/")
        assert not visitor.is_signed_in(one)
        assert not visitor.is_signed_in(two)


class TestPages:
    def test_the_private_page_leads_to_the_provider_and_back(
        self, visitor: DemoVisitor, one: Site
    ) -> None:
        page = visitor.get(f"{one.url}/private/")
        assert visitor.is_asked_for_password(page)
        page = visitor.submit(page, "/sign-in/", username="grace", password="hopper")
        assert page.url == f"{one.url}/private/"

    def test_a_site_says_which_one_it_is_and_leads_to_the_other(
        self, visitor: DemoVisitor, one: Site, two: Site
    ) -> None:
        for here, there in (one, two), (two, one):
            page = visitor.get(f"{here.url}/").text
            assert f"<title>Not signed in · {here.name}</title>" in page
            assert f'href="{there.url}/"' in page

    def test_the_provider_says_who_is_signed_in_there(
        self, visitor: DemoVisitor, demo: Demo, one: Site
    ) -> None:
        assert "Nobody is signed in" in visitor.get(f"{demo.provider.url}/").text
        visitor.sign_in(one, "grace", "hopper")
        assert "Grace Hopper is signed in" in visitor.get(f"{demo.provider.url}/").text

    def test_a_wrong_password_is_refused(self, visitor: DemoVisitor, one: Site) -> None:
        page = visitor.sign_in(one, "ada", "byron")
        assert visitor.is_asked_for_password(page)
        assert 'role="alert"' in page.text

    @pytest.mark.parametrize(
        ("username", "password", "enters"), [("ada", "lovelace", True), ("grace", "hopper", False)]
    )
    def test_only_staff_can_use_the_admin(
        self, visitor: DemoVisitor, one: Site, username: str, password: str, enters: bool
    ) -> None:
        visitor.sign_in(one, username, password)
        page = visitor.get(f"{one.url}/admin/")
        assert (page.url == f"{one.url}/admin/") is enters

    def test_a_password_of_the_site_needs_no_provider(
        self, visitor: DemoVisitor, one: Site
    ) -> None:
        page = visitor.get(f"{one.url}/admin/")
        visitor.submit(page, "/admin/login/", username="ada", password="lovelace")
        assert "a password of this site" in visitor.get(f"{one.url}/").text

        landed = visitor.press_sign_out(one)
        visited = [answer.url for answer in [*landed.history, landed]]
        assert all(url.startswith(one.url) for url in visited)
        assert not visitor.is_signed_in(one)

    @pytest.mark.parametrize("path", ["", "private/"])
    def test_pages_hold_no_inline_style_or_script(
        self, visitor: DemoVisitor, one: Site, path: str
    ) -> None:
        visitor.sign_in(one, "ada", "lovelace")
        page = visitor.get(f"{one.url}/{path}").text
        assert re.findall("<script(?! src=)", page) == []
        assert "<style" not in page
        assert "style=" not in page


class TestProvider:
    def test_it_publishes_what_it_does(self, visitor: DemoVisitor, demo: Demo) -> None:
        document = visitor.get(f"{demo.provider.url}/.well-known/openid-configuration").json()
        assert document["issuer"] == demo.provider.url
        assert document["end_session_endpoint"] == f"{demo.provider.url}/logout/"
        assert document["backchannel_logout_supported"] is True
        assert document["backchannel_logout_session_supported"] is True

    def test_sids_are_unique_and_not_in_cookies(self, visitor: DemoVisitor, one: Site) -> None:
        sids = set()
        for _ in range(2):
            visitor.sign_in(one, "ada", "lovelace")
            cookies = {cookie.value for cookie in visitor.cookies}
            sids.add(claims_of(visitor.press_sign_out(one))["sid"])
            assert not sids & cookies
        assert len(sids) == 2

    def test_a_site_that_is_down_does_not_keep_people_signed_in(self, tmp_path: Path) -> None:
        demo = Demo(tmp_path)
        environment = agreement(demo.sites, demo.provider, tmp_path)
        log = tmp_path / "idp.log"
        provider = provider_server(demo.provider, environment=environment, log=log)
        one, two = (
            site_server(site, settings=SITE_SETTINGS, environment=environment, log=tmp_path / name)
            for site, name in zip(demo.sites, ["one.log", "two.log"], strict=True)
        )
        with running(provider, one, two), DemoVisitor(demo) as visitor:
            here, there = demo.sites
            visitor.sign_in(here, "ada", "lovelace")
            visitor.press_sign_in(there)
            two.end()
            landed = visitor.press_sign_out(here)
            assert landed.url.startswith(here.post_logout_redirect_uri)
            assert visitor.is_asked_for_password(visitor.press_sign_in(here))
        assert "Could not notify Site two of a sign-out" in log.read_text()


class TestCommand:
    def test_it_prints_the_urls_and_the_people(self, demo: Demo) -> None:
        addresses = [demo.provider.url]
        for site in demo.sites:
            addresses += [site.name, site.url]
        for said in [*addresses, "ada", "lovelace", "grace", "hopper", "Ctrl-C"]:
            assert said in demo.said

    def test_the_provider_runs_alone_for_your_own_site(
        self, visitor: DemoVisitor, tmp_path: Path
    ) -> None:
        demo = Demo(tmp_path)
        site, _ = demo.sites
        module = [sys.executable, "-m", "django_oidc_logout.demo"]
        ports = ["--site-port", str(site.port), "--idp-port", str(demo.provider.port)]
        demo.command = [*module, *ports]
        with demo.running():
            for said in [site.url, site.client_id, site.client_secret, "ada", "lovelace"]:
                assert said in demo.said
            assert all(is_free(each.port) for each in demo.sites)
            asked = visitor.get(
                f"{demo.provider.url}/authorize/",
                params={
                    "client_id": site.client_id,
                    "redirect_uri": site.redirect_uri,
                    "response_type": "code",
                    "scope": "openid",
                    "code_challenge": "tutorial-tutorial-tutorial-tutorial-tutorial",
                },
            )
            assert asked.url.startswith(f"{demo.provider.url}/sign-in/")
        assert demo.is_gone()

    @pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
    def test_a_signal_ends_everything(self, tmp_path: Path, name: str) -> None:
        demo = Demo(tmp_path)
        with demo.running() as process:
            assert not demo.is_gone()
            process.send_signal(getattr(signal, name))
            assert process.wait(SECONDS) == 0
        assert demo.is_gone()
        assert "Traceback" not in (tmp_path / "said").read_text()

    def test_killing_the_demo_ends_every_server(self, tmp_path: Path) -> None:
        demo = Demo(tmp_path)
        with demo.running() as process:
            process.kill()
            assert eventually(demo.is_gone)

    @pytest.mark.parametrize("taken", range(4), ids=OPTIONS)
    def test_a_taken_port_gives_one_line(self, tmp_path: Path, taken: int) -> None:
        demo = Demo(tmp_path)
        with socket.create_server(("127.0.0.1", demo.ports[taken])):
            result = demo.run()
        assert result.returncode == 1
        (line,) = (result.stdout + result.stderr).splitlines()
        assert line.startswith(f"Port {demo.ports[taken]} is taken")
        assert line.endswith(f"with {OPTIONS[taken]}.")
        assert not list(tmp_path.glob("*.sqlite3"))

    @pytest.mark.parametrize("same", [(0, 1), (0, 2), (1, 2)], ids=str)
    def test_each_server_needs_a_port(self, tmp_path: Path, same: tuple[int, int]) -> None:
        ports = free_ports(4)
        ports[same[0]] = ports[same[1]]
        result = Demo(tmp_path, ports=ports).run()
        assert result.returncode == 1
        assert len(result.stderr.splitlines()) == 1

    @pytest.mark.parametrize("name", ["one", "two"])
    def test_a_server_that_ends_by_itself_ends_the_others(self, tmp_path: Path, name: str) -> None:
        (tmp_path / f"site-{name}.sqlite3").mkdir()  # SQLite cannot open a directory
        demo = Demo(tmp_path)
        result = demo.run()
        assert result.returncode == 1
        (line,) = (result.stdout + result.stderr).splitlines()
        assert line.startswith(f"Site {name} stopped with exit code")
        assert demo.is_gone()


class TestEnvironment:
    @pytest.mark.parametrize(
        ("variable", "value", "said"),
        [
            ("DEMO_SITE_PORTS", "8000", "DEMO_SITE_PORTS must be like 8000, 8001"),
            ("DEMO_SITE_PORTS", "8000,8000", "DEMO_SITE_PORTS must be like 8000, 8001"),
            ("DEMO_SITE_PORTS", "8000,x", "DEMO_SITE_PORTS must be like 8000, 8001"),
            ("DEMO_IDP_PORT", "65536", "DEMO_IDP_PORT must be like 9000"),
            ("DEMO_SITE_PORT", "7999", "DEMO_SITE_PORT must be one of DEMO_SITE_PORTS"),
        ],
    )
    def test_a_wrong_port_gives_one_line(
        self, tmp_path: Path, variable: str, value: str, said: str
    ) -> None:
        demo = Demo(tmp_path)
        demo.environment[variable] = value
        result = demo.run()
        assert result.returncode == 1
        assert result.stderr.startswith(said)
        assert len(result.stderr.splitlines()) == 1


class TestWhatElseAProviderCanDo:
    def test_a_stolen_device_ends_the_sessions_and_needs_the_password(
        self, visitor: DemoVisitor, demo: Demo, one: Site, two: Site
    ) -> None:
        visitor.sign_in(one, "grace", "hopper")
        visitor.press_sign_in(two)
        visitor.submit(visitor.get(f"{demo.provider.url}/"), "/stolen-device/")
        assert [visitor.is_signed_in(site) for site in (one, two)] == [False, False]
        ended = int(time.time())

        refused = visitor.press_sign_in(one)  # the provider does not ask for the password
        assert (refused.status_code, refused.url.startswith(one.redirect_uri)) == (403, True)
        assert "Please sign in again" in refused.text
        page = visitor.get(f"{one.url}/oidc/logout/reauthenticate/")
        assert visitor.is_asked_for_password(page)
        assert eventually(lambda: int(time.time()) > ended)  # an `auth_time` is in whole seconds
        landed = visitor.submit(page, "/sign-in/", username="grace", password="hopper")
        assert "grace@example.org" in landed.text

        steps = visitor.get(f"{demo.hub.url}/steps/").text
        assert "session-revoked" in steps
        assert "security_event" in steps
        assert "reauthentication_required" in steps

    def test_the_next_sign_in_is_short_and_the_one_after_is_not(
        self, visitor: DemoVisitor, demo: Demo, one: Site, two: Site
    ) -> None:
        visitor.sign_in(one, "ada", "lovelace")
        page = visitor.submit(visitor.get(f"{demo.provider.url}/"), "/short-session/")
        assert "Now press “Sign in” at a site" in page.text
        visitor.press_sign_in(two)
        page = visitor.get(f"{demo.provider.url}/")
        assert "Now press" not in page.text
        claims = claims_of(visitor.press_sign_out(two))
        assert claims["iat"] < claims["session_expiry"] <= time.time() + 2
        visitor.sign_in(one, "ada", "lovelace")
        assert "session_expiry" not in claims_of(visitor.press_sign_out(one))

    @pytest.mark.parametrize("path", ["stolen-device", "short-session"])
    def test_only_for_whoever_is_signed_in_there(
        self, visitor: DemoVisitor, demo: Demo, path: str
    ) -> None:
        assert visitor.get(f"{demo.provider.url}/{path}/").status_code == 405
        assert visitor.post(f"{demo.provider.url}/{path}/").status_code == 403

    def test_staff_can_sign_people_out_everywhere(self, visitor: DemoVisitor, one: Site) -> None:
        visitor.sign_in(one, "ada", "lovelace")
        people = visitor.get(f"{one.url}/admin/auth/user/").text
        assert '<option value="sign_out_everywhere">' in people
        page = visitor.get(f"{one.url}/oidc/sessions/").text
        assert "Where you are signed in" in page


class TestTimeline:
    @pytest.fixture
    def visitor(self, demo: Demo) -> Iterator[DemoVisitor]:
        with DemoVisitor(demo) as visitor:
            visitor.post(f"{demo.hub.url}/clear/")
            yield visitor

    def steps(self, visitor: DemoVisitor, demo: Demo) -> list[str]:
        """Return the steps, oldest first, as somebody without JavaScript reads them."""
        page = visitor.get(f"{demo.hub.url}/steps/").text
        steps = re.findall(r'<li class="step .*?</li>', page, re.S)
        plain = (re.sub(r"<[^>]*>", "", step) for step in steps)
        return [" ".join(unescape(text).split()) for text in plain][::-1]

    def test_the_first_page_shows_both_sites_and_the_provider(
        self, visitor: DemoVisitor, demo: Demo
    ) -> None:
        page = visitor.get(f"{demo.hub.url}/")
        for url in (*(site.url for site in demo.sites), demo.provider.url):
            assert f'src="{url}/"' in page.text
            policy = visitor.get(f"{url}/").headers["Content-Security-Policy"]
            assert policy == f"frame-ancestors 'self' {demo.hub.url}"

    def test_it_says_what_a_sign_out_did(
        self, visitor: DemoVisitor, demo: Demo, one: Site, two: Site
    ) -> None:
        visitor.sign_in(one, "ada", "lovelace")
        visitor.press_sign_in(two)
        visitor.press_sign_out(one)
        said = self.steps(visitor, demo)
        for sender, receiver, text in [
            ("Browser", "Site one", "“Sign in” is pressed."),
            ("Browser", "Identity provider", "it asks for a password."),
            ("Site one", "", "ada is signed in."),
            ("Browser", "Identity provider", "it does not ask for a password."),
            ("Browser", "Site one", "“Sign out” is pressed."),
            ("Site one", "", "The session at this site has ended."),
            ("Browser", "Identity provider", "The site asks to sign this browser out."),
            ("Identity provider", "Site two", "A logout token arrives."),
            ("Site two", "", "The provider ended the session (back-channel)."),
            ("Browser", "Site one", "The browser is back from the provider."),
        ]:
            while sender not in said[0] or receiver not in said[0] or text not in said[0]:
                said.pop(0)
        page = visitor.get(f"{demo.hub.url}/steps/").text
        assert "backchannel-logout" in page
        assert "ada@example.org" not in page  # tokens are redacted
        assert not re.search(r"[\w-]{20,}\.[\w-]{20,}\.[\w-]{20,}", page)

    def test_the_switch_shows_what_django_does_not_do(
        self, visitor: DemoVisitor, demo: Demo, one: Site
    ) -> None:
        visitor.post(f"{demo.hub.url}/switch/", data={"logout": "django"})
        visitor.sign_in(one, "ada", "lovelace")
        visitor.submit(visitor.get(f"{one.url}/"), "/django-logout/")
        assert "did not notify the provider" in self.steps(visitor, demo)[-1]
        assert "ada@example.org" in visitor.press_sign_in(one).text  # without a password
        visitor.post(f"{demo.hub.url}/switch/", data={"logout": "ours"})
        visitor.press_sign_out(one)
        assert visitor.is_asked_for_password(visitor.press_sign_in(one))

    def test_steps_are_streamed_as_they_happen(
        self, visitor: DemoVisitor, demo: Demo, one: Site
    ) -> None:
        with visitor.get(f"{demo.hub.url}/stream/", stream=True) as stream:
            lines = stream.iter_lines(chunk_size=1, decode_unicode=True)
            assert next(lines) == ": connected"
            assert next(lines) == ""
            visitor.press_sign_in(one)
            assert "“Sign in” is pressed." in json.loads(next(lines).removeprefix("data: "))

    @pytest.mark.parametrize("path", ["switch/", "steps/"])
    def test_what_it_does_not_understand_changes_nothing(
        self, visitor: DemoVisitor, demo: Demo, path: str
    ) -> None:
        visitor.post(f"{demo.hub.url}/{path}", data={"logout": "neither"})
        assert not self.steps(visitor, demo)
        assert "demo_logout" not in visitor.cookies
