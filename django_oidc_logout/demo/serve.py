"""Set up and serve one project of the demo: `python -m django_oidc_logout.demo.serve HOST:PORT`."""

from __future__ import annotations

import os
import sys
import threading

import django
from django.conf import settings
from django.core.management import call_command


def main(address: str) -> None:
    """Migrate, seed and serve the project that DJANGO_SETTINGS_MODULE names."""
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    django.setup()
    if settings.DATABASES:
        call_command("migrate", verbosity=0, interactive=False)
        call_command("seed")
    call_command("runserver", address, use_reloader=False)


def _exit_with_parent() -> None:
    """Exit when the parent's end of the pipe closes, however the parent ended."""
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
