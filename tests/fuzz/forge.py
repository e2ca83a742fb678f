"""Logout tokens, valid and invalid, as texts, so that they can be malformed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import strategies as st

from tests.fuzz.anything import changed, json_values, texts
from tests.fuzz.oracle import EVENT
from tests.idp import KID, signing_key

SECRET = b"the client's secret, which is long enough"
OTHER_ISSUER = "https://other.example.com"


def encode(content):
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def hs256(signed, secret=SECRET):
    return hmac.digest(secret, signed.encode(), hashlib.sha256)


def rs256(signed):
    return signing_key().sign(signed.encode(), PKCS1v15(), SHA256())


def claims(issuer, now, jti, **others):
    """Return the claims of a valid logout token."""
    standard = {"iss": issuer, "sub": "ada", "sid": "1", "aud": "site"}
    times = {"iat": int(now), "exp": int(now) + 120}
    return standard | times | {"jti": jti, "events": {EVENT: {}}} | others


def jws(header, payload, sign=hs256):
    signed = f"{encode(header)}.{encode(payload)}"
    return f"{signed}.{encode(sign(signed))}"


def changed_claims(issuer, now, jti):
    """Draw claims that are valid, or nearly so."""
    times = st.sampled_from(
        [now - 301, now - 300, now - 61, now - 60, now - 1, now, now + 60, now + 61, 2**53, True]
    )
    return changed(
        claims(issuer, now, jti),
        iss=st.sampled_from([issuer, OTHER_ISSUER, issuer + "/", issuer.upper()]),
        aud=st.sampled_from(["site", "other", ["site"], ["other", "site"], ["other"], [["site"]]]),
        azp=st.sampled_from(["site", "other"]),
        sub=st.sampled_from(["ada", "grace", "ADA", "ada\0", "a" * 4096, "a" * 4097]),
        sid=st.sampled_from(["1", "2", "3", "", "1 ", 1, "\ud800"]),
        iat=times,
        exp=times,
        jti=st.sampled_from(["1", "", "x" * 4097]),
        events=st.sampled_from([{EVENT: {}}, {EVENT: {"a": []}}, {EVENT: []}, EVENT, [EVENT], {}]),
        nonce=st.sampled_from([None, "n"]),
    )


def changed_header(alg):
    """Draw a header that is valid, or nearly so."""
    return changed(
        {"alg": alg, "typ": "logout+jwt", "kid": KID},
        most=2,
        alg=st.sampled_from(["RS256", "HS256", "none", "None", "RS512", "rs256", ""]),
        typ=st.sampled_from(
            ["JWT", "jwt", "LOGOUT+JWT", "at+jwt", "Application/logout+jwt", "text/jwt"]
        ),
        kid=st.sampled_from([KID, "other", 1, None]),
        crit=st.sampled_from([[], ["b64"], ["exp"]]),
        b64=st.booleans(),
        jwk=st.just({"kty": "oct", "k": "c2VjcmV0"}),
        jku=st.just("https://evil.example/jwks"),
        zip=st.just("DEF"),
    )


def _doubled(text):
    name = json.loads(text).popitem()[0]
    return text.rstrip("}") + f", {json.dumps(name)}: 0}}"


# What a JSON text can be made to look like.
TEXTS = [
    lambda text: text.encode(),
    lambda text: json.dumps(json.loads(text), ensure_ascii=False).encode(errors="surrogatepass"),
    lambda text: b" \r\n\t" + text.encode() + b"\n",
    lambda text: text.encode("utf-16"),
    lambda text: text.encode("utf-32-le"),
    lambda text: text.encode("utf-8-sig"),
    lambda text: text.encode() + b"\0",
    lambda text: text.encode() + b"{}",
    lambda text: text[:-1].encode(),
    lambda text: (text[:-1] + ",}").encode(),
    lambda text: (text[:-1] + ', "x": NaN}').encode(),
    lambda text: (text[:-1] + ', "x": 1e999}').encode(),
    lambda text: (text[:-1] + ', "x": ' + "9" * 5000 + "}").encode(),
    lambda text: (text[:-1] + ', "x": ' + "[" * 300 + "]" * 300 + "}").encode(),
    lambda text: (text[:-1] + ', "x": {"a": 1, "a": 1}}').encode(),
    lambda text: (text[:-1] + ', "x": ' + "[" * 11_000).encode(),
    lambda text: (text[:-1] + ', "\\u0069at": 1}').encode(),
    lambda text: (text[:-1] + ', "IAT": 1, "iat ": 1}').encode(),
    lambda text: f"[{text}]".encode(),
    lambda text: text.replace('"', "'").encode(),
]


@st.composite
def json_texts(draw, documents):
    """Draw a JSON text, mostly as anybody would write it."""
    text = json.dumps(draw(documents))
    return draw(st.one_of(st.just(TEXTS[0]), st.just(TEXTS[0]), st.sampled_from(TEXTS)))(text)


def _replaced(number, by):
    def change(token):
        parts = token.split(".")
        parts[number] = by(parts[number])
        return ".".join(parts)

    return change


# What can be done to a token on its way.
DAMAGES = [
    lambda token: token + "=",
    lambda token: token + "\n",
    lambda token: " " + token,
    lambda token: token + ".",
    lambda token: token + "." + encode(b"{}"),
    lambda token: token.rpartition(".")[0],
    lambda token: token.rpartition(".")[0] + ".",
    lambda token: token[:-1],
    lambda token: token[:-2] + ("AA" if token[-2:] != "AA" else "BB"),
    lambda token: token.replace("-", "+").replace("_", "/"),
    lambda token: token.replace(".", ".\t", 1),
    lambda token: token.replace(".", "..", 1),
    lambda token: token.replace(".", "\u3002"),
    lambda token: token.upper(),
    lambda token: "Bearer " + token,
    lambda token: token * 20,
    _replaced(0, lambda part: ""),
    _replaced(1, lambda part: ""),
    _replaced(1, lambda part: part + "A"),
    _replaced(1, lambda part: encode(b"{}")),
    _replaced(1, lambda part: part + "A" * 16 * 1024),
    _replaced(2, lambda part: part + "AAAA"),
    _replaced(2, lambda part: "\u00e4"),
]


def _signatures(alg):
    right = {"HS256": hs256, "RS256": rs256}[alg]
    wrong = [
        lambda signed: b"",
        lambda signed: b"\0" * 32,
        lambda signed: hs256(signed, b"another secret, which is long enough too"),
        lambda signed: hs256(signed, b""),
        lambda signed: hs256(signed[:-1]),
        {"HS256": rs256, "RS256": hs256}[alg],
    ]
    return st.one_of(st.just(right), st.just(right), st.just(right), st.sampled_from(wrong))


@st.composite
def tokens(draw, issuer, alg, now, jti):
    """Draw a logout token of a provider: good, or wrong in a place or two, or in many."""
    header = draw(json_texts(changed_header(alg)))
    payload = draw(json_texts(changed_claims(issuer, now, jti) | st.just(claims(issuer, now, jti))))
    token = jws(header, payload, draw(_signatures(alg)))
    if draw(st.sampled_from([False, False, True])):
        token = draw(st.sampled_from(DAMAGES))(token)
    return token


garbage = st.one_of(
    texts,
    st.builds(".".join, st.lists(st.builds(encode, st.binary()), max_size=5)),
    st.builds(lambda value: jws(b'{"alg":"HS256"}', json.dumps(value).encode()), json_values),
)
