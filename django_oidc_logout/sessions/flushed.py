"""What a session contained when this request flushed it, as `login()` for another user does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import entry

if TYPE_CHECKING:
    from django.contrib.sessions.backends.base import SessionBase


@dataclass(frozen=True, slots=True, kw_only=True)
class Flushed:
    """What a session contained."""

    row_key: str = ""
    id_token: str = field(default="", repr=False)
    """An ID Token that was not recorded yet."""
    provider: str | None = None
    """The alias of the provider that began it, as `entry.provider_alias` returns it."""
    login_hint: str | None = None
    """What `login_hints.of` returned."""
    ends_at: float | None = None
    """What `entry.ends_at` returned."""


def note(session: SessionBase) -> None:
    """Remember what a session contains before it is flushed."""
    data = entry.loaded(session)
    is_marked = entry.PROVIDER in data
    noted = Flushed(
        row_key=entry.row_key(data),
        id_token=entry.new_id_token(data) if is_marked else entry.mozilla_id_token(data),
        provider=entry.provider_alias(data),
        login_hint=data.get(entry.LOGIN_HINT),
        ends_at=entry.ends_at(data),
    )
    if noted != Flushed():
        setattr(session, entry.FLUSHED, noted)


def of(session: SessionBase) -> Flushed:
    """Return what a session contained when this request flushed it."""
    noted: Flushed = getattr(session, entry.FLUSHED, Flushed())
    return noted
