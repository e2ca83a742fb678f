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
    """What a provider class changes for its security events. The defaults are the standard."""

    issuer: str = ""
    """The `iss` of its events, if it is not the issuer. `{origin}` stands for the issuer's."""
    configuration: str = "ssf-configuration"
    """The name of its document below `/.well-known/`. Empty: it does not publish one."""
    jwks_uri: str = ""
    """The URL of its keys, if no document names it. `{issuer}` stands for the `iss` above."""
    types: tuple[str, ...] = ("secevent+jwt",)
    """Values of the header `typ`, in lower case. Empty text: it may be missing."""
    is_wrapped: bool = False
    """Whether it posts `{"payload": token}`, with `exp`, and one event as a text in `events`."""
    is_email_optional: bool = False
    """Whether a session ID suffices if the session's e-mail address is not known."""
    has_auth_time: bool = True
    """Whether its ID Tokens say when people authenticated: a new authentication can be required."""
    push: str = PUSH
    """Its name for push delivery when a stream is created."""
    policy: Mapping[str, Action] = field(default_factory=dict)
    """What to do with its own events."""
