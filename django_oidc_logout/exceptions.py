"""What can go wrong, one class for each kind of failure."""

from __future__ import annotations


class OIDCLogoutError(Exception):
    """Base of this package's errors; the message is a sentence for people, free of secrets."""

    error = "invalid_request"
    """The code with which a provider is answered (RFC 6749, section 5.2)."""

    @property
    def description(self) -> str:
        """What a stranger may be told beside the code; the whole message, unless that says more."""
        return str(self)


class ProviderUnavailable(OIDCLogoutError):
    """The identity provider cannot be told: not configured, not reachable, or not making sense."""

    description = "the provider's keys cannot be fetched; the site's log says why"
    """Whoever posts a token learns no address of the site's network."""


class ProviderSkipped(OIDCLogoutError):
    """The identity provider need not or cannot be told, and that is no fault."""


class TokenUnreadable(OIDCLogoutError):
    """A token that is no JSON Web Token, or lacks what has to be in it."""


class LogoutTokenInvalid(OIDCLogoutError):
    """A logout token that fails a check; it ends nothing."""


class SessionsNotEnded(OIDCLogoutError):
    """Some sessions could not be ended: their rows stay, and the same call may be made again."""

    def __init__(self, *, ended: int, failed: int) -> None:
        super().__init__(f"{failed} sessions could not be ended, {ended} were")
        self.ended = ended
        self.failed = failed
