"""Start a web process of a peer's site, and serve a page: `-m tools.benchmarks.start PEER`."""

from __future__ import annotations

import sys

from . import project

if __name__ == "__main__":
    project.configure(sys.argv[1])
    from .wsgi import request

    assert request("GET", "/").status == 200  # imports what Django postpones until then
