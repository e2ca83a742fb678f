"""The outcome of a sign-out: what was done, what was not, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Provider = Literal["redirect", "skipped", "unavailable"]
Tokens = Literal["revoked", "skipped", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a sign-out did at the site, at the identity provider and with the tokens there."""

    site: Literal["done"] = "done"
    """The session here has ended. Nothing else is possible."""
    provider: Provider = "skipped"
    """`redirect`: the browser is on its way there; `skipped`: it was not to be told;
    `unavailable`: it should have been told, and could not be."""
    tokens: Tokens = "skipped"
    """The refresh token: `revoked`, not asked for (`skipped`), or revocation `failed`."""
    reason: str = ""
    """Why, in a sentence."""
