"""What all codes have in common, and who or what ended a session."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Source(StrEnum):
    """Who or what ended a session."""

    PERSON = "person"
    """The person, from another of their sessions."""
    STAFF = "staff"
    """A member of staff, in the admin."""
    SITE = "site"
    """The site's own code, a command, or a change of the account."""
    PROVIDER = "provider"
    """The identity provider."""
    SECURITY_EVENT = "security_event"
    """A security event (Shared Signals), or a token revocation."""
    EXPIRED = "expired"
    """A limit in time."""


class Code(StrEnum):
    """Base class: a code with its sentence, which may have fields for `str.format`."""

    sentence: str

    def __new__(cls, value: str, sentence: str = "") -> Self:
        """Create a member from its value and its sentence."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member

    def extra(self, *, provider: str = "") -> dict[str, str]:
        """Return the extra attributes of a log record: the code and the provider's alias."""
        return {"code": self.value, "provider": provider}
