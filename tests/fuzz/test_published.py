"""Whatever a provider publishes, people can sign in and out."""

from __future__ import annotations

import json
import time
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from django.contrib.auth import get_user_model, login
from django.contrib.sessions.backends.cache import SessionStore
from django.core.cache import cache
from django.test import Client, RequestFactory
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm

from django_oidc_logout.api import remember_login, sign_out
from django_oidc_logout.conf import conf
from django_oidc_logout.exceptions import ProviderUnavailable
from django_oidc_logout.providers import metadata
from django_oidc_logout.tokens import jws
from tests.fuzz import forge
from tests.fuzz.anything import changed, json_values, texts
from tests.fuzz.conftest import examples
from tests.idp import KID, signing_key

pytestmark = pytest.mark.django_db

WELL_KNOWN = "/.well-known/openid-configuration"
PUBLIC = json.loads(RSAAlgorithm.to_jwk(signing_key().public_key())) | {"kid": KID, "use": "sig"}
ENDPOINTS = ["end_session_endpoint", "jwks_uri", "revocation_endpoint"]

odd_addresses = st.sampled_from(
    ["http://idp.example.com/", "https://", "https://[", "//a", "javascript:1", "https://a\\@b/"]
) | st.builds("https://idp.example.com/{}".format, texts)
odd_numbers = st.sampled_from(["", "AA", "AQAB", "A" * 5000, "!", "-_", "AQ==", "\ud800"])
keys = changed(
    PUBLIC,
    kty=st.sampled_from(["RSA", "EC", "OKP", "oct", "rsa"]),
    alg=st.sampled_from(["RS256", "RS512", "ES256", "none", "HS256"]),
    use=st.sampled_from(["sig", "enc"]),
    kid=st.sampled_from([KID, "other"]),
    crv=st.sampled_from(["P-256", "P-384", "secp256k1", "Ed25519", "Ed448", "X25519"]),
    n=odd_numbers,
    e=odd_numbers,
    x=odd_numbers,
    y=odd_numbers,
    k=odd_numbers,
    d=odd_numbers,
    p=odd_numbers,
    oth=st.just([{}]),
)
key_sets = st.fixed_dictionaries({"keys": st.lists(keys | json_values, max_size=3) | json_values})


def odd_metadata(idp):
    pools = dict.fromkeys(ENDPOINTS, odd_addresses)
    methods = st.lists(texts, max_size=2)
    return changed(
        {**idp.metadata, "revocation_endpoint_auth_methods_supported": ["client_secret_post"]},
        **pools,
        issuer=st.sampled_from([idp.issuer, idp.issuer + "/"]),
        revocation_endpoint_auth_methods_supported=methods,
    )


def id_token(idp):
    return jwt.encode(
        {"iss": idp.issuer, "sub": "ada", "sid": "1", "aud": "site"}, "x" * 32, "HS256"
    )


@pytest.fixture
def visit(idp, settings):
    """Return a function that signs a person in, sends a logout token, and signs the person out."""
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    settings.OIDC_OP_JWKS_ENDPOINT = None
    settings.OIDC_LOGOUT_REVOKE_TOKENS = True
    settings.OIDC_LOGOUT_PROVIDERS = {"default": {"ISSUER": idp.issuer, "TIMEOUT": 10}}
    user = get_user_model().objects.create(username="ada")
    token = id_token(idp)
    now = time.time()
    logout_token = forge.jws(
        json.dumps({"alg": "RS256", "kid": KID}).encode(),
        json.dumps(forge.claims(idp.issuer, now, "jti", sub="nobody")).encode(),
        forge.rs256,
    )

    def visit():
        cache.clear()
        request = RequestFactory().post("/")
        request.session = SessionStore()
        login(request, user, "django.contrib.auth.backends.ModelBackend")
        assert remember_login(request, token, refresh_token="refresh")
        back = Client().post(
            "/oidc/logout/backchannel/",
            f"logout_token={logout_token}",
            "application/x-www-form-urlencoded",
        )
        assert back.status_code in {200, 400}
        key = request.session.session_key
        answer = sign_out(request)
        assert not SessionStore().exists(key)
        address = urlsplit(answer["Location"])
        assert address.scheme in {"https", ""} or address.hostname == "127.0.0.1"
        if address.netloc:
            assert parse_qs(address.query)["id_token_hint"] == [token]
        return back, answer

    return visit


def test_what_is_published_well(idp, visit):
    back, answer = visit()
    assert back.status_code == 200
    assert answer["Location"].startswith(f"{idp.issuer}/end-session?")


def test_metadata(idp, visit):
    @given(odd_metadata(idp) | json_values)
    def holds(document):
        idp.answers[WELL_KNOWN] = lambda handler: handler.json(document)
        visit()
        for name in ENDPOINTS:
            try:
                address = metadata.endpoint(conf.OIDC_LOGOUT_PROVIDERS["default"], name)
            except ProviderUnavailable:
                continue
            assert urlsplit(address).hostname

    holds()


def test_key_sets(idp, visit):
    @given(key_sets | json_values)
    def holds(document):
        idp.answers["/jwks"] = lambda handler: handler.json(document)
        visit()

    holds()


TOKEN = jwt.encode({"a": 1}, signing_key(), "RS256", headers={"kid": KID})


@examples(3)
@given(
    st.lists(keys | json_values, max_size=3),
    st.sampled_from(["RS256", "PS256", "ES256", "ES256K", "EdDSA", "HS256", "none", ""]),
    st.sampled_from([KID, None, 1]),
)
def test_keys(published, algorithm, kid):
    fitting = jws.matching_keys(published, algorithm, kid)
    assert jws.is_signed_by(TOKEN, algorithm, fitting) in {True, False}
    if algorithm != "RS256" or not any(
        isinstance(key, dict) and key.get("n") == PUBLIC["n"] for key in published
    ):
        assert not jws.is_signed_by(TOKEN, algorithm, fitting)


heads = st.sampled_from(
    [
        b"HTTP/1.0 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Encoding: deflate\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 99999999999999999999\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: -1\r\n",
        b"HTTP/1.0 200 OK\r\nCache-Control: max-age=\xd9\xa3, max-age=99999999999999\r\n",
        b"HTTP/1.0 200 OK\r\n" + b"X: y\r\n" * 101,
        b"HTTP/1.0 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n",
        b"HTTP/1.0 204 No Content\r\n",
        b"HTTP/1.0 304 Not Modified\r\n",
        b"HTTP/1.0 999 ?\r\n",
        b"HTTP/1.0 302 Found\r\n",
        b"HTTP/1.0 302 Found\r\nLocation: //[\r\n",
        b"HTTP/1.0 302 Found\r\nLocation: \xff\xfe\r\n",
        b"HTTP/1.0 302 Found\r\nLocation: https://idp.example.com/\r\n",
        b"HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:99999/\r\n",
        b"HTTP/1.0 302 Found\r\nLocation: ?\r\n",
        b"HTTP/1.0 \r\n",
        b"HTTP/9.9 200 OK\r\n",
        b"",
    ]
)
rests = (
    st.sampled_from([b"\r\n{}", b"\r\n2\r\n{}\r\n0\r\n\r\n", b"\r\nzz\r\n", b"\r\n"]) | st.binary()
)


def test_answers_that_are_hardly_http(idp, visit):
    @given(st.builds(bytes.__add__, heads, rests) | st.binary())
    def holds(content):
        def answer(handler):
            handler.wfile.write(content)
            handler.close_connection = True

        idp.answers[WELL_KNOWN] = answer
        visit()

    holds()
