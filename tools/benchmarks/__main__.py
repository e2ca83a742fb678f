"""Measure, and print the table with the lines that hold and those that do not.

python -m tools.benchmarks              all of it, on PostgreSQL and Redis; about half an hour
python -m tools.benchmarks --short      a little of everything, only to see that it runs
python -m tools.benchmarks --install    first make the environments of the peers
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from . import lines, measuring, report
from .surroundings import PEERS, Provider, install, interpreter_of, servers


def main():
    """Run the chosen measurements; return 1 if a peer is missing although all are required."""
    options = _options()
    if options.install:
        install()
    missing = [peer for peer in PEERS if not interpreter_of(peer)]
    if missing and os.environ.get("REQUIRE_ALL") == "1":
        print(f"Not installed: {', '.join(missing)}. Run with --install.", file=sys.stderr)
        return 1
    sizes = measuring.SHORT if options.short else measuring.Sizes()
    if options.cycles:
        sizes = replace(sizes, cycles=options.cycles)
    provider = Provider()
    with nullcontext(("", "")) if options.sqlite else servers() as addresses:
        run = measuring.Run(provider=provider, addresses=addresses, sizes=sizes)
        for work in lines.ALL:
            if not options.only or work.__name__ in options.only:
                print(work.__doc__.splitlines()[0], file=sys.stderr, flush=True)
                work(run)
                if options.out:
                    report.write(run, options.out)  # a run may be cut short
    provider.idp.stop()
    print(report.table(run.lines))
    if options.docs and not options.short:
        report.write_docs(run)
    return 0


def _options():
    parser = argparse.ArgumentParser(
        prog="python -m tools.benchmarks", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--short", action="store_true", help="only see that everything runs")
    parser.add_argument("--sqlite", action="store_true", help="SQLite and LocMem, no servers")
    parser.add_argument("--install", action="store_true", help="make the peers' environments first")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="write table, plot, values there"
    )
    parser.add_argument(
        "--docs",
        action="store_true",
        help="write table and charts into docs/",
    )
    parser.add_argument("--cycles", type=int, metavar="N", help="sign-ins and sign-outs")
    names = [work.__name__ for work in lines.ALL]
    parser.add_argument("--only", nargs="+", choices=names, help="these lines only")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
