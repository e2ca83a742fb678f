"""Make a site's tables, say what Django's checks say of it, and serve it: `... HOST:PORT`."""

import sys

import django
from django.core.checks import run_checks
from django.core.management import call_command

from e2e.providers.leaving import leave_with_parent

leave_with_parent()
django.setup()

from django.contrib.auth import get_user_model  # noqa: E402  # needs settings

from e2e.sites import pages  # noqa: E402
from e2e.sites.table import STAFF  # noqa: E402

call_command("migrate", verbosity=0, interactive=False, run_syncdb=True)
User = get_user_model()
if not User.objects.filter(username=STAFF).exists():  # after a restart they do
    User.objects.create_superuser(STAFF, f"{STAFF}@example.org", STAFF)
pages.say(checks=[[each.id, each.hint] for each in run_checks() if "oidc_logout" in str(each.id)])
call_command("runserver", sys.argv[1], use_reloader=False, skip_checks=True, insecure_serving=True)
