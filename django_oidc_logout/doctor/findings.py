"""The findings of inspections, including the failure of an inspection."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Status = Literal["ok", "warning", "error"]
T = TypeVar("T")

TITLES = {
    # About a provider.
    "backend": "Provider class",
    "client": "Client",
    "client-secret": "Client secret",
    "sign-in-uri": "Sign-in URI",
    "tls": "TLS",
    "discovery": "Discovery",
    "issuer": "Issuer",
    "clock": "Clock",
    "end-session": "End-session URL",
    "end-session-answer": "Endpoint status",
    "post-logout-uri": "Post-logout URI",
    "back-channel": "Back-channel",
    "token-type": "Token type",
    "front-channel": "Front-channel",
    "algorithms": "Algorithms",
    "keys": "Keys",
    "endpoints": "Endpoints",
    "revocation": "Revocation",
    "addresses": "Site URL",
    "signals": "Security events",
    "self-test": "Self-test",
    # About the site.
    "providers": "Providers",
    "checks": "System checks",
    "urls": "URLs",
    "database": "Database",
    "encryption": "Encryption",
    "sessions": "Sessions",
    "cache": "Cache",
    "cache-shared": "Shared cache",
    # About the inspections.
    "examination": "Inspection",
}
"""The title of each finding by its id. System checks have ids of their own."""

MAX_QUOTED_LENGTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one inspection found."""

    id: str
    """A key of `TITLES` or the id of a system check."""
    status: Status
    title: str
    detail: str
    """A sentence or a URL, without secrets."""
    remedy: str = ""
    """What to do about it; empty if the status is ok."""


def ok(name: str, detail: str) -> Finding:
    """Return a finding that does not need a remedy."""
    return Finding(id=name, status="ok", title=TITLES[name], detail=detail)


def warning(name: str, detail: str, remedy: str) -> Finding:
    """Return a finding about something that works only in part."""
    return Finding(id=name, status="warning", title=TITLES[name], detail=detail, remedy=remedy)


def error(name: str, detail: str, remedy: str) -> Finding:
    """Return a finding about something that breaks the sign-out."""
    return Finding(id=name, status="error", title=TITLES[name], detail=detail, remedy=remedy)


def inspect(
    inspections: Iterable[Callable[[T], Iterable[Finding]]], subject: T
) -> tuple[Finding, ...]:
    """Return what all inspections of `subject` find. A failure does not stop the others."""
    found: list[Finding] = []
    for inspection in inspections:
        try:
            found += inspection(subject)
        except Exception as exc:  # noqa: BLE001  # it inspects projects that may be broken
            found.append(failure(inspection.__name__.strip("_").replace("_", " "), exc))
    return tuple(found)


def failure(what: str, exc: Exception) -> Finding:
    """Return a finding about an inspection that failed."""
    return error(
        "examination",
        # Only the type, because the message may contain a secret.
        f"The inspection of {what} failed with {type(exc).__name__}.",
        "Fix the other findings, the system checks first, then run the doctor again.",
    )


def quoted(value: object) -> str:
    """Return an untrusted value in quotes, escaped so that it cannot control a terminal."""
    text = json.dumps(value, default=str)
    return text if len(text) <= MAX_QUOTED_LENGTH else f"{text[:MAX_QUOTED_LENGTH]}..."
