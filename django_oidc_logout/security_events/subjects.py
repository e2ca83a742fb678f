"""Subjects of security events (RFC 9493; Shared Signals Framework 1.0, section 3).

A subject selects a session only by values that the provider sent at the session's sign-in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    from collections.abc import Iterable, Mapping

    from django.db.models import QuerySet

    from ..models import OIDCSession
    from ..providers.transmitter import Transmitter

    Members = Mapping[str, Any]

ALL = "ALL"
"""The session ID that stands for all sessions of the user."""
STRONGEST_FIRST = ("iss_sub", "opaque", "email", "account")
INTERPRETED = {"format", "subject_type", "user", "session"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The sessions that an event is about."""

    sub: str = ""
    email: str = ""
    opaque: str = ""
    """A `sub`, or a `sid`: the format does not say which."""
    sid: str = ""
    is_email_optional: bool = False

    def people(self, issuer: str, rows: Iterable[OIDCSession]) -> set[tuple[str, str]]:
        """Return the people, each an issuer and a subject, of whom all sessions are meant.

        Args:
            issuer: the issuer of the subject.
            rows: rows that the subject selects.
        """
        if self.sid:
            return set()
        named = {(issuer, self.sub)} if self.sub else set()
        return named | {(row.issuer, row.sub) for row in rows if self.opaque in ("", row.sub)}

    def rows(self, issuer: str) -> QuerySet[OIDCSession]:
        """Return the rows of the sessions, with their ID Tokens."""
        meant = Q(pk__in=[])  # an empty subject must not select all rows
        for columns in self._columns(issuer):
            meant |= Q(**{f"{name}__in": values for name, values in columns.items()})
        return index.matching(issuer=issuer).filter(meant).defer(None)

    def selected(self, issuer: str) -> list[dict[str, str]]:
        """Return mappings of columns to values.

        A selected row has all the values of one of the mappings.
        """
        return [
            dict(zip(columns, values, strict=True))
            for columns in self._columns(issuer)
            for values in product(*columns.values())
        ]

    def _columns(self, issuer: str) -> list[dict[str, list[str]]]:
        """Return mappings of columns to values.

        For one of the mappings, a selected row has one of the values in each column.
        """
        if self.opaque:
            either = [digest(issuer, self.opaque)]
            return [{"sub_digest": either}, {"sid_digest": either}]
        given = {"sub_digest": self.sub, "email_digest": self.email, "sid_digest": self.sid}
        columns = {name: [digest(issuer, text)] for name, text in given.items() if text}
        if self.email and self.is_email_optional:
            columns["email_digest"].append("")
        return [columns]


def of_tenant(transmitter: Transmitter, subject: Members) -> Transmitter:
    """Return the transmitter with the issuer of the subject, if each tenant has an issuer."""
    user = subject.get("user", subject)
    options = transmitter.options.of_issuer(user.get("iss") if isinstance(user, dict) else None)
    return replace(transmitter, options=options) if options else transmitter


def parse(transmitter: Transmitter, subject: Members, *, is_session: bool) -> list[Subject]:
    """Return which sessions a subject means; an empty list if the site cannot know.

    Several names mean the same person, the most exact first. The first that selects a row counts.

    Args:
        transmitter: the sender of the event.
        subject: the event's subject.
        is_session: whether the event is about sessions, so that an opaque ID may be a session's.

    Raises:
        SecurityEventInvalid: the subject lacks a member that its format requires.
        ProviderUnavailable: the subject has another member, and the transmitter's configuration,
            which says whether that may be ignored, cannot be fetched.
    """
    if _format(subject) == "complex":
        return _complex(transmitter, subject)
    return _single(transmitter, subject, is_session=is_session)


def _format(subject: Members) -> str:
    """Return the format. Older drafts call it `subject_type` and use hyphens. Some omit it."""
    written = subject.get("format", subject.get("subject_type"))
    if written is None:
        return "complex" if {"user", "session"} & {*subject} else ""
    return str(written).replace("-", "_")


def _single(transmitter: Transmitter, subject: Members, *, is_session: bool) -> list[Subject]:
    if _format(subject) == "aliases":
        return _aliases(transmitter, subject, is_session=is_session)
    found = _simple(transmitter, subject, is_session=is_session)
    return [found] if found else []


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


def _aliases(transmitter: Transmitter, subject: Members, *, is_session: bool) -> list[Subject]:
    """Return which sessions each of a person's identifiers means, the most exact first."""
    identifiers = subject.get("identifiers")
    if not isinstance(identifiers, list) or not all(isinstance(one, dict) for one in identifiers):
        raise _malformed("identifiers")
    known = [one for kind in STRONGEST_FIRST for one in identifiers if _format(one) == kind]
    found = (_simple(transmitter, one, is_session=is_session) for one in known)
    return [one for one in found if one]


def _complex(transmitter: Transmitter, subject: Members) -> list[Subject]:
    """Return what all members mean together; an empty list if one cannot be matched."""
    if not {*subject} - INTERPRETED <= _ignorable(transmitter, subject):
        return []
    people = [Subject()]
    if "user" in subject:
        people = _single(transmitter, _object(subject, "user"), is_session=False)
    sid = _session_id(_object(subject, "session")) if "session" in subject else ALL
    if sid == ALL:
        return [person for person in people if person != Subject()]
    is_optional = transmitter.dialect.is_email_optional
    return [replace(each, sid=sid, is_email_optional=is_optional) for each in people if sid]


def _session_id(session: Members) -> str:
    return _text(session, "id") if _format(session) in ("opaque", "") else ""


def _ignorable(transmitter: Transmitter, subject: Members) -> set[str]:
    """Return the members to ignore: not those that the transmitter calls critical (section 7.1).

    Raises:
        ProviderUnavailable: the transmitter may call one critical, but cannot be asked.
    """
    others = {*subject} - INTERPRETED
    if not others:
        return others
    try:
        critical = transmitter.configuration().get("critical_subject_members")
    except ProviderUnavailable as exc:
        raise _unavailable(exc) from exc
    return others - {*map(str, critical)} if isinstance(critical, list) else others


def _unavailable(exc: ProviderUnavailable) -> ProviderUnavailable:
    failure = ProviderUnavailable(str(exc), code=RejectedCode.CONFIGURATION_UNAVAILABLE)
    failure.description = failure.code.sentence
    return failure


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
