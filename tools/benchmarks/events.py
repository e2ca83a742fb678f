"""The lines about security events."""

from __future__ import annotations

from contextlib import ExitStack

from .measuring import Comparison, ms

KINDS = ("sub", "email", "session")
A_MINUTE = 60  # seconds, in which as many events arrive as `Sizes.events` says
SCANS = ("Seq Scan", "SCAN ")


def security_events(run):
    """A security event names somebody among more and more live sessions, and received events."""
    with ExitStack() as stack:
        workers = few, many = run.worker("ours"), run.worker("ours")
        for worker in workers:
            stack.callback(worker.end)
            worker.do("listen")
            worker.do("fill", count=run.sizes.sessions[0])
        for kind in KINDS:
            _among_sessions(run, few, many, kind)
        _plans(run, many)
        _in_a_minute(run, many)
        _among_receipts(run, few, many)


def _tasks(run, few, many, kind):
    def task(worker):
        each = run.sizes.each
        return lambda: worker.do(
            "security_events", items=[run.provider.security_event(kind) for _ in range(each)]
        )

    return {"few": task(few), "many": task(many)}


def _among_sessions(run, few, many, kind):
    smallest, largest = run.sizes.sessions[0], run.sizes.sessions[-1]
    many.do("fill", count=largest)
    compared = Comparison(run.sizes.rounds, _tasks(run, few, many, kind))
    took = [
        run.keep(f"security event by {kind}, {count} sessions", compared.seconds[name])
        for name, count in (("few", smallest), ("many", largest))
    ]
    event = run.provider.security_event(kind)
    seen = many.do("security_events", items=[], count=event)
    run.say(
        f"security event by {kind}, {smallest:,} to {largest:,} sessions",
        f"{largest:,} within 1.3x of {smallest:,}",
        f"{compared.words('many', 'few')}: {', '.join(map(ms, took))}; {seen['queries']} queries",
        compared.ratio("many", "few") <= 1.3,
    )


def _plans(run, worker):
    plans = worker.do("subject_plans")
    scans = [kind for kind, plan in plans.items() if any(scan in plan for scan in SCANS)]
    figure = f"not by index: {', '.join(scans)}" if scans else "by index"
    run.say("security event: plan of each kind of subject", "by index", figure, not scans)


def _in_a_minute(run, worker):
    events = [run.provider.security_event("sub") for _ in range(run.sizes.events)]
    seconds = worker.do("security_events", items=events)["seconds"]
    quarter = len(seconds) // 4
    first, last = min(seconds[:quarter]), min(seconds[-quarter:])  # whatever else is running
    run.say(
        f"{len(events):,} security events, {run.sizes.sessions[-1]:,} sessions",
        "within a minute; the last quarter at most 1.3x the first",
        f"{sum(seconds):.1f} s; {last / first:.2f}x: {ms(first)}, later {ms(last)}",
        sum(seconds) < A_MINUTE and last <= 1.3 * first,
    )


def _among_receipts(run, few, many):
    received = many.do("fill_receipts", count=run.sizes.receipts)
    compared = Comparison(run.sizes.rounds, _tasks(run, few, many, "sub"))
    took = run.keep(f"security event, {received} received before", compared.seconds["many"])
    run.say(
        f"security event, {run.sizes.receipts:,} others received in the last week",
        "within 1.3x of the time with few sessions and few events",
        f"{compared.words('many', 'few')}: {ms(took)}",
        compared.ratio("many", "few") <= 1.3,
    )
