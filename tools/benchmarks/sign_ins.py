"""Sign-ins as the measured project leaves them, and the people who sign in."""

from __future__ import annotations

from functools import cache

from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.http import HttpRequest

from . import drivers
from .project import session_store

DRIVER = drivers.DRIVERS[settings.BENCHMARKED]
BACKEND = settings.AUTHENTICATION_BACKENDS[0]


@cache
def person(sub="ada"):
    """Return somebody who can sign in."""
    people = get_user_model().objects
    return people.get_or_create(sub=sub, username=sub, email=f"{sub}@example.com")[0]


def sign_in(claims):
    """Sign Ada in as the project's own callback does; return the session's key."""
    request = HttpRequest()
    request.META.update(SERVER_NAME="site.example", SERVER_PORT="80")
    request.session = session_store()()
    DRIVER.before_login(request, claims)
    login(request, person(claims["sub"]), backend=BACKEND)
    DRIVER.after_login(request, claims)
    request.session.save()
    return request.session.session_key


def sign_in_someone():
    """Return the key of a new session that only says that somebody is signed in."""
    store = session_store()()
    store["somebody"] = "is signed in"
    store.create()
    return store.session_key
