"""The lines of the table: what must hold, and how it is measured."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import ExitStack
from itertools import pairwise
from statistics import median

from cryptography.hazmat.primitives.asymmetric import rsa

from .events import security_events
from .loopback import express
from .measuring import Comparison, ms
from .surroundings import PEERS, ROOT, interpreter_of

WINDOW = 30  # seconds for which a refused key is not asked for again
ENGINES = ("db", "cached_db", "cache", "file")


def installed(*peers):
    """Return those peers that are installed."""
    return [peer for peer in peers if interpreter_of(peer)]


SIGN_OUT_PEERS = ("ours", "configured", "django", "mozilla", "allauth", "lasuite", "authcodeflow")


def sign_out(run):
    """A person signs out: one request, or two if the session lives until the second."""
    compared = _sign_outs(run, run.addresses)
    took, ours = compared.seconds, run.provider.claims
    counted = {
        peer: run.once(peer, "sign_out", people=[ours()], count=ours()) for peer in compared.seconds
    }
    _sign_out_times(run, compared, "sign-out, warm")
    more = counted["ours"]["queries"] - counted["django"]["queries"]
    run.say(
        "sign-out, warm: queries",
        "at most 2 more than Django's",
        f"{counted['ours']['queries']}, Django {counted['django']['queries']}",
        more <= 2,
    )
    calls = counted["ours"]["calls"]
    run.say("sign-out, warm: network", "no call", f"{calls} calls", calls == 0)
    for peer in SIGN_OUT_PEERS[3:]:
        title = f"sign-out, warm: {PEERS[peer]['title']}"
        if peer not in took:
            run.say(title, "slower than django-oidc-logout", "not installed")
            continue
        seen, times = counted[peer], compared.words(peer, "ours")
        figure = (
            f"{times}: {ms(median(took[peer]))}, {seen['queries']} queries, {seen['calls']} calls"
        )
        is_local = peer == "allauth"  # it leaves the provider's session alone
        bound = "reported" if is_local else "slower than django-oidc-logout"
        run.say(title, bound, figure, None if is_local else compared.ratio(peer, "ours") > 1)


def sign_out_on_sqlite(run):
    """The same without servers: SQLite and a cache in memory."""
    if all(run.addresses):
        _sign_out_times(run, _sign_outs(run, ("", "")), "sign-out, warm, on SQLite")


def _sign_outs(run, addresses):
    """Measure the sign-outs of all peers in turn."""
    claims = run.provider.claims
    with ExitStack() as stack:
        workers = {}
        for peer in installed(*SIGN_OUT_PEERS):
            workers[peer] = run.worker(peer, addresses=addresses)
            stack.callback(workers[peer].end)

        def task(worker):
            return lambda: worker.do("sign_out", people=[claims() for _ in range(run.sizes.each)])

        compared = Comparison(
            run.sizes.rounds, {peer: task(worker) for peer, worker in workers.items()}
        )
    where = "PostgreSQL" if all(addresses) else "SQLite"
    for peer, seconds in compared.seconds.items():
        run.keep(f"sign-out on {where}, {peer}", seconds)
    run.series[f"sign-out on {where}"] = {
        PEERS[peer]["title"]: compared.ratio(peer, "django") for peer in compared.seconds
    }
    return compared


def _sign_out_times(run, compared, title):
    took = {peer: ms(median(seconds)) for peer, seconds in compared.seconds.items()}
    for what, peer in {
        "time": "ours",
        "time with END_SESSION_ENDPOINT set": "configured",
    }.items():
        run.say(
            f"{title}: {what}",
            "at most 1.5x Django's LogoutView",
            f"{compared.words(peer, 'django')}: {took[peer]}, Django {took['django']}",
            compared.ratio(peer, "django") <= 1.5,
        )


def back_channel_by_sid(run):
    """A logout token names one of more and more live sessions."""
    logout, claims = run.provider.logout, run.provider.claims

    def tokens():
        return [logout(claims(), names=["sid"]) for _ in range(run.sizes.each)]

    smallest, largest = run.sizes.sessions[0], run.sizes.sessions[-1]
    with ExitStack() as stack:
        few, many = run.worker("ours"), run.worker("ours")
        stack.callback(few.end)
        stack.callback(many.end)
        few.do("fill", count=smallest)
        times, run.series["ours"] = {}, {}
        for count in run.sizes.sessions:
            many.do("fill", count=count)
            tasks = {
                "few": lambda: few.do("back_channel", tokens=tokens()),
                "many": lambda: many.do("back_channel", tokens=tokens()),
                "floor": lambda: many.do("back_channel", tokens=tokens(), path="/floor/"),
                "bare SQL": lambda: many.do("back_channel", tokens=tokens(), path="/bare/"),
            }
            compared = Comparison(run.sizes.rounds, tasks)
            seconds = compared.seconds["many"]
            times[count] = run.keep(f"back-channel by sid, {count} sessions", seconds)
            run.series["ours"][count] = min(seconds)
        floor = run.keep(f"floor, {largest} sessions", compared.seconds["floor"])
        bare = run.keep(f"bare SQL, {largest} sessions", compared.seconds["bare SQL"])
        plan = many.do("plan", sid="sid")
        seen = many.do("back_channel", tokens=tokens()[:1], count=tokens()[0])
    each = ", ".join(ms(seconds) for seconds in times.values())
    run.say(
        f"back-channel by sid, {smallest:,} to {largest:,} sessions",
        f"{largest:,} within 1.3x of {smallest:,}",
        f"{compared.words('many', 'few')}: {each}; {seen['queries']} queries",
        compared.ratio("many", "few") <= 1.3,
    )
    index = next((n for n in ("oidc_session_sid", "oidc_session_sub") if n in plan), "")
    run.say("back-channel by sid: plan", "by index", index or plan, bool(index))
    run.say(
        "back-channel by sid: the floor",
        "within 2x of it",
        f"{compared.words('many', 'floor')}: floor {ms(floor)}",
        compared.ratio("many", "floor") <= 2,
    )
    run.say(
        "back-channel by sid: the floor in bare SQL, past Django's ORM and session engine",
        "within 2x of it",
        f"{compared.words('many', 'bare SQL')}: bare {ms(bare)}",
        compared.ratio("many", "bare SQL") <= 2,
    )
    _lasuite(run, tokens, times)


def _lasuite(run, tokens, ours):
    counts = [count for count in run.sizes.sessions if count <= 100_000]
    title = f"back-channel by sid, {counts[-1]:,} sessions: {PEERS['lasuite']['title']}"
    if not installed("lasuite"):
        run.say(title, "at least 100x slower", "not installed")
        return
    worker, times = run.worker("lasuite"), {}
    run.series["django-lasuite"] = {}
    try:
        for count in counts:
            worker.do("fill", count=count)
            measured = [
                second
                for _ in range(run.sizes.scans)
                for second in worker.do("back_channel", tokens=tokens()[:1])["seconds"]
            ]
            times[count] = run.keep(f"back-channel by sid, {count} sessions, lasuite", measured)
            run.series["django-lasuite"][count] = min(measured)
    finally:
        worker.end()
    slower = times[counts[-1]] / ours[counts[-1]]
    held = slower >= 100 if counts[-1] >= 100_000 else None
    run.say(title, "at least 100x slower", f"{slower:.0f}x ({ms(times[counts[-1]])})", held)


def back_channel_by_sub(run):
    """A logout token names a person with more and more sessions."""
    for engine in ENGINES:
        worker, seen = run.worker("ours", engine), {}
        try:
            for number, count in enumerate(run.sizes.of_a_person):
                item = run.provider.logout(
                    run.provider.claims(sub=f"{engine}-{number}"), names=["sub"]
                )
                seen[count] = worker.do("end_many", sessions=count, **item)
        finally:
            worker.end()
        statements = [s["queries"] + s["cache_calls"] for s in seen.values()]
        run.series[f"by sub, {engine}"] = {c: s["seconds"] for c, s in seen.items()}
        batches = -(-run.sizes.of_a_person[-1] // 500)
        figure = "; ".join(
            f"{count:,}: {s['queries']} queries, {s['cache_calls']} cache calls, {ms(s['seconds'])}"
            for count, s in seen.items()
        )
        run.say(
            f"back-channel by sub, {engine}",
            "statements by the batch of 500, not by the session",
            figure,
            statements[-1] <= statements[0] + 5 * batches,
        )


def pyoidc(run):
    """A logout token names a person with one session, among many of others."""
    count = max(count for count in run.sizes.sessions if count <= 100_000)
    title = f"back-channel by sub, one among {count:,} sessions: {PEERS['pyoidc']['title']}"
    if not installed("pyoidc"):
        run.say(title, "slower than django-oidc-logout", "not installed")
        return

    def token():
        person = run.provider.claims(sub=uuid.uuid4().hex)
        return run.provider.logout(person, names=["sub"])

    def task(worker):
        return lambda: worker.do("back_channel", tokens=[token() for _ in range(run.sizes.each)])

    with ExitStack() as stack:
        workers = {peer: run.worker(peer) for peer in ("ours", "pyoidc")}
        for worker in workers.values():
            stack.callback(worker.end)
            worker.do("fill", count=count)
        tasks = {peer: task(worker) for peer, worker in workers.items()}
        compared = Comparison(run.sizes.rounds, tasks)
    took = run.keep("back-channel by sub, pyoidc", compared.seconds["pyoidc"])
    figure = f"{compared.words('pyoidc', 'ours')}: {ms(took)}"
    run.say(title, "slower than django-oidc-logout", figure, compared.ratio("pyoidc", "ours") > 1)


def middleware(run):
    """A page that does not use the session."""
    worker = run.worker("ours")
    try:
        seen = worker.do("middleware", rounds=10 * run.sizes.rounds, count=1000)
    finally:
        worker.end()
    run.keep("middleware, without", seen["without"])
    run.keep("middleware, with", seen["with"])
    costs = 1e6 * median(a - b for a, b in zip(seen["with"], seen["without"], strict=True))
    run.say("middleware: time", "under 3 microseconds", f"{costs:.2f} microseconds", costs < 3)
    run.say("middleware: queries", "none", str(seen["queries"]), seen["queries"] == 0)


def start(run):
    """A web process starts and serves a page, on mozilla-django-oidc with and without us."""
    spent = {"mozilla": [], "ours": []}
    with tempfile.TemporaryDirectory() as folder:  # of byte code, as a site has it
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": ""}
        for _ in range(run.sizes.starts + 1):
            for peer, times in spent.items():
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                command = [sys.executable, "-m", "tools.benchmarks.start", peer]
                subprocess.run(command, cwd=ROOT, env=environment, check=True)
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                spent_by = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
                times.append(spent_by)
    took = {peer: run.keep(f"start, {peer}", times[1:]) for peer, times in spent.items()}
    pairs = list(zip(spent["ours"], spent["mozilla"], strict=True))[1:]
    more = 1000 * median(ours - without for ours, without in pairs)
    run.say(
        "start of a web process and its first page (time on the processor)",
        "under 200 ms more than the same project without it",
        f"{more:+.0f} ms (medians {ms(took['ours'])}, without {ms(took['mozilla'])})",
        more < 200,
    )


def flood(run):
    """Forged tokens, each with an unknown key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    sign, count = run.provider.sign, run.sizes.forged
    known = [sign({"sub": "ada"}, key, f"unknown-{n % 100}") for n in range(min(count, 200))]
    tokens = [known[n % len(known)] for n in range(count)]
    worker = run.worker("ours")
    try:
        worker.do("back_channel", tokens=[run.provider.logout(run.provider.claims())])
        run.provider.idp.asked.clear()
        began = time.monotonic()
        seen = worker.do("forged", tokens=tokens)
    finally:
        worker.end()
    seconds, fetched = time.monotonic() - began, [when for when, _ in run.provider.idp.asked]
    gaps = [later - earlier for earlier, later in pairwise(fetched)]
    cost = run.keep("a forged token", seen["seconds"])
    grown = seen["memory"][1] - seen["memory"][0]
    run.say(f"{count:,} forged tokens: cost each", "reported", ms(cost))
    run.say(
        f"{count:,} forged tokens: fetches from the provider",
        f"at most one in {WINDOW} seconds",
        f"{len(fetched)} in {seconds:.0f} s"
        + (f", {min(gaps):.0f} s apart at least" if gaps else ""),
        min(gaps, default=WINDOW) > WINDOW - 1,
    )
    run.say(
        f"{count:,} forged tokens: memory",
        "flat: under 64 KB more after the second half than after the first",
        f"{grown / 1024:+.1f} KB",
        grown < 64 * 1024,
    )


def cycles(run):
    """Sign-ins and sign-outs, one after another."""
    worker, half = run.worker("ours"), run.sizes.cycles // 2
    claims = run.provider.claims()
    try:
        worker.do("cycles", claims=claims, count=10)
        first = worker.do("cycles", claims=claims, count=half)
        last = worker.do("cycles", claims=claims, count=half)
    finally:
        worker.end()
    grown = last["rss"] - first["rss"]
    run.say(
        f"{2 * half:,} sign-ins and sign-outs: rows and sessions left",
        "none",
        f"{last['rows']} rows, {last['sessions']} sessions "
        f"({ms((first['seconds'] + last['seconds']) / half / 2)} each)",
        not last["rows"] and not last["sessions"],
    )
    run.say(
        f"{2 * half:,} sign-ins and sign-outs: cached keys",
        "as many after the second half as after the first",
        f"{first['keys']}, then {last['keys']}",
        last["keys"] <= first["keys"],
    )
    run.say(
        f"{2 * half:,} sign-ins and sign-outs: memory",
        "flat: under 1 MB more after the second half than after the first",
        f"{grown} KB more",
        grown < 1024,
    )


def history(run):
    """A history of which half is too old is pruned."""
    worker = run.worker("ours")
    try:
        seen = worker.do("prune", count=run.sizes.history)
    finally:
        worker.end()
    run.keep("history, pruned", [seen["seconds"]])
    batches = -(-seen["old"] // 500)
    run.say(
        f"history of {run.sizes.history:,} events, half of them too old: pruning",
        "all of these, by the batch of 500",
        f"{seen['removed']:,} in {seen['seconds']:.1f} s, {seen['statements']:,} statements, "
        f"{ms(seen['longest'])} the longest",
        seen["removed"] == seen["old"] and seen["statements"] <= 3 * batches + 3,
    )
    more = seen["memory"]
    run.say("history: memory", "under 10 MB more", f"{more} KB more", more < 10_000)


ALL = (
    sign_out,
    sign_out_on_sqlite,
    back_channel_by_sid,
    back_channel_by_sub,
    pyoidc,
    security_events,
    express,
    middleware,
    start,
    flood,
    cycles,
    history,
)
