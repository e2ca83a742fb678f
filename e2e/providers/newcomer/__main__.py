"""Migrate and serve the site: `python -m e2e.providers.newcomer HOST:PORT`."""

import sys

import django
from django.core.management import call_command

from e2e.providers.leaving import leave_with_parent

leave_with_parent()
django.setup()
call_command("migrate", verbosity=0, interactive=False)
call_command("runserver", sys.argv[1], use_reloader=False)
