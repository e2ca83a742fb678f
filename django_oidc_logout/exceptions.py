"""The package's exceptions: one class for each kind of failure."""

from __future__ import annotations

from typing import Any

from .codes import Code, OutcomeCode, RejectedCode


class OIDCLogoutError(Exception):
    """Base class. The message is a sentence for people and never contains a secret."""

    error = "invalid_request"
    """The error code in the response to the provider (RFC 6749, section 5.2)."""
    issuer = ""
    """The configured issuer whose message was rejected; empty if it is unknown."""
    alias = ""
    """The alias of that provider."""
    code: Code = RejectedCode.UNREADABLE_BODY
    """What failed."""
    not_verified = RejectedCode.KEYS_UNAVAILABLE
    """The code of a rejected message, if `code` is not a `RejectedCode`."""

    def __init__(self, message: str = "", *, code: Code | None = None, **fields: object) -> None:
        """Create the exception.

        Args:
            message: a sentence; if it is empty, the sentence of the code.
            code: what failed; by default, the code of the class.
            fields: the values of the fields in the code's sentence.
        """
        self.code = code or self.code
        super().__init__(message or self.code.sentence.format(**fields))

    @property
    def rejected_code(self) -> RejectedCode:
        """The code of a message that is rejected because of this exception."""
        return self.code if isinstance(self.code, RejectedCode) else self.not_verified

    @property
    def description(self) -> str:
        """The text in the response to the provider: the message, unless it reveals too much."""
        return str(self)


class ProviderUnavailable(OIDCLogoutError):
    """The identity provider is not configured, is unreachable, or sent an invalid response."""

    code = OutcomeCode.PROVIDER_UNAVAILABLE
    description = RejectedCode.KEYS_UNAVAILABLE.sentence
    """A stranger who posts a token must not learn a URL inside the site's network."""


class NotPublished(ProviderUnavailable):
    """The identity provider responded that it does not have the document."""


class ProvidersUnreadable(ProviderUnavailable):
    """The site's callable that returns the providers failed."""

    code = OutcomeCode.PROVIDERS_UNREADABLE
    not_verified = RejectedCode.PROVIDERS_UNREADABLE
    description = RejectedCode.PROVIDERS_UNREADABLE.sentence


class ProviderSkipped(OIDCLogoutError):
    """The identity provider need not or cannot be notified, and this is not an error."""

    code = OutcomeCode.PROVIDER_SKIPPED


class TokenUnreadable(OIDCLogoutError):
    """A token is not a signed JSON Web Token, or lacks a required claim."""

    code = RejectedCode.NOT_A_JWT


class LogoutTokenInvalid(OIDCLogoutError):
    """A logout token failed a check, so it does not end a session."""


class SecurityEventInvalid(OIDCLogoutError):
    """A security event failed a check, so it does not end a session."""

    def __init__(self, error: str, code: RejectedCode, **fields: Any) -> None:
        """Create the exception with the response's error code (RFC 8935, section 2.4) and ours."""
        super().__init__(code=code, **fields)
        self.error = error


class SessionsNotEnded(OIDCLogoutError):
    """Some sessions could not be ended. Their rows remain, so the call can be repeated."""

    code = RejectedCode.SESSIONS_NOT_ENDED

    def __init__(self, *, ended: int, failed: int) -> None:
        super().__init__(ended=ended, failed=failed)
        self.ended = ended
        self.failed = failed
