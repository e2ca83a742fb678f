"""What the tests of security events share."""

from __future__ import annotations

import pytest

from django_oidc_logout.fields import digest
from django_oidc_logout.signals import security_event
from tests import events
from tests.events import AUDIENCE, SESSION_REVOKED, claims_of
from tests.factories import create_row
from tests.idp import MISSING
from tests.security_events.transmitter import Transmitter


@pytest.fixture
def signals_of(configure, idp):
    """Return a function that sets the option `SHARED_SIGNALS`."""

    def change(**options):
        standard = {"AUDIENCE": AUDIENCE, "JWKS_URI": f"{idp.issuer}/jwks"}
        present = {k: v for k, v in (standard | options).items() if v is not MISSING}
        configure(SHARED_SIGNALS=present)

    change()
    return change


@pytest.fixture
def make(idp, signals_of):
    """Return a function that makes security events."""

    def make(event=SESSION_REVOKED, details=None, *, header=None, key=None, alg="RS256", **claims):
        claims = claims_of(idp.issuer, event, details, **claims)
        return events.encode(claims, header=header, key=key, alg=alg)

    return make


@pytest.fixture
def told():
    """Return what the signal `security_event` was sent with."""
    seen = []

    def note(signal, sender, **arguments):
        seen.append(arguments)

    security_event.connect(note)
    yield seen
    security_event.disconnect(note)


@pytest.fixture
def people(idp):
    """Return rows by name: two of Ada, one of Grace, and one of another provider."""
    issuers = {"elsewhere": "https://idp.example.com"}
    fields = {
        "ada": {"sub": "ada", "sid": "s-1", "email": "ada@example.com"},
        "ada2": {"sub": "ada", "sid": "s-2", "email": "ada@example.com"},
        "grace": {"sub": "grace", "sid": "s-3", "email": ""},
        "elsewhere": {"sub": "ada", "sid": "s-1", "email": "ada@example.com"},
    }
    rows = {}
    for name, values in fields.items():
        issuer = issuers.get(name, idp.issuer)
        email_digest = digest(issuer, values.pop("email"))
        rows[name] = create_row(issuer=issuer, email_digest=email_digest, **values)
    return rows


@pytest.fixture
def transmitter(idp, configure):
    configure(SHARED_SIGNALS={"AUTHORIZATION": "Bearer hush"})
    return Transmitter(idp)
