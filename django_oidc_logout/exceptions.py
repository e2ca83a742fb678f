"""The package's exceptions: one class for each kind of failure."""

from __future__ import annotations


class OIDCLogoutError(Exception):
    """Base class. The message is a sentence for people and never contains a secret."""

    error = "invalid_request"
    """The error code in the response to the provider (RFC 6749, section 5.2)."""
    issuer = ""
    """The configured issuer whose message was rejected; empty if none is known."""

    @property
    def description(self) -> str:
        """The text in the response to the provider: the message, unless it reveals too much."""
        return str(self)


class ProviderUnavailable(OIDCLogoutError):
    """The identity provider is not configured, is unreachable, or sent an invalid response."""

    description = "the provider's keys cannot be fetched; the site's log says why"
    """A stranger who posts a token must not learn a URL inside the site's network."""


class ProvidersUnreadable(ProviderUnavailable):
    """The site's callable that returns the providers failed."""

    description = "the site's providers cannot be read; the site's log says why"


class ProviderSkipped(OIDCLogoutError):
    """The identity provider need not or cannot be notified, and this is not an error."""


class TokenUnreadable(OIDCLogoutError):
    """A token is not a signed JSON Web Token, or lacks a required claim."""


class LogoutTokenInvalid(OIDCLogoutError):
    """A logout token fails a check, so it ends nothing."""


class SessionsNotEnded(OIDCLogoutError):
    """Some sessions could not be ended. Their rows remain, so the call can be repeated."""

    def __init__(self, *, ended: int, failed: int) -> None:
        super().__init__(f"{failed} sessions could not be ended, {ended} were")
        self.ended = ended
        self.failed = failed
