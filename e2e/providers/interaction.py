"""The pages of npm's oidc-provider, in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from e2e.browsers.chromium import ChromiumVisitor


def say_who(window: ChromiumVisitor) -> None:
    window.fill(login="ada", password="any")  # it takes any
    window.press_button("Sign-in")


def consent(window: ChromiumVisitor) -> None:
    window.press_button("Continue")


def confirm(window: ChromiumVisitor) -> None:
    window.press_button("Yes, sign me out")
