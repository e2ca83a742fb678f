"""What the checks of unknown names have in common."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from django.core.checks import Error

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from django.core.checks import CheckMessage

SIMILARITY = 0.8


def keys(
    dicts: Iterable[tuple[str, Iterable[object]]], valid: Collection[str], *, id_: str
) -> list[CheckMessage]:
    """Return an error for each key that is not valid. Each dict comes with its name."""
    return [
        Error(
            f"{name} has an unknown key {key!r}.",
            hint=f"{suggestion(key, valid)}The keys are {', '.join(valid)}.",
            id=id_,
        )
        for name, written in dicts
        for key in written
        if key not in valid
    ]


def suggestion(name: object, valid: Collection[str]) -> str:
    """Return a sentence with the valid name that is nearest, or an empty string."""
    near = get_close_matches(str(name).upper(), valid, 1, SIMILARITY)
    return f"Did you mean {near[0]}? " if near else ""
