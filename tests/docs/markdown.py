"""The code blocks of the README and the documentation."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
PROMPT = "$ "
NOT_RUN = re.compile(r"<!-- not run: (.+?) -->\s*")
FRAGMENT = re.compile(r"^(?=# (?:\w+/)?(?:settings|urls)\.py$)", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    page: str
    """The file's path in the repository."""
    line: int
    """Of the block's first line of code."""
    language: str
    """Empty: the block does not say."""
    text: str
    not_run: str = ""
    """The reason given above it."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def first_line(self) -> str:
        return self.text.partition("\n")[0].strip()

    def commands(self) -> list[str]:
        """Return the commands of a console block, without their output."""
        found: list[str] = []
        for line in self.text.splitlines():
            if line.startswith(PROMPT):
                found.append(line.removeprefix(PROMPT))
            elif found and found[-1].endswith("\\"):
                found[-1] += f"\n{line}"
        return found

    def fragments(self) -> list[Block]:
        """Return the files of which the block shows parts: `# settings.py`, then `# urls.py`."""
        blocks, line = [], self.line
        for text in FRAGMENT.split(self.text):
            if text:
                blocks.append(replace(self, line=line, text=text))
            line += text.count("\n")
        return blocks


def pages() -> list[Path]:
    """Return the files whose blocks the tests run."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks_of(text: str, page: str = "") -> list[Block]:
    """Return the blocks of a page, fenced and indented ones, in their order."""
    from markdown_it import MarkdownIt  # noqa: PLC0415  # not on every machine

    blocks, comment = [], ""
    for token in MarkdownIt("commonmark").parse(text):
        if token.type in {"fence", "code_block"}:
            reason = NOT_RUN.fullmatch(comment)
            blocks.append(
                Block(
                    page=page,
                    line=token.map[0] + (2 if token.type == "fence" else 1),
                    language=token.info.strip().partition(" ")[0],
                    text=token.content,
                    not_run=reason[1] if reason else "",
                )
            )
        comment = token.content if token.type == "html_block" else ""
    return blocks


def fragments_of(
    page: str, section: str = "", replaced: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the Python of a page, by the first lines, which name the files.

    Of several for the same file, it is the first.

    Args:
        page: the file's path in the repository.
        section: the heading of the only section to read.
        replaced: texts of the page, and what to put in their places.
    """
    text = (ROOT / page).read_text()
    if section:
        text = text.split(f"\n## {section}\n")[1].split("\n## ")[0]
    for said, own in (replaced or {}).items():
        text = text.replace(said, own)
    blocks = [block for block in blocks_of(text) if block.language == "python"]
    parts = [part for block in blocks for part in block.fragments()]
    return {part.first_line: part.text for part in reversed(parts)}


@cache
def all_blocks() -> list[Block]:
    """Return the blocks of all pages, or none if no Markdown parser is installed."""
    if not find_spec("markdown_it"):
        return []
    return [
        block
        for path in pages()
        for block in blocks_of(path.read_text(), str(path.relative_to(ROOT)))
    ]
