"""Load and faults: a site on three nodes, and a model of what must be true when it is over.

    python -m tools.faults --seconds 600 --people 200

gunicorn (WSGI, with threads and without) and uvicorn (ASGI), two workers each, serve one site on
PostgreSQL or a file of SQLite, and Redis; a small identity provider is a process of its own. People
sign in through mozilla-django-oidc's views, read, act as somebody else, and sign out in every way,
on any node. Meanwhile parts are killed, hang or send nonsense.

`fault_points` and `sweep`: before every step of a request that anybody else can see, its worker is
killed or stopped, and the request is repeated. A receiver of the site hangs or stops the request;
then nothing is repeated. `mischief`: the faults under load. `model`: what must be true; read that
first.

What the stores themselves may lose, and how the run keeps that apart from what the package may not:

- PostgreSQL is restarted, and crashed (an immediate shutdown, then recovery). It must not lose what
  it has acknowledged, so the site asks for synchronous commits.
- SQLite is locked, for longer than the site waits. Its file outlives every worker.
- Redis is killed. It keeps an append-only file, written before it answers, so it comes back with
  all that it has acknowledged. Sessions in the cache thus outlive it, and so do copies of sessions
  that were deleted while it was down: that is the harder case, and as if the network had failed.
- `cached_db` saves a session in the database though its cache is down. If the cache comes back with
  an older copy, as of before the sign-in, Django believes that. A session that was signed in or
  moved while the cache was down is therefore unsure until somebody is notified that it is out.
- The `cache` engine finds no session in a cache that is down. A page that shows nobody then proves
  nothing about the session; a page that shows somebody does.
- With the `cache` engine, somebody can sign in while the database is down, so the index lacks the
  session. That is logged, by design; if nobody can end it, it counts as never recorded.
- A Redis that hangs carries out, when it wakes, writes that nobody waits for any more, in any
  order. No client can prevent that: it hangs for the `db` engine only, where it holds no session.
- A worker that dies in a sign-in, or while a session changes its key, may leave a session and a row
  whose key nobody was ever given. They are counted, may be no more than such deaths, and expire.
- A click with a key that the session has lost meanwhile, in the same browser at the same moment, is
  anybody's click. The run does not change a session's key while its person clicks.
"""
