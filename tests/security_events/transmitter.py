"""A transmitter with streams, on the tests' provider, and the command that manages them."""

from __future__ import annotations

import io
import json

from django.core.management import call_command

PUSH, POLL = "urn:ietf:rfc:8935", "urn:ietf:rfc:8936"
TOKEN = "an-access-token-of-signals"
SITE = {"site": "https://www.example.com/"}


def signals(*arguments, **options):
    """Run the command, and return what it prints."""
    out = io.StringIO()
    call_command("oidc_logout_signals", *arguments, stdout=out, **options)
    return out.getvalue()


class Transmitter:
    """The endpoints of a transmitter, on the tests' provider."""

    def __init__(self, idp):
        self.idp = idp
        self.calls = []
        self.stream = self.answer_iss = None
        self.sets = {}
        self.errors = {}
        names = ("configuration", "status", "verification")
        self.document = {f"{name}_endpoint": f"{idp.issuer}/{name}" for name in names}
        self.document |= {"issuer": idp.issuer, "jwks_uri": f"{idp.issuer}/jwks"}
        idp.metadata["token_endpoint"] = f"{idp.issuer}/token"
        idp.answers["/.well-known/ssf-configuration"] = self.document
        self.sign_in, idp.answers["/token"] = idp.answers["/token"], self.token
        self.token_form = None
        for name in (*names, "poll"):
            idp.answers[f"/{name}"] = getattr(self, name)

    def answer(self, handler, document=None, status=200):
        asked = json.loads(self.idp.body) if handler.command == "POST" else None
        self.calls.append((handler.command, handler.path, asked))
        assert handler.headers["Authorization"] == f"Bearer {TOKEN}"
        content = b"" if document is None else json.dumps(document).encode()
        handler.body(content, "application/json", status=status)

    def token(self, handler):
        if self.idp.form["grant_type"] == "client_credentials":
            self.token_form = self.idp.form
            handler.json({"access_token": TOKEN})
        else:
            self.sign_in(handler)

    def configuration(self, handler):
        if handler.command == "POST":
            wanted = json.loads(self.idp.body)
            endpoint = {"endpoint_url": f"{self.idp.issuer}/poll"}
            self.stream = wanted | {
                "stream_id": "s-1",
                "aud": "site/s-1",
                "events_delivered": wanted["events_requested"][:2],
                "delivery": endpoint | wanted["delivery"],
            }
            if self.answer_iss:
                self.stream["iss"] = self.answer_iss
            self.answer(handler, self.stream, 201)
        elif handler.command == "GET":
            self.answer(handler, [self.stream] if self.stream else [])
        else:
            self.stream = None
            self.answer(handler, status=204)

    def status(self, handler):
        self.answer(handler, {"stream_id": "s-1", "status": "enabled"})

    def verification(self, handler):
        self.answer(handler, status=204)

    def poll(self, handler):
        asked = json.loads(self.idp.body)
        for jti in (*asked["ack"], *asked["setErrs"]):
            del self.sets[jti]
        self.errors |= asked["setErrs"]
        sets = dict(list(self.sets.items())[: asked["maxEvents"]])
        self.answer(handler, {"sets": sets, "moreAvailable": len(sets) < len(self.sets)})
