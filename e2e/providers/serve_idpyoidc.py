"""idpyoidc, which consists of endpoints and needs a server and pages around it.

It serves one request at a time, and waits for the sites while it notifies them of a sign-out.
"""

import json
import os
from html import escape
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import requests
from idpyoidc.message.oidc import AuthorizationRequest
from idpyoidc.server import Server
from idpyoidc.server.configure import OPConfiguration
from idpyoidc.server.oidc.session import Session
from idpyoidc.server.token.id_token import IDToken
from idpyoidc.server.user_authn.user import UserPass, create_signed_jwt

from e2e.providers.leaving import leave_with_parent

ISSUER = os.environ["ISSUER"]
FOLDER = Path(os.environ["FOLDER"])
CLIENTS = json.loads(os.environ["CLIENTS"])
PEOPLE = json.loads(os.environ["PEOPLE"])
POSTED = ["client_secret_post"]
FORM = '<form method="post" action="/{}"><input type="hidden" name="token" value="{}">{}</form>'
WHO = '<input name="username"><input name="password" type="password"><button>Sign in</button>'
SURE = '<button name="logout" value="yes">Yes, sign me out</button><button>No</button>'


class Password(UserPass):
    def __call__(self, **kwargs):
        keyjar = self.upstream_get("attribute", "keyjar")
        return FORM.format("verify", create_signed_jwt(ISSUER, keyjar, **kwargs), WHO)


class ShortLived(IDToken):
    """Lives shortly at one of the sites."""

    def __call__(self, session_id="", *args, **kwargs):
        _, client_id, _ = self.upstream_get("context").session_manager.decrypt_session_id(
            session_id
        )
        self.lifetime = 3 if client_id == os.environ["SHORT_LIVED"] else 300
        return super().__call__(session_id, *args, **kwargs)


class EndSession(Session):
    """Lets clients be, who authenticate nowhere here: its own wants a token of them, and fails."""

    def client_authentication(self, request, http_info=None, **kwargs):
        return {}


def endpoint(path, module, **kwargs):
    return {"path": path, "class": f"idpyoidc.server.oidc.{module}", "kwargs": kwargs}


def oct_keys(file, *uses):
    keys = [{"type": "OCT", "bytes": 24, "use": [use], "kid": use} for use in uses]
    return {"private_path": str(FOLDER / file), "key_defs": keys, "read_only": False}


CONFIGURATION = {
    "issuer": ISSUER,
    "httpc_params": {"timeout": 4},
    "key_conf": {
        "private_path": str(FOLDER / "jwks.json"),
        "key_defs": [
            {"type": "RSA", "use": ["sig"]},
            {"type": "EC", "crv": "P-256", "use": ["sig"]},
        ],
        "read_only": False,
    },
    "preference": {
        "grant_types_supported": ["authorization_code"],
        "response_types_supported": ["code"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "subject_types_supported": ["public"],
    },
    "authentication": {
        "user": {
            "acr": "urn:oasis:names:tc:SAML:2.0:ac:classes:InternetProtocolPassword",
            "class": Password,
            "kwargs": {"db_conf": {"class": dict, "kwargs": PEOPLE}},
        }
    },
    "cookie_handler": {
        "class": "idpyoidc.server.cookie_handler.CookieHandler",
        "kwargs": {"keys": oct_keys("cookies.json", "enc", "sig")},
    },
    "endpoint": {
        "provider_info": endpoint(
            ".well-known/openid-configuration",
            "provider_config.ProviderConfiguration",
            client_authn_method=None,
        ),
        "authorization": endpoint(
            "authorization", "authorization.Authorization", client_authn_method=None
        ),
        "token": endpoint("token", "token.Token", client_authn_method=POSTED),
        "userinfo": endpoint("userinfo", "userinfo.UserInfo"),
        "end_session": {
            "path": "session",
            "class": EndSession,
            "kwargs": {
                "logout_verify_url": f"{ISSUER}/verify_logout",
                "post_logout_uri_path": "post_logout",
                "signing_alg": "ES256",
                "backchannel_logout_supported": True,
                "backchannel_logout_session_supported": True,
            },
        },
    },
    "token_handler_args": {
        "jwks_def": oct_keys("tokens.json", "enc"),
        "code": {"kwargs": {"lifetime": 600}},
        "token": {
            "class": "idpyoidc.server.token.jwt_token.JWTToken",
            "kwargs": {"lifetime": 3600},
        },
        "id_token": {"class": f"{__name__}.ShortLived", "kwargs": {}},
    },
    "userinfo": {
        "class": "idpyoidc.server.user_info.UserInfo",
        "kwargs": {"db": {name: {"email": f"{name}@example.org"} for name in PEOPLE}},
    },
}


def make() -> Server:
    server = Server(OPConfiguration(CONFIGURATION), httpc=requests.request)
    for client in CLIENTS:
        own = client | {
            "redirect_uris": [(uri, None) for uri in client["redirect_uris"]],
            "post_logout_redirect_uri": [
                (uri, None) for uri in client["post_logout_redirect_uris"]
            ],
            "response_types_supported": ["code"],
            "allowed_scopes": ["openid", "email"],
            "id_token_signed_response_alg": "RS256",
            "backchannel_logout_session_required": True,
            "frontchannel_logout_session_required": True,
        }
        server.context.cdb[client["client_id"]] = own
        server.keyjar.add_symmetric(client["client_id"], client["client_secret"])
    server.context.provider_info["jwks_uri"] = f"{ISSUER}/jwks"
    return server


class Handler(BaseHTTPRequestHandler):
    server_version = "idpyoidc"
    op = make()

    def do_GET(self):
        url = urlsplit(self.path)
        self.serve(url.path, dict(parse_qsl(url.query)))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.serve(urlsplit(self.path).path, dict(parse_qsl(body)))

    def serve(self, path, data):
        pages = {
            "/.well-known/openid-configuration": lambda: self.ask("provider_config", data),
            "/authorization": lambda: self.ask("authorization", data),
            "/token": lambda: self.ask("token", data),
            "/userinfo": lambda: self.ask("userinfo", data),
            "/session": lambda: self.ask("session", data),
            "/jwks": lambda: self.answer(200, self.op.keyjar.export_jwks_as_json()),
            "/verify": lambda: self.verify(data),
            "/verify_logout": lambda: self.answer(200, self.question(data["sjwt"])),
            "/rp_logout": lambda: self.end_sessions(data),
        }
        try:
            pages[path]()
        except Exception as exc:  # noqa: BLE001  # as its own example does
            self.log_error("%r", exc)
            self.answer(400, f"{type(exc).__name__}: {escape(str(exc))}")

    def ask(self, name, data):
        target = self.op.get_endpoint(name)
        cookies = SimpleCookie(self.headers.get("Cookie", ""))
        http_info = {
            "headers": {key.lower(): value for key, value in self.headers.items()},
            "method": self.command,
            "url": f"{ISSUER}{self.path}",
            "cookie": [{"name": each.key, "value": each.value} for each in cookies.values()],
        }
        request = target.parse_request(data, http_info=http_info)
        if "error" in request:
            self.answer(400, request.to_json())
            return
        answer = target.process_request(request, http_info=http_info)
        if "redirect_location" in answer:
            self.answer(302, location=answer["redirect_location"])
        elif "http_response" in answer:
            self.answer(200, answer["http_response"])
        else:
            self.respond(target, request, answer)

    def respond(self, target, request, answer):
        info = target.do_response(request=request, **answer)
        if info.get("response_placement", target.response_placement) == "url":
            self.answer(302, location=info["response"], cookies=info.get("cookie", []))
        else:
            self.answer(200, info["response"])

    def verify(self, data):
        method = self.op.context.authn_broker.get_method_by_id("user")
        name = method.verify(**data)
        known = method.unpack_token(data["token"])
        request = AuthorizationRequest().from_urlencoded(known["query"])
        target = self.op.get_endpoint("authorization")
        session_id = target.create_session(
            request, name, known["authn_class_ref"], known["iat"], method
        )
        self.respond(target, request, target.authz_part2(request=request, session_id=session_id))

    def question(self, token):
        return FORM.format("rp_logout", token, SURE)

    def end_sessions(self, data):
        target = self.op.get_endpoint("session")
        known = target.unpack_signed_jwt(data["token"])
        frames = target.do_verified_logout(alla="logout" in data, **known)
        self.leave(known["redirect_uri"], frames, cookies=target.kill_cookies())

    def leave(self, address, frames, cookies):
        if not frames:
            self.answer(302, location=address, cookies=cookies)
            return
        shown = "".join(f"{frame}</iframe>" for frame in frames)
        link = f'<a href="{escape(address)}">Go on</a>'
        self.answer(200, shown + link, cookies=cookies)

    def answer(self, status, body="", location=None, cookies=()):
        content = body.encode()
        self.send_response(status)
        kind = "application/json" if body.startswith("{") else "text/html"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if location:
            self.send_header("Location", location)
        for cookie in cookies:
            ended = "" if cookie["value"] else "; Max-Age=0"
            self.send_header("Set-Cookie", f'{cookie["name"]}="{cookie["value"]}"; Path=/{ended}')
        self.end_headers()
        self.wfile.write(content)


if __name__ == "__main__":
    leave_with_parent()
    address = urlsplit(ISSUER)
    HTTPServer((address.hostname, address.port), Handler).serve_forever()
