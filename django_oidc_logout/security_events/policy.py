"""What a security event does: it ends sessions, or is only announced (`tell` and `ignore`).

The site does not request events that are ignored, but a transmitter may send them unasked.
CAEP 1.0, RISC 1.0 and Shared Signals Framework 1.0 define the events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from ..providers.dialects import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..providers.transmitter import Transmitter

    Details = Mapping[str, Any]

PREFIX = "https://schemas.openid.net/secevent/"
CAEP = f"{PREFIX}caep/event-type/"
RISC = f"{PREFIX}risc/event-type/"
SSF = f"{PREFIX}ssf/event-type/"

SESSION_REVOKED = f"{CAEP}session-revoked"
VERIFICATION = f"{SSF}verification"
ACTIONS: tuple[Action, ...] = get_args(Action)


def _credential_change(details: Details) -> Action:
    """Return `end` if a credential was revoked, or a password replaced (CAEP 1.0, section 3.3)."""
    change = details.get("change_type")
    if change in ("revoke", "delete"):
        return "end"
    return "end" if (change, details.get("credential_type")) == ("update", "password") else "tell"


def _risk_level_change(details: Details) -> Action:
    return "end" if details.get("current_level") == "HIGH" else "tell"


DEFAULTS: dict[str, Action | Callable[[Details], Action]] = {
    SESSION_REVOKED: "end",
    f"{CAEP}credential-change": _credential_change,
    f"{CAEP}risk-level-change": _risk_level_change,
    f"{CAEP}token-claims-change": "tell",
    f"{CAEP}assurance-level-change": "tell",
    f"{CAEP}device-compliance-change": "tell",
    f"{CAEP}session-established": "ignore",
    f"{CAEP}session-presented": "ignore",
    f"{RISC}account-disabled": "end",
    f"{RISC}account-purged": "end",
    f"{RISC}account-credential-change-required": "end",
    f"{RISC}credential-compromise": "end",
    f"{RISC}sessions-revoked": "end",
    f"{RISC}account-enabled": "tell",
    f"{RISC}identifier-changed": "tell",
    f"{RISC}identifier-recycled": "tell",
    f"{RISC}opt-in": "tell",
    f"{RISC}opt-out-initiated": "tell",
    f"{RISC}opt-out-cancelled": "tell",
    f"{RISC}opt-out-effective": "tell",
    f"{RISC}recovery-activated": "tell",
    f"{RISC}recovery-information-changed": "tell",
    VERIFICATION: "tell",
    f"{SSF}stream-updated": "tell",
}


def short_name(event: str) -> str:
    """Return the last part of an event's URI."""
    return event.rpartition("/")[2]


def is_uri(name: object) -> bool:
    """Return whether an event's name is its whole URI."""
    return isinstance(name, str) and "/" in name


def action(transmitter: Transmitter, event: str, details: Details) -> Action:
    """Return what to do with an event.

    If `POLICY` has the event, by its URI or the URI's last part, it decides. An unknown event is
    announced.
    """
    written = transmitter.signals.policy
    chosen = written.get(event, written.get(short_name(event)))
    if chosen in ACTIONS:
        return chosen
    default = transmitter.dialect.policy.get(event) or DEFAULTS.get(event, "tell")
    return default if isinstance(default, str) else default(details)


def requested(transmitter: Transmitter) -> list[str]:
    """Return the events to request from a transmitter: the known ones that are not ignored.

    They include the provider's own, and those that `POLICY` names by their URIs.
    """
    names = (*DEFAULTS, *transmitter.dialect.policy, *transmitter.signals.policy)
    known = dict.fromkeys(filter(is_uri, names))
    return [event for event in known if action(transmitter, event, {}) != "ignore"]
