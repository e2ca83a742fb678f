"""What can go wrong, one class for each kind of failure."""

from __future__ import annotations


class OIDCLogoutError(Exception):
    """Base of this package's errors; the message is a sentence for people, free of secrets."""


class ProviderUnavailable(OIDCLogoutError):
    """The identity provider cannot be told: not configured, not reachable, or not making sense."""


class ProviderSkipped(OIDCLogoutError):
    """The identity provider need not or cannot be told, and that is no fault."""


class TokenUnreadable(OIDCLogoutError):
    """An ID Token from which no issuer and subject can be read."""
