"""Signs many people in at once on a SQLite file: `python -m tests.together FILE PEOPLE`.

Prints how many are signed in and how many of their sessions have a row. It is a program of its own
because the tests' database is in memory, where connections do not get in each other's way.
"""

from __future__ import annotations

import sys
import threading

import django
from django.conf import settings

PROVIDER = {
    "ISSUER": "https://idp.example.com",
    "END_SESSION_ENDPOINT": "https://idp.example.com/end",
    "ALGORITHMS": ["HS256"],  # so that nothing is fetched
}


def configure(name):
    from tests import settings as site  # noqa: PLC0415

    options = {key: getattr(site, key) for key in dir(site) if key.isupper()}
    options["DATABASES"] = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": name,
            "OPTIONS": {"timeout": 300},
        }
    }
    options["OIDC_LOGOUT_PROVIDERS"] = {"default": PROVIDER}
    settings.configure(**options)
    django.setup()


def sign_in(user, id_token, together):
    from django.contrib.auth import login  # noqa: PLC0415
    from django.contrib.auth.models import AnonymousUser  # noqa: PLC0415
    from django.contrib.sessions.backends.db import SessionStore  # noqa: PLC0415
    from django.db import connections  # noqa: PLC0415
    from django.test import RequestFactory  # noqa: PLC0415

    from django_oidc_logout.api import remember_login  # noqa: PLC0415

    request = RequestFactory().get("/")
    request.session, request.user = SessionStore(), AnonymousUser()
    together.wait()
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    remember_login(request, id_token)
    request.session.save()
    connections.close_all()


def main(name, people):
    configure(name)
    import jwt  # noqa: PLC0415
    from django.contrib.auth import get_user_model  # noqa: PLC0415
    from django.contrib.sessions.models import Session  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415

    from django_oidc_logout.models import OIDCSession  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    users = [get_user_model().objects.create(username=f"{i}") for i in range(people)]
    together, threads = threading.Barrier(people), []
    for user in users:
        claims = {"iss": PROVIDER["ISSUER"], "sub": user.username, "aud": "site"}
        token = jwt.encode(claims, "x" * 32)
        threads.append(threading.Thread(target=sign_in, args=(user, token, together)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    keys = Session.objects.values_list("session_key", flat=True)
    print(len(keys), OIDCSession.objects.filter(session_key__in=list(keys)).count())  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
