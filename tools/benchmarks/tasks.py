"""What a worker can do. Arguments and return values are JSON."""

from __future__ import annotations

import gc
import resource
import time
import tracemalloc
from array import array
from contextlib import contextmanager
from importlib import metadata
from unittest import mock

import django
from django.conf import settings
from django.core.cache import caches
from django.core.management import call_command
from django.db import connection
from django.http import HttpRequest
from django.test import override_settings

from . import filler, wsgi
from .project import session_store
from .sign_ins import DRIVER, person, sign_in, sign_in_someone

SESSION_QUERIES = ("SELECT", "INSERT", "UPDATE", "DELETE")


def set_up():
    """Create empty tables; return the measured versions."""
    caches["default"].clear()
    call_command("migrate", run_syncdb=True, verbosity=0)
    call_command("flush", interactive=False, verbosity=0)
    person.cache_clear()
    return {"django": django.__version__, "version": version()}


def version():
    """Return the version of the peer."""
    try:
        return metadata.version(DRIVER.distribution)
    except metadata.PackageNotFoundError:
        return ""


def serve():
    """Serve the site over HTTP, with Ada as a user; return the port."""
    person()
    return wsgi.serve()


def is_there(key):
    """Return whether a session is still in the store."""
    return session_store()().exists(key)


@contextmanager
def counted():
    """Count the database statements, and the calls to other hosts."""
    seen = {"queries": 0, "calls": 0}

    def count(execute, sql, params, many, context):
        seen["queries"] += sql.lstrip().upper().startswith(SESSION_QUERIES)
        return execute(sql, params, many, context)

    import requests

    send = requests.Session.send

    def counted_send(*args, **kwargs):
        seen["calls"] += 1
        return send(*args, **kwargs)

    with (
        connection.execute_wrapper(count),
        mock.patch.object(requests.Session, "send", counted_send),
    ):
        yield seen


def measured(prepare, act, items, count):
    """Run and time `act` for each item, and once more to count statements and calls."""
    times, cpu, seen = [], [], {}
    gc.collect()
    for item in items:
        seconds, cpu_seconds = act(*prepare(item))
        times.append(seconds)
        cpu.append(cpu_seconds)
    if count is not None:
        prepared = prepare(count)
        with counted() as seen:
            act(*prepared)
    return {"seconds": times, "cpu": cpu, **seen}


def sign_out(people, count=None):
    """Sign each in, and measure the sign-out; count the queries for one more, `count`."""

    def act(key):
        answers = DRIVER.sign_out({"sessionid": key})
        return sum(a.seconds for a in answers), sum(a.cpu for a in answers)

    last = sign_in(people[0])
    DRIVER.sign_out({"sessionid": last})
    assert not is_there(last), f"{settings.BENCHMARKED} has left the session alive"
    return measured(lambda claims: [sign_in(claims)], act, people, count)


def back_channel(tokens, count=None, path=""):
    """Sign each in, and measure the logout token for it."""

    def act(key, token):
        page = path or DRIVER.back_channel
        answer = wsgi.request("POST", page, form={"logout_token": token})
        assert answer.status in (200, 204), f"{settings.BENCHMARKED} answered {answer.status}"
        keys.append(key)
        return answer.seconds, answer.cpu

    keys = []
    done = measured(lambda item: [sign_in(item["claims"]), item["token"]], act, tokens, count)
    assert not any(map(is_there, keys)), f"{settings.BENCHMARKED} has left a session alive"
    return done


def end_many(token, claims, sessions):
    """Create many sessions of one person, end all with one token, and count the statements."""
    rows = filler.sessions_of(claims, sessions)
    cache_calls = []
    backend = type(caches["default"])
    calls = {
        name: getattr(backend, name) for name in ("delete", "delete_many", "get", "set", "add")
    }

    def noted(name):
        def call(*args, **kwargs):
            cache_calls.append(name)
            return calls[name](*args, **kwargs)

        return call

    with counted() as seen, mock.patch.multiple(backend, **{name: noted(name) for name in calls}):
        answer = wsgi.request("POST", DRIVER.back_channel, form={"logout_token": token})
    assert answer.status == 200, answer.status
    assert not any(map(is_there, rows))
    return {"seconds": answer.seconds, "cache_calls": len(cache_calls), **seen}


def fill(count):
    """Create sessions until this many exist."""
    return filler.fill(count)


def plan(sid):
    """Return how the database finds a session by its `sid`."""
    from django_oidc_logout.sessions import index

    issuer = settings.OIDC_LOGOUT_PROVIDERS["default"]["ISSUER"]
    return index.matching(issuer=issuer, sid=sid).explain()


# What only concerns this project.


def middleware(rounds, count):
    """Return the times of a page that does not use the session, without and with the middleware."""
    from django.http import HttpResponse

    from django_oidc_logout.middleware import OIDCSessionMiddleware

    response, request = HttpResponse(), HttpRequest()

    def view(request):
        return response

    handlers = {"without": view, "with": OIDCSessionMiddleware(view)}
    times = {name: [] for name in handlers}
    for _ in range(rounds):
        for name, handler in handlers.items():
            stores = [session_store()("k" * 32) for _ in range(count)]
            began = time.perf_counter()
            for store in stores:
                request.session = store
                handler(request)
            times[name].append((time.perf_counter() - began) / count)
    key = sign_in_someone()
    with counted() as seen:
        assert wsgi.request("GET", "/", cookies={"sessionid": key}).status == 200
    return {**times, **seen}


def forged(tokens):
    """Post forged tokens, and return the time of each and the memory in use."""
    times = array("d", bytes(8 * len(tokens)))  # so that what is measured does not grow
    tracemalloc.start()
    memory = []
    for number, token in enumerate(tokens):
        answer = wsgi.request("POST", DRIVER.back_channel, form={"logout_token": token})
        assert answer.status == 400, answer.status
        times[number] = answer.seconds
        if number in (len(tokens) // 2, len(tokens) - 1):
            gc.collect()
            memory.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    return {"seconds": list(times), "memory": memory, **state()}


def cycles(claims, count):
    """Sign in and out this many times, and return the time and the state afterwards."""
    began = time.perf_counter()
    for _ in range(count):
        DRIVER.sign_out({"sessionid": sign_in(claims)})
    seconds = time.perf_counter() - began
    gc.collect()
    return {"seconds": seconds, **state()}


def prune(count):
    """Remove the old half of so many events, as `oidc_logout_clear_sessions` does."""
    from django_oidc_logout.receivers import history

    old, times = filler.fill_history(count), []

    def timed(execute, *statement):
        began = time.perf_counter()
        try:
            return execute(*statement)
        finally:
            times.append(time.perf_counter() - began)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with (
        override_settings(OIDC_LOGOUT_HISTORY_DAYS=30),
        connection.execute_wrapper(timed),
    ):
        began = time.perf_counter()
        removed = history.clear()
        seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "old": old,
        "removed": removed,
        "seconds": seconds,
        "statements": len(times),
        "longest": max(times),
        "memory": after - before,
    }


def state():
    """Return the numbers of rows, sessions and cached keys, and the memory in kilobytes."""
    from django.contrib.sessions.models import Session

    from django_oidc_logout.models import OIDCSession

    return {
        "rows": OIDCSession.objects.count(),
        "sessions": Session.objects.count(),
        "keys": _cached_keys(),
        "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


def _cached_keys():
    backend = caches["default"]
    if hasattr(backend, "_cache") and not hasattr(backend._cache, "get_client"):
        return len(backend._cache)
    client = backend._cache.get_client()
    return sum(1 for _ in client.scan_iter(f"{backend.key_prefix}*"))
