"""Start a web process with a peer's site, and end: `python -m tools.benchmarks.start PEER`."""

from __future__ import annotations

import sys

from . import project

if __name__ == "__main__":
    project.configure(sys.argv[1])
    from django.core.wsgi import get_wsgi_application

    get_wsgi_application()
