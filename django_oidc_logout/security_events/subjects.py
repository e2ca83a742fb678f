"""Subjects of security events (RFC 9493; Shared Signals Framework 1.0, section 3).

A subject selects sessions only if the provider has said at their sign-in what it says now.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from django.db.models import Q

from ..codes import RejectedCode
from ..exceptions import ProviderUnavailable, SecurityEventInvalid, TokenUnreadable
from ..fields import digest
from ..sessions import index
from ..tokens import jws

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet

    from ..models import OIDCSession
    from ..providers.transmitter import Transmitter

    Members = Mapping[str, Any]

ALL = "ALL"
"""The ID of a session that stands for all of the user's."""
STRONGEST_FIRST = ("iss_sub", "opaque", "email", "account")
INTERPRETED = {"format", "user", "session"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whose sessions an event is about."""

    sub: str = ""
    email: str = ""
    opaque: str = ""
    """A `sub`, or a `sid`: the format does not say which."""
    sid: str = ""
    is_email_optional: bool = False

    @property
    def is_person(self) -> bool:
        """Whether all sessions of a person are meant."""
        return not self.sid

    def rows(self, issuer: str) -> QuerySet[OIDCSession]:
        """Return the rows of the sessions, with their ID Tokens."""
        meant = Q(pk__in=[])  # a subject of nobody must not select everybody
        for columns in self._columns(issuer):
            meant |= Q(**{f"{name}__in": values for name, values in columns.items()})
        return index.matching(issuer=issuer).filter(meant).defer(None)

    def selected(self, issuer: str) -> list[dict[str, str]]:
        """Return the values of columns that a row of the sessions has: all of one mapping."""
        return [
            dict(zip(columns, values, strict=True))
            for columns in self._columns(issuer)
            for values in product(*columns.values())
        ]

    def _columns(self, issuer: str) -> list[dict[str, list[str]]]:
        """Return the values that columns may have: one of each column of one mapping."""
        if self.opaque:
            either = [digest(issuer, self.opaque)]
            return [{"sub_digest": either}, {"sid_digest": either}]
        given = {"sub_digest": self.sub, "email_digest": self.email, "sid_digest": self.sid}
        columns = {name: [digest(issuer, text)] for name, text in given.items() if text}
        if self.email and self.is_email_optional:
            columns["email_digest"].append("")
        return [columns]


def parse(transmitter: Transmitter, subject: Members, *, is_session: bool) -> Subject | None:
    """Return whose sessions a subject means, or None if the site cannot know.

    Args:
        transmitter: who sent the event.
        subject: the event's subject.
        is_session: whether the event is about sessions, so that an opaque ID may be a session's.

    Raises:
        SecurityEventInvalid: the subject lacks a member that its format requires.
    """
    if _format(subject) == "complex":
        return _complex(transmitter, subject)
    return _single(transmitter, subject, is_session=is_session)


def _format(subject: Members) -> str:
    """Return the format. Older drafts call it `subject_type` and use hyphens; some leave it out."""
    written = subject.get("format", subject.get("subject_type"))
    if written is None:
        return "complex" if {"user", "session"} & {*subject} else ""
    return str(written).replace("-", "_")


def _single(transmitter: Transmitter, subject: Members, *, is_session: bool) -> Subject | None:
    meaning = _aliases if _format(subject) == "aliases" else _simple
    return meaning(transmitter, subject, is_session=is_session)


def _simple(transmitter: Transmitter, subject: Members, *, is_session: bool) -> Subject | None:
    match _format(subject):
        case "iss_sub" | "id_token_claims":
            issuer, sub = _text(subject, "iss"), _text(subject, "sub")
            own = (transmitter.options.issuer, transmitter.issuer)
            return Subject(sub=sub) if issuer in own else None
        case "email":
            return Subject(email=_text(subject, "email").lower())
        case "opaque":
            name = _text(subject, "id")
            return Subject(opaque=name) if is_session else Subject(sub=name)
        case "account":
            scheme, _, account = _text(subject, "uri").partition(":")
            is_known = scheme == "acct" and account
            return Subject(email=unquote(account).lower()) if is_known else None
        case _:
            return None


def _aliases(transmitter: Transmitter, subject: Members, *, is_session: bool) -> Subject | None:
    """Return what the most exact of several identifiers of the same person means."""
    identifiers = subject.get("identifiers")
    if not isinstance(identifiers, list) or not all(isinstance(one, dict) for one in identifiers):
        raise _malformed("identifiers")
    for kind in STRONGEST_FIRST:
        for one in identifiers:
            found = _simple(transmitter, one, is_session=is_session)
            if _format(one) == kind and found is not None:
                return found
    return None


def _complex(transmitter: Transmitter, subject: Members) -> Subject | None:
    """Return what all members mean together, or None if one cannot be matched."""
    if not {*subject} - INTERPRETED <= _ignorable(transmitter, subject):
        return None
    person = Subject()
    if "user" in subject:
        user = _single(transmitter, _object(subject, "user"), is_session=False)
        if user is None:
            return None
        person = user
    sid = _session_id(_object(subject, "session")) if "session" in subject else ALL
    if sid == ALL:
        return person if person != Subject() else None
    if not sid:
        return None
    return Subject(
        sub=person.sub,
        email=person.email,
        sid=sid,
        is_email_optional=transmitter.dialect.is_email_optional,
    )


def _session_id(session: Members) -> str:
    return _text(session, "id") if _format(session) in ("opaque", "") else ""


def _ignorable(transmitter: Transmitter, subject: Members) -> set[str]:
    """Return the other members, without those that the transmitter calls critical (section 7.1)."""
    others = {*subject} - INTERPRETED
    if not others:
        return others
    try:
        critical = transmitter.configuration().get("critical_subject_members")
    except ProviderUnavailable:  # it need not publish any
        critical = None
    return others - {*map(str, critical)} if isinstance(critical, list) else others


def _object(subject: Members, name: str) -> Members:
    value = subject[name]
    if not isinstance(value, dict):
        raise _malformed(name)
    return value


def _text(subject: Members, name: str) -> str:
    try:
        return jws.identifier(subject, name)
    except TokenUnreadable as exc:
        raise _malformed(name) from exc


def _malformed(name: str) -> SecurityEventInvalid:
    return SecurityEventInvalid("invalid_request", RejectedCode.WRONG_SUBJECT, name=name)
