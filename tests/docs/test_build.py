"""The documentation builds without a warning, and every link inside it works."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest

from tests.docs.markdown import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FRONT_PAGES = [path.name for path in sorted(ROOT.glob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)|\b(?:src|href)=\"([^\"]+)\"")
# Drawn by hand, and part of the page itself, so that they take the colours of its theme.
DIAGRAMS = sorted((ROOT / "docs" / "explanation").glob("*.svg"))
SVG = "{http://www.w3.org/2000/svg}"
EXTERNAL = re.compile(r"(?:https?|mailto):")


@dataclass
class Page(HTMLParser):
    """The links of a page and the places in it that can be linked to."""

    path: Path
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    places: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.path.read_text())

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if "id" in given:
            self.places.add(given["id"])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag in {"img", "script"} and "src" in given:
            self.loaded.append(given["src"])
        elif tag == "link" and given.get("rel") in {"stylesheet", "icon"}:
            self.loaded.append(given["href"])


@cache
def page(path: Path) -> Page:
    return Page(path)


def missing(source: Page, link: str) -> str:
    """Return what is missing at the target of a link, or an empty text."""
    parts = urlsplit(link)
    target = source.path.parent / unquote(parts.path) if parts.path else source.path
    if not target.is_file():
        return f"{source.path.name}: {link}"
    is_place = not parts.fragment or target.suffix != ".html"
    if is_place or unquote(parts.fragment) in page(target.resolve()).places:
        return ""
    return f"{source.path.name}: {link} (no such place there)"


def test_it_is_made_without_a_warning(documentation):
    assert (documentation.status, documentation.said) == (0, "")


def test_every_link_inside_leads_somewhere(documentation):
    pages = [page(path.resolve()) for path in documentation.folder.rglob("*.html")]
    assert len(pages) > 20
    links = [(each, link) for each in pages for link in each.links if not EXTERNAL.match(link)]
    assert len(links) > 500
    assert not list(filter(None, (missing(each, link) for each, link in links)))


def test_nothing_is_loaded_from_elsewhere(documentation):
    pages = [page(path.resolve()) for path in documentation.folder.rglob("*.html")]
    loaded = [(each, link) for each in pages for link in each.loaded]
    assert not [link for _, link in loaded if EXTERNAL.match(link) or link.startswith("//")]
    assert not list(filter(None, (missing(each, link) for each, link in loaded)))


@pytest.mark.parametrize("name", FRONT_PAGES)
def test_the_front_pages_lead_to_files_that_are_there(name):
    links = [a or b for a, b in LINK.findall((ROOT / name).read_text())]
    paths = [urlsplit(link).path for link in links if not EXTERNAL.match(link)]
    assert not [path for path in paths if path and not (ROOT / unquote(path)).exists()]


@pytest.mark.parametrize("path", DIAGRAMS, ids=lambda path: path.name)
def test_a_diagram_says_what_it_shows_to_those_who_cannot_see_it(path):
    svg = ElementTree.fromstring(path.read_text())
    named = {svg.find(f"{SVG}title").get("id"), svg.find(f"{SVG}desc").get("id")}
    assert svg.get("role") == "img"
    assert set(svg.get("aria-labelledby").split()) == named
    assert all(svg.findtext(f"{SVG}{part}") for part in ("title", "desc"))


@pytest.mark.parametrize("path", DIAGRAMS, ids=lambda path: path.name)
def test_each_diagram_is_shown(path):
    pages = [page.read_text() for page in path.parent.glob("*.md")]
    assert [text.count(f":file: {path.name}\n") for text in pages if path.name in text] == [1]
