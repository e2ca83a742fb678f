"""The identity provider: a process of its own that remembers nothing, so that it may be killed.

    python -m tools.faults.provider PORT KEY_FILE

A code and an access token contain what they stand for. A cookie says who signs in, as the
provider's own session would. After SIGUSR1 it responds with garbage, after SIGUSR2 properly again.
"""

from __future__ import annotations

import base64
import itertools
import json
import signal
import sys
import time
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import RSAAlgorithm

CLIENT_ID = "site"
KID = "key-1"
CUSTOMER_OF = "customer-of-"  # a person may act as one customer, who may sign in as well
EVENT = "http://schemas.openid.net/event/backchannel-logout"
GARBAGE = [
    (200, "text/html", b"<h1>Under construction</h1>"),
    (200, "application/json", b"\xff\xfe{"),
    (200, "application/json", b"[1, 2"),
    (200, "application/json", b'{"issuer": "https://elsewhere.example.com", "keys": [null]}'),
    (500, "application/json", b"{}"),
    (200, "application/json", b'{"keys": ' + b"[" * 100_000),
]


def pack(**claims):
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()


def unpack(text):
    return json.loads(base64.urlsafe_b64decode(text))


class Signer:
    """Signs as the provider; the run itself sends the logout tokens."""

    def __init__(self, issuer, key):
        self.issuer = issuer
        self.key = key

    def sign(self, **claims):
        now = time.time()  # to the fraction: people sign in again in the second of their sign-out
        present = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300} | claims
        return jwt.encode(present, self.key, "RS256", headers={"kid": KID})

    def logout_token(self, **claims):
        return self.sign(events={EVENT: {}}, **claims)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.server.talks_garbage:
            self.answer(*next(self.server.garbage))
            return
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        answer = getattr(self, f"on_{url.path.rpartition('/')[2].replace('-', '_')}", None)
        if answer is None:
            self.send_error(404)
        else:
            answer(query)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.path += "?" + body
        self.do_GET()

    def on_openid_configuration(self, query):
        issuer = self.server.signer.issuer
        names = {
            "end_session_endpoint": "end-session",
            "jwks_uri": "jwks",
            "revocation_endpoint": "revoke",
        }
        places = {name: f"{issuer}/{place}" for name, place in names.items()}
        self.json({"issuer": issuer, **places})

    def on_jwks(self, query):
        public = json.loads(RSAAlgorithm.to_jwk(self.server.signer.key.public_key()))
        self.json({"keys": [public | {"kid": KID, "alg": "RS256", "use": "sig"}]})

    def on_authorize(self, query):
        who = SimpleCookie(self.headers.get("Cookie", ""))
        sub, sid = (unquote(who[name].value) for name in ("sub", "sid"))
        code = pack(sub=sub, sid=sid, nonce=query["nonce"])
        self.redirect(query["redirect_uri"], code=code, state=query["state"])

    def on_token(self, query):
        claims = unpack(query["code"])
        access = pack(sub=claims["sub"])
        id_token = self.server.signer.sign(**claims)
        self.json({"access_token": access, "refresh_token": "refresh", "id_token": id_token})

    def on_userinfo(self, query):
        access = unpack(self.headers["Authorization"].removeprefix("Bearer "))
        self.json({"email": email_of(access["sub"])})

    def on_end_session(self, query):
        jwt.decode(
            query["id_token_hint"],
            self.server.signer.key.public_key(),
            ["RS256"],
            audience=CLIENT_ID,
        )
        self.redirect(query["post_logout_redirect_uri"], state=query["state"])

    def on_revoke(self, query):
        self.json({})

    def redirect(self, url, **query):
        self.send_response(302)
        self.send_header("Location", f"{url}?{urlencode(query)}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def json(self, document):
        self.answer(200, "application/json", json.dumps(document).encode())

    def answer(self, status, content_type, content):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512
    talks_garbage = False

    def __init__(self, port, signer):
        super().__init__(("127.0.0.1", port), Handler)
        self.signer = signer
        self.garbage = itertools.cycle(GARBAGE)


def email_of(sub):
    return f"{sub.replace(' ', '-')}@example.com"


def main(port, key_file):
    key = load_pem_private_key(Path(key_file).read_bytes(), None)
    server = Server(int(port), Signer(f"http://127.0.0.1:{port}", key))
    signal.signal(signal.SIGUSR1, lambda *_: setattr(server, "talks_garbage", True))
    signal.signal(signal.SIGUSR2, lambda *_: setattr(server, "talks_garbage", False))
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
