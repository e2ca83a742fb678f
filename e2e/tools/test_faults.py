"""The load-and-fault run in short: a minute or less. `python -m tools.faults` does it at length."""

from __future__ import annotations

import random
import shutil
import sys
from pathlib import Path

from tests.absence import need, need_package
from tools.faults.run import run

FLOWS = {"click": 9, "token by sid": 16, "token by sub": 17}  # and the steps that each has
MISBEHAVING = ["click receiver hangs", "click receiver exits"]
ZERO = "survivors", "wrongly ended", "left over", "never completed"
SOME = "signed in", "signed out", "ended by the provider", "switched"


def need_all():
    need(sys.platform == "linux", "Linux, with its /proc,")
    for name in ("redis-server", "redis-cli", "psql"):
        need(shutil.which(name), name)
    need(list(Path("/usr/lib/postgresql").glob("*/bin/postgres")), "PostgreSQL")
    for name in ("gunicorn", "uvicorn", "psycopg", "redis"):
        need_package(name, f"Python's {name}")


def test_whoever_was_told_so_is_signed_out_and_nobody_else(capsys):
    need_all()
    seed = random.SystemRandom().randrange(10**6)
    done = run(
        "cached_db",
        [("wsgi", list(FLOWS)), ("sync", MISBEHAVING)],
        seconds=10,
        people=15,
        seed=seed,
        hold=0.5,
    )
    with capsys.disabled():
        print(f"\nseed {seed}: {done.model.report()}")  # noqa: T201
    assert done.model.wrong == []
    assert {name: done.model.counts[name] for name in ZERO} == dict.fromkeys(ZERO, 0)
    assert all(done.model.counts[name] for name in SOME)
    assert done.mischief.is_done()
    assert all(len(done.sweeps[0].points[name]) >= steps for name, steps in FLOWS.items())
