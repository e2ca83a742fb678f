"""The load-and-fault run at length: python -m tools.faults --seconds 600 --people 200."""

# ruff: noqa: T201  # it is there to print

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from itertools import product

from .run import run
from .sweep import MISBEHAVING

ENGINES = ("cached_db", "db", "cache")
DATABASES = ("postgresql", "sqlite")


def main():
    parser = argparse.ArgumentParser(prog="python -m tools.faults", description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="of load, over all of them")
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--engine", choices=ENGINES, action="append", help="instead of all")
    parser.add_argument("--database", choices=DATABASES, action="append", help="instead of all")
    parser.add_argument("--hold", type=float, default=2, help="seconds that a fault lasts")
    parser.add_argument("--no-sweep", action="store_true", help="leave the fault points out")
    parser.add_argument("--fault", action="append", help="inject this one only")
    options = parser.parse_args()
    runs = list(product(options.database or DATABASES, options.engine or ENGINES))
    print(f"seed {options.seed}", flush=True)
    wrong = 0
    for number, (database, engine) in enumerate(runs):
        sweeps = [] if options.no_sweep else [("wsgi", None), ("sync", MISBEHAVING)]
        if sweeps and number == 0:
            sweeps.append(("asgi", None))
        wrong += one_run(database, engine, sweeps, options, options.seconds / len(runs))
    sys.exit(1 if wrong else 0)


def one_run(database, engine, sweeps, options, seconds):
    began = time.monotonic()
    done = run(
        engine,
        sweeps,
        database=database,
        seconds=seconds,
        people=options.people,
        seed=options.seed,
        hold=options.hold,
        faults=options.fault,
    )
    print(f"\n{database}, {engine}: {done.model.report()}")
    print(f"  {done.web.asked} requests in {time.monotonic() - began:.0f} s")
    for sweep, (node, _) in zip(done.sweeps, sweeps, strict=True):
        for flow, steps in sweep.points.items():
            print(f"  {node}: {len(steps)} fault points of {flow}: {', '.join(steps)}")
    for name, count in sorted(Counter(done.mischief.done).items()):
        print(f"  {name}: {count}")
    for name, count in sorted(done.model.counts.items()):
        print(f"  ({name}: {count})")
    for line in done.model.wrong[:50]:
        print(f"  WRONG: {line}")
    sys.stdout.flush()
    return len(done.model.wrong)


if __name__ == "__main__":
    main()
