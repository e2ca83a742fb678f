"""An identity provider for the tests: a real server on loopback that can misbehave as well."""

from __future__ import annotations

import base64
import json
import threading
import time
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

KID = "key-1"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
MISSING = object()

ACCESS_TOKEN = "an-opaque-access-token"
REFRESH_TOKEN = "an-opaque-refresh-token"


@cache
def signing_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def sign(payload, header, key, alg):
    """Sign any text: PyJWT would refuse some of what these tests have to make."""
    algorithm = jwt.get_algorithm_by_name(alg)
    parts = [json.dumps({"alg": alg} | header), payload]
    signed = b".".join(encode(part) for part in parts)
    return (signed + b"." + encode(algorithm.sign(signed, algorithm.prepare_key(key)))).decode()


def encode(part):
    content = part.encode() if isinstance(part, str) else part
    return base64.urlsafe_b64encode(content).rstrip(b"=")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        idp = self.server.idp
        path = urlsplit(self.path).path
        idp.asked.append((self.command, path))
        idp.headers = dict(self.headers)
        answer = idp.answers.get(path)
        if callable(answer):
            answer(self)
        elif answer is None:
            self.send_error(404)
        else:
            self.json(answer)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.server.idp.body = body
        self.server.idp.form = {name: values[0] for name, values in parse_qs(body).items()}
        self.do_GET()

    def do_DELETE(self):
        self.do_GET()

    def json(self, document, **headers):
        self.body(json.dumps(document).encode(), "application/json", **headers)

    def body(self, content, content_type="text/html", status=200, **headers):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def hang(self):
        """Keep the client waiting until the test is over."""
        self.server.idp.released.wait(30)

    def log_message(self, *args):
        pass


class IdP:
    """What it answers is in `answers`: path -> a document, or a function that is given the handler.

    What it was asked is in `asked`: (method, path) in their order, and the last form in `form`.
    """

    def __init__(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.idp = self
        self.server.daemon_threads = True
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self.released = threading.Event()
        self.asked = []
        self.form = {}
        self.body = ""
        self.headers = {}
        self.claims = {}
        self.token_response = {}
        self.userinfo = {"email": "ada@example.com"}
        self.refresh_token = REFRESH_TOKEN
        self.metadata = {
            "issuer": self.issuer,
            "end_session_endpoint": f"{self.issuer}/end-session",
            "jwks_uri": f"{self.issuer}/jwks",
            "revocation_endpoint": f"{self.issuer}/revoke",
        }
        public = json.loads(RSAAlgorithm.to_jwk(signing_key().public_key()))
        self.answers = {
            "/.well-known/openid-configuration": lambda handler: handler.json(self.metadata),
            "/jwks": {"keys": [public | {"kid": KID, "alg": "RS256", "use": "sig"}]},
            "/token": lambda handler: handler.json(self._tokens()),
            "/userinfo": lambda handler: handler.json(self.userinfo),
            "/revoke": {},
        }

    def start(self):
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    def id_token(self, **claims):
        """Return an ID Token; a claim of None is left out."""
        now = int(time.time())
        standard = {
            "iss": self.issuer,
            "sub": "ada",
            "sid": "session-1",
            "aud": "site",
            "iat": now,
            "exp": now + 300,
        }
        present = {k: v for k, v in (standard | self.claims | claims).items() if v is not None}
        return jwt.encode(present, signing_key(), "RS256", headers={"kid": KID})

    def logout_token(self, *, key=None, alg="RS256", header=None, **claims):
        """Return a logout token; a claim or a header that is MISSING is left out."""
        now = int(time.time())
        standard = {
            "iss": self.issuer,
            "sub": "ada",
            "sid": "session-1",
            "aud": "site",
            "iat": now,
            "exp": now + 120,
            "jti": f"{time.monotonic_ns()}",
            "events": {EVENT: {}},
        }
        present = {
            name: value() if callable(value) else value
            for name, value in (standard | claims).items()
            if value is not MISSING
        }
        header = {"kid": KID, "typ": "logout+jwt"} | (header or {})
        header = {k: v for k, v in header.items() if v is not MISSING}
        return sign(json.dumps(present), header, key or signing_key(), alg)

    def _tokens(self):
        return {
            "access_token": ACCESS_TOKEN,
            "refresh_token": self.refresh_token,
            "id_token": self.id_token(),
        } | self.token_response
