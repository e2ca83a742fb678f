"""How a provider's security events may differ from the specifications."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Action = Literal["end", "tell", "ignore"]
PUSH, POLL = "urn:ietf:rfc:8935", "urn:ietf:rfc:8936"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a provider's security events differ from the standard. The defaults are the standard."""

    issuer: str = ""
    """The `iss` of events, if it is not the issuer. `{origin}` stands for the issuer's origin."""
    configuration: str = "ssf-configuration"
    """The name of the configuration document below `/.well-known/`. Empty: it is not published."""
    jwks_uri: str = ""
    """The URL of the keys, if it is not published. `{issuer}` stands for the `iss` above."""
    types: tuple[str, ...] = ("secevent+jwt",)
    """Values of the header parameter `typ`, in lower case. The empty string: it may be missing."""
    is_wrapped: bool = False
    """Whether the provider posts `{"payload": token}`. The token has an `exp`, and its `events` is
    the JSON text of one event."""
    is_email_optional: bool = False
    """Whether a session ID is enough if the session's e-mail address is not known."""
    has_auth_time: bool = True
    """Whether ID Tokens have an `auth_time`, so that reauthentication can be required."""
    push: str = PUSH
    """The provider's name for push delivery, to create a stream."""
    policy: Mapping[str, Action] = field(default_factory=dict)
    """What to do with the provider's own event types."""
