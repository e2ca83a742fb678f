"""ID Tokens and access tokens become values or an error."""

from __future__ import annotations

import base64
import dataclasses
import hmac
import json
from types import MappingProxyType

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

from django_oidc_logout.exceptions import TokenUnreadable
from django_oidc_logout.tokens.id_token import IDToken, read, read_sid
from django_oidc_logout.tokens.jws import (
    MAX_IDENTIFIER_LENGTH,
    algorithms,
    is_signed_by,
    key_problem,
    matching_keys,
    parse,
)
from tests.idp import signing_key

SECRET = "a secret of thirty-two characters"
IDENTIFIERS = {"iss": "https://idp.example.com", "sub": "ada"}
# The OpenID conformance suite's kind of `sid`.
PECULIAR = 'a b"c#d%e&f+g;h\\i|j\t\x7fé\u202e\U0001f511'
LONGEST = "x" * MAX_IDENTIFIER_LENGTH


def token(claims, **header):
    return jwt.encode(claims, SECRET, "HS256", headers=header)


def encoded(content):
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def jws(payload, header=b'{"alg":"HS256"}'):
    return f"{encoded(header)}.{encoded(payload)}.{encoded(b'signature')}"


def token_of_any_type(claims):
    """Encode claims of types that the library would reject."""
    return jws(json.dumps(claims).encode())


# read


def test_an_id_token():
    claims = IDENTIFIERS | {
        "sid": "session-1",
        "aud": "site",
        "azp": "site",
        "preferred_username": "ada.lovelace",
        "iat": 5,
        "auth_time": 4,
        "exp": 1,
        "nbf": 99999999999,
        "events": {},
    }
    given = token(claims, kid="key-1")
    assert read(given) == IDToken(
        encoded=given,
        issuer="https://idp.example.com",
        subject="ada",
        sid="session-1",
        audience=("site",),
        authorized_party="site",
        login_hint="ada.lovelace",
        email="",
        issued_at=5.0,
        auth_time=4.0,
        session_expiry=None,
    )


def test_the_least_id_token():
    given = token(IDENTIFIERS)
    assert read(given) == IDToken(
        encoded=given,
        issuer="https://idp.example.com",
        subject="ada",
        sid="",
        audience=(),
        authorized_party="",
        login_hint="",
        email="",
        issued_at=None,
        auth_time=None,
        session_expiry=None,
    )


@pytest.mark.parametrize(
    ("claims", "seconds"),
    [
        ({"iat": 5.5}, 5.5),
        ({"iat": 2**53 - 1}, 2**53 - 1),
        ({"auth_time": 4}, 4),
        ({"iat": None, "auth_time": 4}, 4),
        ({"iat": "5", "auth_time": 4}, 4),
        *(({"iat": value}, None) for value in (True, -1, 2**53, 10**400, "now", [5], {})),
    ],
    ids=json.dumps,
)
def test_when_an_id_token_was_issued(claims, seconds):
    assert read(token_of_any_type(IDENTIFIERS | claims)).issued_at == seconds


def test_an_id_token_is_a_value():
    token_read = read(token(IDENTIFIERS))
    with pytest.raises(dataclasses.FrozenInstanceError):
        token_read.subject = "grace"


@pytest.mark.parametrize("name", ["iss", "sub"])
@pytest.mark.parametrize("value", [None, "", 5, 0, True, ["ada"], {"a": "b"}], ids=json.dumps)
def test_issuer_and_subject_are_texts(name, value):
    with pytest.raises(TokenUnreadable, match=f"^the token's {name} is missing or not a string$"):
        read(token_of_any_type(IDENTIFIERS | {name: value}))


@pytest.mark.parametrize("name", ["iss", "sub"])
def test_issuer_and_subject_are_there(name):
    claims = {key: value for key, value in IDENTIFIERS.items() if key != name}
    with pytest.raises(TokenUnreadable, match=f"^the token's {name} is missing or not a string$"):
        read(token(claims))


@pytest.mark.parametrize("name", ["iss", "sub", "sid"])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (LONGEST + "x", "is over 4096 characters long"),
        ("a\0b", "contains characters that cannot be stored"),
        ("\0", "contains characters that cannot be stored"),
        ("\ud800", "contains characters that cannot be stored"),
        ("a\udfffb", "contains characters that cannot be stored"),
        ("é\udc00", "contains characters that cannot be stored"),
    ],
    ids=["4097 characters", "NUL", "only NUL", "surrogate", "last surrogate", "low surrogate"],
)
def test_identifiers_that_cannot_be_stored(name, value, message):
    with pytest.raises(TokenUnreadable, match=f"^the token's {name} {message}$"):
        read(token_of_any_type(IDENTIFIERS | {name: value}))


@pytest.mark.parametrize("name", ["iss", "sub", "sid"])
@pytest.mark.parametrize(
    "value",
    [LONGEST, "é" * MAX_IDENTIFIER_LENGTH, PECULIAR, " ", " ada ", "\ud7ff\ue000\uffff", "0"],
    ids=["4096 characters", "8192 bytes", "peculiar", "space", "spaces", "no surrogates", "0"],
)
def test_identifiers_are_kept_to_the_letter(name, value):
    token_read = read(token(IDENTIFIERS | {name: value}))
    assert {"iss": token_read.issuer, "sub": token_read.subject, "sid": token_read.sid}[
        name
    ] == value


@pytest.mark.parametrize("value", [5, True, ["session-1"], {"a": "b"}])
def test_a_sid_that_is_no_text(value):
    with pytest.raises(TokenUnreadable, match="the token's sid is missing or not a string"):
        read(token_of_any_type(IDENTIFIERS | {"sid": value}))


@pytest.mark.parametrize("value", [None, ""])
def test_a_sid_that_is_empty_counts_as_absent(value):
    assert read(token(IDENTIFIERS | {"sid": value})).sid == ""


GARBAGE = {
    "nothing": "",
    "text": "ada",
    "dots": "..",
    "two parts": token(IDENTIFIERS).rpartition(".")[0],
    "four parts": f"{token(IDENTIFIERS)}.{encoded(b'more')}",
    # RFC 7516: a token that is encrypted has five
    "JWE": ".".join([encoded(b'{"alg":"RSA-OAEP","enc":"A256GCM"}'), *["AAAA"] * 4]),
    "no base64": "a.!.c",
    "no ASCII": "é.é.é",
    "surrogates": "\ud800.\ud800.\ud800",
    "a line more": token(IDENTIFIERS) + "\n",
    "spaces": f" {token(IDENTIFIERS)} ",
    "length of no base64": "a.a.a",
    "header no JSON": jws(b"{}", header=b"header"),
    "header no object": jws(b"{}", header=b"[]"),
    "payload no JSON": jws(b"payload"),
    "payload no object": jws(b'["iss","sub"]'),
    "payload no UTF-8": jws(b'{"iss":"\xff"}'),
    "payload in UTF-16": jws(json.dumps(IDENTIFIERS).encode("utf-16")),
    "payload in UTF-32": jws(json.dumps(IDENTIFIERS).encode("utf-32-le")),
    "payload with a byte order mark": jws(json.dumps(IDENTIFIERS).encode("utf-8-sig")),
    "payload with a surrogate in UTF-8": jws(b'{"iss":"x","sub":"ada","x":"\xed\xa0\x80"}'),
    "header in UTF-16": jws(b'{"iss":"x","sub":"a"}', '{"alg":"HS256"}'.encode("utf-16")),
    "payload nested too deeply": jws(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "a name twice": jws(b'{"iss":"https://idp.example.com","sub":"ada","sub":"grace"}'),
    "a name twice within": jws(b'{"iss":"x","sub":"ada","events":{"a":1,"a":2}}'),
    "a name twice in the header": jws(b'{"iss":"x","sub":"a"}', b'{"alg":"none","alg":"RS256"}'),
    "NaN": jws(b'{"iss":"x","sub":"ada","iat":NaN}'),
    "Infinity": jws(b'{"iss":"x","sub":"ada","iat":-Infinity}'),
    "number of 5000 digits": jws(b'{"exp":' + b"9" * 5000 + b"}"),
    "None": None,
    "number": 5,
    "object": {},
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_no_id_token(garbage):
    with pytest.raises(
        TokenUnreadable, match=r"is not a signed JSON Web Token|is not a JSON object"
    ):
        read(garbage)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("garbage", "the token is not a signed JSON Web Token"),
        (jws(b"[]"), "the token's header or payload is not a JSON object"),
    ],
)
def test_what_is_said_of_garbage(given, message):
    with pytest.raises(TokenUnreadable) as caught:
        parse(given)
    assert str(caught.value) == message


def test_padding_is_no_fault_of_an_id_token():
    given = token(IDENTIFIERS | {"a": "b"})
    padded = ".".join(part + "=" * (-len(part) % 4) for part in given.split("."))
    assert "=." in padded
    assert read(padded).subject == "ada"


def test_an_error_does_not_show_the_token():
    given = jws(b'{"iss":"https://idp.example.com","sub":"ada\\u0000"}')
    with pytest.raises(TokenUnreadable) as caught:
        read(given)
    assert "ada" not in str(caught.value)


@pytest.mark.parametrize("header", [b'{"alg":"none"}', b'{"alg":"ES999"}', b'{"typ":"JWT"}', b"{}"])
def test_the_signature_is_the_callers_business(header):
    payload = json.dumps(IDENTIFIERS).encode()
    assert read(jws(payload, header)).subject == "ada"


@pytest.mark.parametrize(
    ("aud", "audience"),
    [
        ("site", ("site",)),
        (["site"], ("site",)),
        (["site", "other"], ("site", "other")),
        (["site", 5, None, ["other"]], ("site",)),
        ([], ()),
        (None, ()),
        (5, ()),
        ({"site": "other"}, ()),
    ],
)
def test_audience(aud, audience):
    assert read(token(IDENTIFIERS | {"aud": aud})).audience == audience


@pytest.mark.parametrize(("azp", "party"), [("site", "site"), ("", ""), (None, ""), (5, "5")])
def test_authorized_party(azp, party):
    assert read(token(IDENTIFIERS | {"azp": azp})).authorized_party == party


@pytest.mark.parametrize(
    ("claims", "login_hint"),
    [
        (
            {"login_hint": "hint", "preferred_username": "name", "email": "ada@example.com"},
            "hint",
        ),
        ({"preferred_username": "name", "email": "ada@example.com"}, "name"),
        ({"email": "ada@example.com"}, "ada@example.com"),
        ({}, ""),
        (
            {"login_hint": "", "preferred_username": None, "email": "ada@example.com"},
            "ada@example.com",
        ),
        ({"login_hint": 5, "preferred_username": ["name"], "email": {}}, ""),
        # No address can hold it.
        ({"login_hint": "\ud800", "preferred_username": "name"}, "name"),
    ],
)
def test_login_hint(claims, login_hint):
    assert read(token(IDENTIFIERS | claims)).login_hint == login_hint


# parse


def test_parse():
    assert parse(token({"a": [1]}, kid="key-1")) == (
        {"alg": "HS256", "typ": "JWT", "kid": "key-1"},
        {"a": [1]},
    )


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_cannot_be_parsed(garbage):
    with pytest.raises(TokenUnreadable):
        parse(garbage)


# is_signed_by and matching_keys


def public_key(**changes):
    return json.loads(RSAAlgorithm.to_jwk(signing_key().public_key())) | changes


def other_key():
    return json.loads(RSAAlgorithm.to_jwk(generate_private_key(65537, 2048).public_key()))


def test_a_signature():
    given = jwt.encode(IDENTIFIERS, signing_key(), "RS256")
    assert is_signed_by(given, "RS256", [public_key()])
    assert is_signed_by(given, "RS256", [other_key(), public_key()])
    assert not is_signed_by(given, "RS256", [other_key()])
    assert not is_signed_by(given, "RS256", [])
    assert not is_signed_by(given, "RS512", [public_key()])
    header, _, signature = given.split(".")
    forged = f"{header}.{encoded(json.dumps(IDENTIFIERS | {'sub': 'eve'}).encode())}.{signature}"
    assert not is_signed_by(forged, "RS256", [public_key()])


def test_the_algorithm_is_the_callers_and_not_the_keys():
    given = jwt.encode(IDENTIFIERS, signing_key(), "RS256")
    assert is_signed_by(given, "RS256", [public_key(alg="unknown")])


def test_a_signature_by_a_shared_secret():
    assert is_signed_by(token(IDENTIFIERS), "HS256", [SECRET])
    assert not is_signed_by(token(IDENTIFIERS), "HS256", [SECRET + "!"])
    assert not is_signed_by(token(IDENTIFIERS), "HS384", [SECRET])
    assert not is_signed_by(token(IDENTIFIERS), "HS256", [])


def test_no_signature():
    unsigned = jwt.encode(IDENTIFIERS, None, "none")
    for algorithm in ["RS256", "HS256"]:
        assert not is_signed_by(unsigned, algorithm, [public_key()])
        assert not is_signed_by(unsigned, algorithm, [SECRET])


def test_a_public_key_is_no_shared_secret():
    """RFC 8725, section 2.1: the algorithm is confused."""
    pem = signing_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    unsigned = jws(json.dumps(IDENTIFIERS).encode()).rpartition(".")[0]
    mac = hmac.digest(pem, unsigned.encode(), "sha256")
    assert not is_signed_by(f"{unsigned}.{encoded(mac)}", "HS256", [pem.decode()])
    assert not is_signed_by(f"{unsigned}.{encoded(mac)}", "HS256", [public_key()])
    assert not is_signed_by(f"{unsigned}.{encoded(mac)}", "RS256", [public_key()])


@pytest.mark.parametrize(
    "key",
    [
        {},
        {"kty": "RSA"},
        {"kty": ["RSA"]},
        {"kty": "RSA", "n": 5, "e": "AQAB"},
        {"kty": "RSA", "n": "!", "e": "AQAB"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kty": "RSA", "n": "", "e": ""},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "secp128r1", "x": 5},
        {"kty": "OKP", "crv": "Ed25519", "x": "AA"},
        {"kty": "oct", "k": "AA"},
    ],
    ids=json.dumps,
)
@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_a_key_of_no_use_is_passed_over(key, algorithm):
    given = jwt.encode(IDENTIFIERS, signing_key(), "RS256")
    assert not is_signed_by(given, algorithm, [key])
    assert is_signed_by(given, "RS256", [key, public_key()])


@pytest.mark.parametrize(
    ("key", "algorithm", "kid", "fits"),
    [
        ({"kty": "RSA"}, "RS256", None, True),
        ({"kty": "RSA"}, "PS512", None, True),
        ({"kty": "EC"}, "ES256", None, True),
        ({"kty": "OKP"}, "EdDSA", None, True),
        ({"kty": "RSA", "kid": "a", "use": "sig", "alg": "RS256"}, "RS256", "a", True),
        ({"kty": "RSA", "kid": "a"}, "RS256", None, True),
        ({"kty": "RSA", "kid": "a"}, "RS256", "b", False),
        ({"kty": "RSA"}, "RS256", "b", False),
        ({"kty": "RSA", "kid": "5"}, "RS256", 5, False),
        ({"kty": "RSA", "use": "enc"}, "RS256", None, False),
        ({"kty": "RSA", "alg": "RS512"}, "RS256", None, False),
        ({"kty": "EC"}, "RS256", None, False),
        ({"kty": "RSA"}, "ES256", None, False),
        ({"kty": "oct", "k": "c2VjcmV0"}, "HS256", None, False),
        ({"k": "c2VjcmV0"}, "HS256", None, False),
        ({"kty": "none", "k": "c2VjcmV0"}, "HS256", None, False),
        ({"kty": None}, "HS256", None, False),
        ({}, "none", None, False),
        ({}, "RS256", None, False),
        (None, "RS256", None, False),
        ("key", "RS256", None, False),
    ],
)
def test_fitting_keys(key, algorithm, kid, fits):
    assert matching_keys([key], algorithm, kid) == ([key] if fits else [])


def test_algorithms():
    known = algorithms()
    assert known == sorted(known)
    assert {"RS256", "PS256", "ES256", "EdDSA", "HS256"} <= set(known)
    assert "none" not in known


def key_of(bits):
    return json.loads(RSAAlgorithm.to_jwk(generate_private_key(65537, bits).public_key()))


@pytest.mark.parametrize(
    ("key", "algorithm", "fault_of_it"),
    [
        (public_key(), "RS256", ""),
        (public_key(alg="unknown"), "PS512", ""),
        (key_of(1024), "RS256", "is too short"),
        ({}, "RS256", "cannot be read"),
        ({"kty": "RSA", "n": 5, "e": "AQAB"}, "RS256", "cannot be read"),
        ({"kty": ["RSA"]}, "RS256", "cannot be read"),
        (public_key(), "unknown", "cannot be read"),
    ],
    ids=["good", "alg of its own", "short", "empty", "number", "list", "unknown algorithm"],
)
def test_fault_of_a_published_key(key, algorithm, fault_of_it):
    assert key_problem(MappingProxyType(key), algorithm) == fault_of_it


@pytest.mark.parametrize(
    ("payload", "cause"),
    [
        (b"[]", "not an object"),
        (b'{"sub": "ada", "sub": "eve"}', "duplicate name"),
        (b'{"exp": NaN}', "NaN is not JSON"),
    ],
)
def test_why_it_is_no_json_object(payload, cause):
    """It is in the traceback of "Could not record a sign-in"."""
    with pytest.raises(TokenUnreadable) as caught:
        parse(jws(payload))
    assert str(caught.value) == "the token's header or payload is not a JSON object"
    assert str(caught.value.__cause__) == cause


# read_sid


@pytest.mark.parametrize(
    ("claims", "sid"),
    [
        ({"sid": "session-1"}, "session-1"),
        ({"sid": PECULIAR}, PECULIAR),
        ({"sid": LONGEST}, LONGEST),
        ({"sid": LONGEST + "x"}, ""),
        ({"sid": "a\0b"}, ""),
        ({"sid": "\ud800"}, ""),
        ({"sid": ""}, ""),
        ({"sid": None}, ""),
        ({"sid": 5}, ""),
        ({"sid": ["session-1"]}, ""),
        ({}, ""),
    ],
)
def test_read_sid(claims, sid):
    assert read_sid(token(claims)) == sid


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_has_no_sid(garbage):
    assert read_sid(garbage) == ""
