"""The pages of the providers agree with the doctor, and with the tests of the providers."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from django_oidc_logout.conf import conf
from django_oidc_logout.doctor.recipes import VENDORS, Registration, recipe, vendor_of
from e2e.providers import scenarios, table, traits
from e2e.providers.scenarios import BackChannel, BackChannelWithSub, FrontChannel, Scenarios

FOLDER = table.PAGE.parent
PAGES = {path.stem: path.read_text() for path in FOLDER.glob("*.md") if path != table.PAGE}
INDEX = table.PAGE.read_text()
SETTINGS = re.compile(r"```python\n# settings.py\n(.+?)```", re.DOTALL)
STATUS = {"Tested": "tested", "Based on": "documentation"}
SITE = "https://www.example.com/oidc/logout"
REGISTRATION = Registration(
    post_logout_redirect_uri=f"{SITE}/callback/",
    backchannel_logout_uri=f"{SITE}/backchannel/",
    frontchannel_logout_uri=f"{SITE}/frontchannel/",
)


def classes_of(kind):
    """Return the classes of a kind that pytest finds beside `scenarios.py`."""
    names = [path.stem for path in sorted(Path(scenarios.__file__).parent.glob("test_*.py"))]
    modules = [import_module(f"{scenarios.__package__}.{name}") for name in names]
    found = [each for module in modules for each in vars(module).values() if isinstance(each, type)]
    return [each for each in found if each.__name__.startswith("Test") and issubclass(each, kind)]


HELD = classes_of(Scenarios)
FRAMES = {each for tests in classes_of(FrontChannel) for each in tests.providers}
# In a file of its own, with the example's sites.
FRAMES_ELSEWHERE = {traits.OIDC_PROVIDER_6}


def options_of(page, settings):
    """Return the provider's options as the first settings on a page make them."""
    written: dict[str, object] = {}
    exec(SETTINGS.search(PAGES[page])[1], written)
    for name in written.keys() - {"__builtins__"}:
        setattr(settings, name, written[name])
    return conf.OIDC_LOGOUT_PROVIDERS["default"]


def as_console(commands):
    """Return commands with a prompt before each of them, as the pages show them."""
    lines, goes_on = [], False
    for line in commands.splitlines(keepends=True):
        lines.append(line if goes_on or line.startswith("#") else f"$ {line}")
        goes_on = line.endswith("\\\n")
    return f"```console\n{''.join(lines)}```"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_its_vendors_recipe(page, settings):
    options = options_of(page, settings)
    assert options.algorithms == ("RS256",)
    vendor = vendor_of(options.issuer)
    shown = re.findall(r"```console\n.+?```", PAGES[page], re.DOTALL)
    assert shown == ([as_console(recipe(vendor, REGISTRATION, options))] if vendor else [])


def test_each_vendor_has_a_page(settings):
    assert {vendor_of(options_of(page, settings).issuer) for page in PAGES} == {*VENDORS, ""}


@pytest.mark.parametrize("page", PAGES)
def test_the_index_lists_each_page_with_its_status(page):
    name, first = re.match(r"# (.+)\n\n(.+)\n", PAGES[page]).groups()
    (status,) = (word for words, word in STATUS.items() if first.startswith(words))
    assert re.search(rf"^\| \[{re.escape(name)}\]\({page}\.md\) \|.*\| {status} \|$", INDEX, re.M)
    assert f"\n{page}\n" in INDEX
    assert (status == "tested") == (page in {each.page for each in traits.ALL})


def test_the_table_is_what_the_tests_hold():
    assert table.with_table(INDEX) == INDEX, "Run: python -m e2e.providers.table"


def test_each_provider_is_held_to_its_traits():
    held = [each for tests in HELD for each in tests.providers]
    assert len(held) == len(traits.ALL)
    assert {*held} == {*traits.ALL}


@pytest.mark.parametrize(
    ("tests", "each"), [(tests, each) for tests in HELD for each in tests.providers]
)
def test_a_channel_that_a_provider_has_is_tested(tests, each):
    assert issubclass(tests, BackChannel) == (each.logout_token is not None)
    assert issubclass(tests, BackChannelWithSub) == each.tells_by_sub
    assert each.front_channel == (each in FRAMES | FRAMES_ELSEWHERE)


def test_the_front_page_of_the_documentation_names_each_provider():
    front = (FOLDER.parent / "index.md").read_text()
    assert [
        name for name in PAGES if f"](providers/{name}.md)" not in front.replace("\n", " ")
    ] == []
