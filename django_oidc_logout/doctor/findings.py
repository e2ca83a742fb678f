"""What an inspection finds, and how one that fails is told."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Status = Literal["ok", "warning", "error"]
T = TypeVar("T")

TITLES = {
    # Of a provider.
    "backend": "Provider class",
    "client": "Client",
    "tls": "TLS",
    "discovery": "Discovery",
    "issuer": "Issuer",
    "clock": "Clock",
    "end-session": "End of session",
    "end-session-answer": "Endpoint answer",
    "back-channel": "Back-channel",
    "front-channel": "Front-channel",
    "algorithms": "Algorithms",
    "keys": "Keys",
    "endpoints": "Endpoints",
    "revocation": "Revocation",
    "addresses": "Addresses",
    # Of the site.
    "checks": "System checks",
    "urls": "URLs",
    "database": "Database",
    "encryption": "Encryption",
    "sessions": "Sessions",
    "cache": "Cache",
    "cache-shared": "Shared cache",
    # Of the inspections themselves.
    "examination": "Inspection",
}
"""The ids of findings, each with what people read; those of system checks come on top."""

LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one inspection found."""

    id: str
    """One of `TITLES`, or a system check's."""
    status: Status
    title: str
    detail: str
    """A sentence or an address, free of secrets."""
    remedy: str = ""
    """What to do about it; empty if all is well."""


def ok(name: str, detail: str) -> Finding:
    """Return that all is well."""
    return Finding(id=name, status="ok", title=TITLES[name], detail=detail)


def warning(name: str, detail: str, remedy: str) -> Finding:
    """Return what works less well than it might."""
    return Finding(id=name, status="warning", title=TITLES[name], detail=detail, remedy=remedy)


def error(name: str, detail: str, remedy: str) -> Finding:
    """Return what keeps sign-out from working."""
    return Finding(id=name, status="error", title=TITLES[name], detail=detail, remedy=remedy)


def examine(
    inspections: Iterable[Callable[[T], Iterable[Finding]]], subject: T
) -> tuple[Finding, ...]:
    """Return what all inspections of `subject` find; none that fails keeps the others from it."""
    found: list[Finding] = []
    for inspection in inspections:
        try:
            found += inspection(subject)
        except Exception as exc:  # noqa: BLE001  # whatever is broken in the project: that is why one asks
            found.append(failure(inspection.__name__.strip("_").replace("_", " "), exc))
    return tuple(found)


def failure(what: str, exc: Exception) -> Finding:
    """Return that something could not be examined."""
    return error(
        "examination",
        f"{what}: ended by {type(exc).__name__}.",  # its message might hold a secret
        "Put right what the other findings say, the system checks first, and ask again.",
    )


def quoted(value: object) -> str:
    """Return what somebody else has written, in quotes: nothing in it can reach a terminal."""
    text = json.dumps(value, default=str)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
