"""What a worker can do with security events. Arguments and return values are JSON."""

from __future__ import annotations

from django.conf import settings

from . import filler, wsgi
from .sign_ins import sign_in
from .tasks import is_there, measured

MEDIA_TYPE = "application/secevent+jwt"


def listen():
    """Let the site receive security events."""
    provider = settings.OIDC_LOGOUT_PROVIDERS["default"]
    signals = {"JWKS_URI": f"{provider['ISSUER']}/jwks"}
    settings.OIDC_LOGOUT_PROVIDERS = {"default": {**provider, "SHARED_SIGNALS": signals}}


def security_events(items, count=None):
    """Sign each in, and measure the security event for it."""

    def act(key, token):
        answer = wsgi.request("POST", "/oidc/logout/events/", content=(MEDIA_TYPE, token))
        assert answer.status == 202, answer.status
        keys.append(key)
        return answer.seconds, answer.cpu

    keys = []
    done = measured(lambda item: [sign_in(item["claims"]), item["token"]], act, items, count)
    assert not any(map(is_there, keys)), "an event has left a session alive"
    return done


def fill_receipts(count):
    """Note events as received until there are this many."""
    return filler.fill_receipts(count)


def subject_plans():
    """Return how the database finds the rows of each kind of subject."""
    from django_oidc_logout.security_events.subjects import Subject

    issuer = settings.OIDC_LOGOUT_PROVIDERS["default"]["ISSUER"]
    subjects = {
        "sub": Subject(sub="ada"),
        "email": Subject(email="ada@example.com"),
        "session": Subject(sid="1"),
        "opaque": Subject(opaque="ada"),
        "email and session": Subject(email="ada@example.com", sid="1", is_email_optional=True),
    }
    return {name: subject.rows(issuer).explain() for name, subject in subjects.items()}
