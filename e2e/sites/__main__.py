"""Migrate a site and serve it: `python -m e2e.sites HOST:PORT`."""

import sys

import django
from django.core.management import call_command

from e2e.providers.leaving import leave_with_parent

leave_with_parent()
django.setup()

from django.contrib.auth import get_user_model  # noqa: E402  # needs settings

from e2e.sites.table import STAFF  # noqa: E402

call_command("migrate", verbosity=0, interactive=False, run_syncdb=True)
get_user_model().objects.create_superuser(STAFF, f"{STAFF}@example.org", STAFF)
call_command("runserver", sys.argv[1], use_reloader=False, skip_checks=True)
