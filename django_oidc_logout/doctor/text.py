"""The doctor's report as text."""

from __future__ import annotations

import shutil
import textwrap
from collections import Counter
from typing import TYPE_CHECKING

from .recipes import VENDORS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from django.core.management.color import Style

    from .findings import Finding
    from .reports import ProviderReport, Report

SIGNS = {"ok": "✔", "warning": "!", "error": "✘"}
WORDS = {"ok": "ok  ", "warning": "warn", "error": "FAIL"}
COLUMN = 16
WIDEST = 100
LABELS = {
    "post_logout_redirect_uri": "Post-logout redirect URI",
    "backchannel_logout_uri": "Back-channel logout URI",
    "frontchannel_logout_uri": "Front-channel logout URI",
}


def lines(report: Report, style: Style, *, encoding: str | None = None) -> Iterator[str]:
    """Yield the lines of a report.

    Args:
        report: what the doctor found.
        style: Django's colours, or plain text.
        encoding: the terminal's encoding, which may lack the signs.
    """
    page = _Page(style, _signs(encoding))
    yield style.MIGRATE_HEADING("This site")
    yield from page.findings(report.site)
    for provider in report.providers:
        options = provider.options
        yield ""
        yield style.MIGRATE_HEADING(f"Provider {_printable(f'{options.alias}: {options.issuer}')}")
        yield from page.findings(provider.findings)
        yield from page.registration(provider)
    yield ""
    yield page.summary(report)


def _signs(encoding: str | None) -> dict[str, str]:
    try:
        "".join(SIGNS.values()).encode(encoding or "utf-8")
    except UnicodeEncodeError:
        return WORDS
    return SIGNS


def _printable(text: str) -> str:
    """Return the text without characters that control a terminal."""
    return "".join(char if char.isprintable() else "?" for char in text)


class _Page:
    """Formats findings with signs, colours and line breaks."""

    def __init__(self, style: Style, signs: dict[str, str]) -> None:
        self.style = style
        self.signs = signs
        self.width = min(shutil.get_terminal_size().columns, WIDEST)
        self.colours: dict[str, Callable[[str], str]] = {
            "ok": style.SUCCESS,
            "warning": style.WARNING,
            "error": style.ERROR,
        }

    def findings(self, findings: Iterable[Finding]) -> Iterator[str]:
        """Yield the lines of each finding, with its remedy below it."""
        for finding in findings:
            colour = self.colours[finding.status]
            sign = self.signs[finding.status]
            margin = " " * (len(sign) + COLUMN + 5)
            first, *others = self.wrapped(finding.detail, margin) or [""]
            yield f"  {colour(sign)} {finding.title:<{COLUMN}}  {first}"
            yield from (margin + line for line in others)
            for i, line in enumerate(self.wrapped(finding.remedy, margin + "   ")):
                yield f"{margin}{'   ' if i else '-> '}{self.style.MIGRATE_LABEL(line)}"

    def wrapped(self, text: str, margin: str) -> list[str]:
        """Return the lines of a text, broken at spaces only, so that each URL stays whole."""
        width = max(self.width - len(margin), COLUMN)
        return textwrap.wrap(
            _printable(text), width, break_long_words=False, break_on_hyphens=False
        )

    def registration(self, provider: ProviderReport) -> Iterator[str]:
        """Yield the URLs to register and the commands for it."""
        if provider.register is None:
            return
        yield ""
        yield f"  {self.style.MIGRATE_LABEL('Register at the provider')}"
        for name, label in LABELS.items():
            if name in provider.offered:
                yield f"  {label:<26}{_printable(getattr(provider.register, name))}"
        yield ""
        if provider.recipe:
            yield f"  {self.style.MIGRATE_LABEL('Run these commands')}"
            yield provider.recipe.rstrip("\n")
        else:
            yield f"  For the commands, add --vendor and one of {', '.join(VENDORS)}."

    def summary(self, report: Report) -> str:
        """Return the last line."""
        counts = Counter(finding.status for finding in report.findings)
        total = f"{sum(counts.values())} checks"
        problems = [
            f"{counts[status]} {status}{'s' if counts[status] > 1 else ''}"
            for status in ("error", "warning")
            if counts[status]
        ]
        if not problems:
            return self.colours["ok"](f"{total} passed.")
        worst = "error" if counts["error"] else "warning"
        return self.colours[worst](f"{' and '.join(problems)} in {total}.")
