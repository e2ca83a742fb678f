"""A run: its sizes, its results, and how it compares projects.

Peers take turns, in rounds, so that other load on the machine affects all of them. A ratio is the
median over the rounds of the values measured side by side.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from statistics import median

import pyperf

from .surroundings import Worker


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much to measure."""

    rounds: int = 25
    each: int = 8
    sessions: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)
    of_a_person: tuple[int, ...] = (1, 10, 1_000)
    forged: int = 10_000
    cycles: int = 100_000
    events: int = 1_000
    receipts: int = 1_000_000
    history: int = 1_000_000
    starts: int = 30
    scans: int = 3


# Only to see that everything runs.
SHORT = Sizes(
    rounds=2,
    each=2,
    sessions=(100, 1_000),
    of_a_person=(1, 10),
    forged=60,
    cycles=50,
    events=10,
    receipts=1_000,
    history=3_000,
    starts=2,
    scans=1,
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """What must hold, whether it did, and the figure; `held` is None if it is only reported."""

    work: str
    bound: str
    figure: str
    held: bool | None = None


@dataclass
class Run:
    """A run: where it takes place, and its results so far."""

    provider: object
    addresses: tuple[str, str]
    sizes: Sizes
    lines: list[Line] = field(default_factory=list)
    benchmarks: list[pyperf.Benchmark] = field(default_factory=list)
    series: dict = field(default_factory=dict)
    load: tuple[float, ...] = field(default_factory=os.getloadavg)

    def say(self, work, bound, figure, held=None):
        """Add a line to the table."""
        self.lines.append(Line(work=work, bound=bound, figure=figure, held=held))
        print(f"  {work}: {figure}", file=sys.stderr, flush=True)

    def keep(self, name, values):
        """Store measured values, in seconds, with pyperf; return their median."""
        run = pyperf.Run(values, metadata={"name": name}, collect_metadata=not self.benchmarks)
        self.benchmarks.append(pyperf.Benchmark([run]))
        return median(values)

    def worker(self, peer, engine="db", addresses=None):
        """Start a peer, by default on the run's servers."""
        return Worker(peer, self.provider.issuer, addresses or self.addresses, engine)

    def once(self, peer, task, **arguments):
        """Let a new worker of a peer do one task, and return its result."""
        worker = self.worker(peer)
        try:
            return worker.do(task, **arguments)
        finally:
            worker.end()


def ms(seconds):
    """Return a time in milliseconds, as text."""
    return f"{seconds * 1e3:.2f} ms"


class Comparison:
    """Tasks run in turn: all times of each, and the medians of its rounds."""

    def __init__(self, rounds, tasks):
        self.seconds = {name: [] for name in tasks}
        self.medians = {(kind, name): [] for kind in ("seconds", "cpu") for name in tasks}
        for number in range(rounds + 1):
            for name, task in tasks.items():
                done = task()
                if number:  # the first warms up
                    self.seconds[name] += done["seconds"]
                    for kind in ("seconds", "cpu"):
                        if kind in done:  # over HTTP, the time on the processor is not known
                            self.medians[kind, name].append(median(done[kind]))

    def ratio(self, one, other, kind="seconds"):
        """Return how many times as long one took as the other."""
        pairs = zip(self.medians[kind, one], self.medians[kind, other], strict=True)
        return median(a / b for a, b in pairs)

    def difference(self, one, other):
        """Return how many seconds longer one took than the other."""
        pairs = zip(self.medians["seconds", one], self.medians["seconds", other], strict=True)
        return median(a - b for a, b in pairs)

    def words(self, one, other):
        """Return the ratio in words, with that of the processor time."""
        cpu = self.ratio(one, other, "cpu")
        return f"{self.ratio(one, other):.2f}x (on the processor {cpu:.2f}x)"
