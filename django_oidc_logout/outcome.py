"""The outcome of a sign-out: what was done, what was not, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .codes import OutcomeCode

ProviderOutcome = Literal["redirect", "skipped", "unavailable"]
TokensOutcome = Literal["revoked", "skipped", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a sign-out did at the site, at the identity provider, and with the tokens."""

    site: Literal["done"] = "done"
    """The session at the site has ended. This is the only value."""
    provider: ProviderOutcome = "skipped"
    """`redirect`: the browser was redirected to the provider. `skipped`: the provider was not to be
    notified. `unavailable`: the provider should have been notified, but could not be."""
    tokens: TokensOutcome = "skipped"
    """The refresh token: `revoked`, not to be revoked (`skipped`), or revocation `failed`."""
    recorded: bool = True
    """False: a provider began the session, but the sign-in could not be recorded."""
    code: OutcomeCode = OutcomeCode.PROVIDER_SKIPPED
    """Why, for programs."""
    reason: str = ""
    """Why, in a sentence for people, which may change."""
    alias: str = ""
    """The alias of the provider, if it is known."""
