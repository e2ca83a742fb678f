"""The steps that the servers have reported, and a way to wait for the next ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from threading import Condition
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 200
SECONDS_BETWEEN_SIGNS_OF_LIFE = 15


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step between the browser, the sites and the provider."""

    sender: str
    receiver: str
    text: str
    how: str = ""
    code: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    at: datetime = field(default_factory=datetime.now)

    @property
    def is_between(self) -> bool:
        """Whether it has a receiver."""
        return bool(self.receiver)


class Timeline:
    """The newest steps, oldest first."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._steps: list[Step] = []
        self._first = 0  # the number of the first step that is kept

    def add(self, step: Step) -> None:
        """Add a step, and wake whoever waits for it."""
        with self._changed:
            self._steps.append(step)
            self._forget(len(self._steps) - MOST)
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget all steps."""
        with self._changed:
            self._forget(len(self._steps))
            self._changed.notify_all()

    def _forget(self, number: int) -> None:
        if number > 0:
            del self._steps[:number]
            self._first += number

    def all(self) -> list[Step]:
        """Return the steps so far."""
        return list(self._steps)

    def following(self) -> Iterator[Step | None]:
        """Yield each step that is added from now on, and None now and then as a sign of life."""
        position = self._first + len(self._steps)
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda at=position: self._first + len(self._steps) > at,
                    SECONDS_BETWEEN_SIGNS_OF_LIFE,
                )
                new = self._steps[max(position - self._first, 0) :]
                position = self._first + len(self._steps)
            yield from new or [None]


timeline = Timeline()
