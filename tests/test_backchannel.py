"""Back-channel logout: what is accepted, what is refused, and what ends.

Cases of the OpenID conformance suite bear its names.
"""

from __future__ import annotations

import base64
import json
import logging
import time
from datetime import timedelta
from unittest import mock

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.module_loading import import_string
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from django_oidc_logout import idp_initiated
from django_oidc_logout.framework import safe_cache
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.providers import copies
from django_oidc_logout.sessions import back_channel, engines, entry, tombstones
from django_oidc_logout.tokens.logout_token import verify
from tests.factories import (
    assert_refused,
    create_row,
    is_signed_in,
    other_provider,
    post_logout_token,
    renew,
)
from tests.idp import EVENT, KID, MISSING, encode, sign, signing_key

pytestmark = pytest.mark.django_db

URL = "/oidc/logout/backchannel/"


# The conformance suite's modules.


@pytest.mark.requirement("OpenID rp-backchannel-rpinitlogout")
def test_rp_backchannel_rpinitlogout(sign_in, logout_token, signals):
    client = sign_in()
    token = logout_token(extra_claim={"ignored": True})
    answer = post_logout_token(token + "&extra_parameter=ignored")
    assert (answer.status_code, answer.content) == (200, b"")
    assert "no-store" in answer["Cache-Control"]
    assert not is_signed_in(client)
    assert not OIDCSession.objects.exists()
    assert signals["ended"] == [("session-1", "The provider ended the session (back-channel).")]


def alg_none(make, idp):
    return f"{encode(json.dumps({'alg': 'none'})).decode()}.{make().split('.')[1]}."


def wrong_alg(make, idp):
    return make(key=b"x" * 64, alg="HS256")


CONFORMANCE = {
    "rp-backchannel-rpinitlogout-alg-none": alg_none,
    "rp-backchannel-rpinitlogout-wrong-alg": wrong_alg,
    "rp-backchannel-rpinitlogout-wrong-aud": lambda make, idp: make(aud="other"),
    "rp-backchannel-rpinitlogout-wrong-iss": lambda make, idp: make(iss=idp.issuer + "1"),
    "rp-backchannel-rpinitlogout-no-event": lambda make, idp: make(events=MISSING),
    "rp-backchannel-rpinitlogout-wrong-event": lambda make, idp: make(events={"other": {}}),
    "rp-backchannel-rpinitlogout-with-nonce": lambda make, idp: make(nonce="nonce"),
}


@pytest.mark.requirement("ASVS 10.5.5", "OpenID rp-backchannel-rpinitlogout-*")
@pytest.mark.parametrize("name", CONFORMANCE)
def test_conformance(idp, sign_in, logout_token, name):
    client = sign_in()
    assert_refused(post_logout_token(CONFORMANCE[name](logout_token, idp)))
    assert is_signed_in(client)


# What must be refused, beyond the suite: claims, header, encoding, keys.

BIG = 10**400
CLAIMS = {
    "iss missing": {"iss": MISSING},
    "iss null": {"iss": None},
    "iss a number": {"iss": 5},
    "iss a list": {"iss": ["https://idp.example.com"]},
    "iss an object": {"iss": {}},
    "iss empty": {"iss": ""},
    "aud missing": {"aud": MISSING},
    "aud null": {"aud": None},
    "aud empty": {"aud": ""},
    "aud an empty list": {"aud": []},
    "aud a list of others": {"aud": ["other", "sit"]},
    "aud a list of lists": {"aud": [["site"]]},
    "aud an object": {"aud": {"site": 1}},
    "aud a number": {"aud": 1},
    "aud with a space": {"aud": "site "},
    "aud in capitals": {"aud": "SITE"},
    "azp another": {"aud": ["site", "other"], "azp": "other"},
    "azp null": {"azp": None},
    "iat missing": {"iat": MISSING},
    "iat null": {"iat": None},
    "iat true": {"iat": True},
    "iat text": {"iat": "1700000000"},
    "iat a list": {"iat": [1]},
    "iat zero": {"iat": 0},
    "iat negative": {"iat": -1},
    "iat a year old": {"iat": int(time.time()) - 365 * 86400},
    "iat a little too old": {"iat": lambda: time.time() - 301},
    "iat in the future": {"iat": lambda: time.time() + 90},
    "iat far in the future": {"iat": BIG},
    "exp null": {"exp": None},
    "exp true": {"exp": True},
    "exp text": {"exp": "9999999999"},
    "exp of 400 digits": {"exp": BIG},
    "exp passed": {"exp": lambda: time.time() - 62},
    "exp zero": {"exp": 0},
    "exp a list": {"exp": []},
    "jti missing": {"jti": MISSING},
    "jti null": {"jti": None},
    "jti empty": {"jti": ""},
    "jti a number": {"jti": 7},
    "jti a list": {"jti": ["a"]},
    "jti too long": {"jti": "j" * 4097},
    "events null": {"events": None},
    "events text": {"events": EVENT},
    "events a list": {"events": [EVENT]},
    "events empty": {"events": {}},
    "events true": {"events": {EVENT: True}},
    "events null inside": {"events": {EVENT: None}},
    "events text inside": {"events": {EVENT: "{}"}},
    "events a list inside": {"events": {EVENT: []}},
    "events of another case": {"events": {EVENT.upper(): {}}},
    "events without scheme": {"events": {EVENT[5:]: {}}},
    "nonce": {"nonce": "n"},
    "nonce null": {"nonce": None},
    "nonce empty": {"nonce": ""},
    "neither sub nor sid": {"sub": MISSING, "sid": MISSING},
    "sid empty": {"sid": ""},
    "sid empty without sub": {"sid": "", "sub": MISSING},
    "sid null": {"sid": None},
    "sid a number": {"sid": 5},
    "sid a list": {"sid": ["session-1"]},
    "sid with NUL": {"sid": "session-1\0"},
    "sid a lone surrogate": {"sid": "\ud800"},
    "sid too long": {"sid": "s" * 4097},
    "sub empty": {"sub": ""},
    "sub null": {"sub": None},
    "sub a number": {"sub": 1},
    "sub true": {"sub": True},
    "sub with NUL": {"sub": "ada\0"},
    "sub an object": {"sub": {"$ne": ""}},
}
HEADERS = {
    "typ of an access token": {"typ": "at+jwt"},
    "typ of an ID Token elsewhere": {"typ": "id_token"},
    "typ a number": {"typ": 1},
    "typ null": {"typ": None},
    "typ empty": {"typ": ""},
    "crit unknown": {"crit": ["exp"]},
    "crit empty": {"crit": []},
    "crit b64": {"crit": ["b64"], "b64": True},
    "alg none": {"alg": "none"},
    "alg None": {"alg": "None"},
    "alg empty": {"alg": ""},
    "alg null": {"alg": None},
    "alg a list": {"alg": ["RS256"]},
    "alg another of the family": {"alg": "RS512"},
    "alg of another family": {"alg": "PS256"},
    "alg a secret's": {"alg": "HS256"},
    "kid unknown": {"kid": "unknown"},
    "kid a number": {"kid": 1},
    "kid a list": {"kid": [KID]},
}


@pytest.mark.requirement("ASVS 10.5.5")
@pytest.mark.parametrize("claims", CLAIMS.values(), ids=CLAIMS)
def test_claims_that_are_refused(sign_in, logout_token, signals, claims):
    client = sign_in()
    assert_refused(post_logout_token(logout_token(**claims)))
    assert is_signed_in(client)
    assert not signals["ended"]
    assert len(signals["rejected"]) == 1


@pytest.mark.requirement("ASVS 10.5.5")
@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_headers_that_are_refused(sign_in, logout_token, header):
    client = sign_in()
    assert_refused(post_logout_token(logout_token(header=header)))
    assert is_signed_in(client)


def other_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def embedded(make, idp):
    key = other_key()
    jwk = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
    return make(key=key, header={"jwk": jwk, "kid": MISSING})


def payload_changed(make, idp):
    header, _, signature = make(sub="grace").split(".")
    return ".".join((header, make().split(".")[1], signature))


def public_key_as_secret(make, idp):
    public = signing_key().public_key()
    with mock.patch("jwt.algorithms.HMACAlgorithm.prepare_key", lambda _, key: key):
        return make(key=public.public_bytes(Encoding.PEM, PublicFormat.PKCS1), alg="HS256")


def doubled(name, first, second):
    def make_it(make, idp):
        _, payload, _ = make().split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "==="))
        claims.pop(name, None)
        pair = f'"{name}": {json.dumps(first)}, "{name}": {json.dumps(second)}'
        text = json.dumps(claims)[:-1] + f", {pair}}}"
        return sign(text, {"kid": KID, "typ": "JWT"}, signing_key(), "RS256")

    return make_it


def payload(text):
    return lambda make, idp: sign(text, {"kid": KID, "typ": "JWT"}, signing_key(), "RS256")


FORGERIES = {
    "another's key": lambda make, idp: make(key=other_key()),
    "another's key without kid": lambda make, idp: make(key=other_key(), header={"kid": MISSING}),
    "key in the header": embedded,
    "key behind an address": lambda make, idp: make(
        key=other_key(), header={"jku": f"{idp.issuer}/jwks", "x5u": f"{idp.issuer}/x5u"}
    ),
    "payload changed": payload_changed,
    "public key as a secret": public_key_as_secret,
    "signature missing": lambda make, idp: make().rsplit(".", 1)[0] + ".",
    "signature cut": lambda make, idp: make()[:-4],
    "two parts": lambda make, idp: make().rsplit(".", 1)[0],
    "four parts": lambda make, idp: make() + ".x",
    "five parts": lambda make, idp: make() + ".x.y",
    "empty": lambda make, idp: "",
    "dots": lambda make, idp: "..",
    "garbage": lambda make, idp: "garbage",
    "not base64url": lambda make, idp: "%2B" + make(),
    "space inside": lambda make, idp: make().replace(".", ".%20", 1),
    "line break behind": lambda make, idp: make() + "%0A",
    "padding": lambda make, idp: make() + "%3D%3D",
    "umlaut": lambda make, idp: "%C3%A4" + make(),
    "16 KiB and one": lambda make, idp: "x" * (16 * 1024 + 1),
    "payload a list": payload("[]"),
    "payload text": payload('"text"'),
    "payload null": payload("null"),
    "payload no JSON": payload("{"),
    "payload empty": payload(""),
    "payload deeper than any": payload('{"a":' * 3000 + "1" + "}" * 3000),
    "payload NaN": payload('{"iat": NaN}'),
    "payload Infinity": payload('{"exp": Infinity}'),
    "payload not UTF-8": lambda make, idp: sign(b"\xff", {"kid": KID}, signing_key(), "RS256"),
    "sid twice": doubled("sid", "other", "session-1"),
    "iss twice": doubled("iss", "https://other.example.com", "https://idp.example.com"),
    "events twice": doubled("events", {}, {EVENT: {}}),
    "nonce twice": doubled("nonce", None, None),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_forgeries_are_refused(idp, sign_in, logout_token, forge):
    client = sign_in()
    asked = len(idp.asked)
    assert_refused(post_logout_token(forge(logout_token, idp)))
    assert is_signed_in(client)
    assert "/x5u" not in str(idp.asked[asked:])


BODIES = {
    "nothing": ("", "application/x-www-form-urlencoded"),
    "another parameter": ("token=x", "application/x-www-form-urlencoded"),
    "twice": ("logout_token={t}&logout_token={t}", "application/x-www-form-urlencoded"),
    "JSON": ('{"logout_token": "{t}"}', "application/json"),
    "plain text": ("logout_token={t}", "text/plain"),
    "no type": ("logout_token={t}", ""),
    "the token itself": ("{t}", "application/logout+jwt"),
    "too large": ("x=" + "x" * 3_000_000, "application/x-www-form-urlencoded"),
    "too many fields": ("a=1&" * 1001 + "logout_token={t}", "application/x-www-form-urlencoded"),
    "an unknown charset": ("logout_token={t}", "application/x-www-form-urlencoded; charset=utf-7"),
}


@pytest.mark.parametrize("case", BODIES.values(), ids=BODIES)
def test_bodies_that_are_refused(sign_in, logout_token, signals, caplog, case):
    client = sign_in()
    body, content_type = case[0].replace("{t}", logout_token()), case[1]
    answer = Client(enforce_csrf_checks=True).post(URL, body, content_type)
    assert_refused(answer)
    assert is_signed_in(client)
    reason = answer.json()["error_description"]
    assert signals["rejected"] == [("", reason)]
    assert f"Logout token rejected: issuer= reason={reason}" in caplog.messages


def test_token_in_a_multipart_form_is_refused(sign_in, logout_token):
    client = sign_in()
    assert_refused(Client().post(URL, {"logout_token": logout_token()}))
    assert is_signed_in(client)


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete"])
def test_other_methods(client, method):
    answer = getattr(client, method)(URL)
    assert answer.status_code == 405
    assert "no-store" in answer["Cache-Control"]


def test_refusals_leave_nothing_behind(settings, sign_in, logout_token):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    sign_in()
    post_logout_token(logout_token(header={"kid": "first"}))
    before = set(cache._cache)
    for number in range(50):
        assert_refused(
            post_logout_token(logout_token(header={"kid": f"{number}"}, jti=f"{number}"))
        )
        assert_refused(post_logout_token(logout_token(sid="", jti=f"empty {number}")))
        assert_refused(post_logout_token(logout_token(iss=f"https://{number}.example.com")))
    assert set(cache._cache) == before


# What is accepted.

ACCEPTED = {
    "without typ": {"header": {"typ": MISSING}},
    "typ JWT": {"header": {"typ": "JWT"}},
    "without kid": {"header": {"kid": MISSING}},
    "without exp": {"exp": MISSING},
    "without sub": {"sub": MISSING},
    "without sid": {"sid": MISSING},
    "aud a list": {"aud": ["other", "site"]},
    "aud a list and azp": {"aud": ["other", "site"], "azp": "site"},
    "iat a fraction": {"iat": time.time},
    "exp passed by a clock that is a little behind": {"exp": lambda: time.time() - 10},
    "typ as a media type": {"header": {"typ": "application/logout+jwt"}},
    "iat a little in the future": {"iat": lambda: time.time() + 30},
    "a short jti": {"jti": "x"},
    "an event with content": {"events": {EVENT: {"reason": "admin"}, "other": 1}},
}


@pytest.mark.parametrize("changes", ACCEPTED.values(), ids=ACCEPTED)
def test_what_is_accepted(sign_in, logout_token, changes):
    client = sign_in()
    assert post_logout_token(logout_token(**changes)).status_code == 200
    assert not is_signed_in(client)


def test_nobody_known_is_fine(logout_token):
    assert post_logout_token(logout_token(sid="unknown")).status_code == 200


STRICT = {
    "REQUIRE_EXP": ({"exp": MISSING}, {}),
    "REQUIRE_TYP": ({"header": {"typ": MISSING}}, {"header": {"typ": "logout+jwt"}}),
    "REQUIRE_TYP, JWT": ({"header": {"typ": "JWT"}}, {}),
    "REQUIRE_TYP, media type": (
        {"header": {"typ": "application/JWT"}},
        {"header": {"typ": "Application/Logout+JWT"}},
    ),
}


@pytest.mark.parametrize("name", STRICT)
def test_strict_modes(configure, sign_in, logout_token, name):
    refused, accepted = STRICT[name]
    configure(**{name.partition(",")[0]: True})
    sign_in()
    assert_refused(post_logout_token(logout_token(**refused)))
    assert post_logout_token(logout_token(**accepted)).status_code == 200


def test_max_token_age(configure, sign_in, logout_token):
    configure(MAX_TOKEN_AGE=10)
    assert_refused(post_logout_token(logout_token(iat=time.time() - 20)))
    assert post_logout_token(logout_token(iat=time.time() - 5)).status_code == 200


# Algorithms and keys.


def published(public_key, alg, kid="other"):
    algorithm = {"RS": RSAAlgorithm, "PS": RSAAlgorithm, "ES": ECAlgorithm, "Ed": OKPAlgorithm}
    jwk = json.loads(algorithm[alg[:2]].to_jwk(public_key))
    return jwk | {"kid": kid, "use": "sig", "alg": alg}


ALGORITHMS = {
    "RS256": other_key,
    "RS512": other_key,
    "PS256": other_key,
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_algorithms(idp, configure, logout_token, alg):
    configure(ALGORITHMS=[alg])
    key = ALGORITHMS[alg]()
    idp.answers["/jwks"] = {"keys": [published(key.public_key(), alg)]}
    assert (
        post_logout_token(logout_token(key=key, alg=alg, header={"kid": "other"})).status_code
        == 200
    )
    assert_refused(post_logout_token(logout_token(alg="RS256" if alg != "RS256" else "RS384")))


SECRET = "the client's secret, which is long enough"


def test_shared_secret_only_where_configured(configure, logout_token):
    token = logout_token(key=SECRET.encode(), alg="HS256")
    configure(CLIENT_SECRET=SECRET)
    assert_refused(post_logout_token(token))
    configure(ALGORITHMS=["HS256"])
    assert post_logout_token(token).status_code == 200
    assert_refused(
        post_logout_token(logout_token(key=b"another secret, of the same length....", alg="HS256"))
    )
    configure(CLIENT_SECRET="")
    assert_refused(post_logout_token(logout_token(key=SECRET.encode(), alg="HS256")))


@pytest.mark.parametrize(
    "change",
    [{"use": "enc"}, {"alg": "RS512"}, {"kty": "oct", "k": "AAAA"}, {"n": "!"}, {"kid": None}],
    ids=str,
)
def test_published_keys_that_are_not_for_this(idp, logout_token, change):
    idp.answers["/jwks"]["keys"][0].update(change)
    assert_refused(post_logout_token(logout_token()))


@pytest.mark.parametrize("keys", [None, {}, "keys", [None, 1, "x"]], ids=str)
def test_key_sets_that_are_none(idp, logout_token, keys):
    idp.answers["/jwks"] = {"keys": keys}
    assert_refused(post_logout_token(logout_token()))


def test_key_rotation_needs_no_restart(idp, sign_in, logout_token):
    client = sign_in()
    key = other_key()
    idp.answers["/jwks"] = {"keys": [published(key.public_key(), "RS256", "new")]}
    assert post_logout_token(logout_token(key=key, header={"kid": "new"})).status_code == 200
    assert not is_signed_in(client)


def test_flood_of_unknown_keys_is_one_fetch(idp, sign_in, logout_token):
    sign_in()
    idp.asked.clear()
    for number in range(20):
        assert_refused(post_logout_token(logout_token(header={"kid": f"{number}"})))
    assert idp.asked == [("GET", "/jwks")]


def test_keys_are_warm_after_a_sign_in(idp, sign_in, logout_token):
    sign_in()
    idp.asked.clear()
    assert post_logout_token(logout_token()).status_code == 200
    assert idp.asked == []


def test_keys_that_cannot_be_fetched(idp, logout_token, signals):
    good, idp.answers["/jwks"] = idp.answers["/jwks"], lambda handler: handler.send_error(503)
    token = logout_token()
    answer = post_logout_token(token)
    assert_refused(answer)
    description = answer.json()["error_description"]
    assert "keys cannot be fetched" in description
    assert idp.issuer not in description  # it may be an address of the site's own network
    assert signals["rejected"] == [(idp.issuer, f"{idp.issuer}/jwks responded with status 503")]
    idp.answers["/jwks"] = good
    cache.clear()  # as half a minute does
    assert post_logout_token(token).status_code == 200


DAY = 24 * 60 * 60


@pytest.fixture
def later(monkeypatch):
    """Return a function that puts the clock forward."""
    passed = [0.0]
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + sum(passed))
    return passed.append


def withdraw(idp):
    """Let the provider publish another key in place of its own, and return that key."""
    key = other_key()
    idp.answers["/jwks"] = {"keys": [published(key.public_key(), "RS256", "new")]}
    return key


def test_key_that_was_withdrawn_is_not_believed_for_long(idp, sign_in, logout_token, later):
    client = sign_in()
    key = withdraw(idp)
    later(2 * 60 * 60)
    idp.asked.clear()
    assert_refused(post_logout_token(logout_token()))
    assert is_signed_in(client)
    assert idp.asked.count(("GET", "/jwks")) <= 2
    token = logout_token(key=key, header={"kid": "new"})
    assert post_logout_token(token).status_code == 200
    assert not is_signed_in(client)


def test_address_of_the_keys_that_changed_is_followed(idp, configure, sign_in, logout_token, later):
    configure(JWKS_URI="")
    sign_in()
    idp.metadata["jwks_uri"] = f"{idp.issuer}/new-jwks"
    key = withdraw(idp)
    idp.answers["/new-jwks"] = idp.answers.pop("/jwks")
    later(2 * 60 * 60)
    token = logout_token(key=key, header={"kid": "new"})
    assert post_logout_token(token).status_code == 200


def test_stale_keys_verify_while_the_provider_is_unreachable(idp, sign_in, logout_token, later):
    client = sign_in()
    idp.answers["/jwks"] = lambda handler: handler.send_error(503)
    later(DAY - 60)
    idp.asked.clear()
    assert post_logout_token(logout_token(sid="other")).status_code == 200
    assert post_logout_token(logout_token()).status_code == 200
    assert not is_signed_in(client)
    assert idp.asked == [("GET", "/jwks")]


def test_old_keys_verify_nothing_while_the_provider_is_unreachable(  # noqa: PLR0913, PLR0917
    idp, sign_in, logout_token, later, signals, monkeypatch
):
    monkeypatch.setattr(copies, "FAILURE", 0)  # a cache server's clock cannot be put forward
    client = sign_in()
    published_keys = idp.answers["/jwks"]
    idp.answers["/jwks"] = lambda handler: handler.send_error(503)
    later(DAY + 60)
    token = logout_token()
    assert_refused(post_logout_token(token))
    assert is_signed_in(client)
    assert signals["rejected"] == [(idp.issuer, f"{idp.issuer}/jwks responded with status 503")]
    idp.answers["/jwks"] = published_keys
    later(31)
    assert post_logout_token(token).status_code == 200
    assert not is_signed_in(client)


# What ends, and what does not.


def row_of(client):
    return OIDCSession.objects.get(session_key=client.session.session_key)


def test_only_the_issuers_own_sessions_end(idp, configure, sign_in, logout_token):
    other_provider(configure, idp)
    here, there = sign_in(), sign_in(iss="https://other.example.com")
    assert {row_of(here).provider, row_of(there).provider} == {"default", "other"}
    assert post_logout_token(logout_token(iss="https://other.example.com")).status_code == 200
    assert is_signed_in(here)
    assert not is_signed_in(there)


def test_key_of_another_issuer(idp, configure, sign_in, logout_token):
    other_provider(configure, idp)
    configure("other", JWKS_URI=f"{idp.issuer}/other-jwks")
    idp.answers["/other-jwks"] = {"keys": [published(other_key().public_key(), "RS256")]}
    there = sign_in(iss="https://other.example.com")
    assert_refused(post_logout_token(logout_token(iss="https://other.example.com")))
    assert is_signed_in(there)


def test_only_the_clients_own_sessions_end(configure, idp, sign_in, logout_token):
    configure("second", ISSUER=idp.issuer, CLIENT_ID="second", JWKS_URI=f"{idp.issuer}/jwks")
    first, second = sign_in(), sign_in(aud="second")
    assert post_logout_token(logout_token(aud="second", sid=MISSING)).status_code == 200
    assert is_signed_in(first)
    assert not is_signed_in(second)


def test_sub_ends_all_of_a_person(sign_in, logout_token):
    mine = [sign_in(sid=f"{number}") for number in range(3)]
    others = sign_in(sub="grace", sid="g")
    assert post_logout_token(logout_token(sid=MISSING)).status_code == 200
    assert not any(map(is_signed_in, mine))
    assert is_signed_in(others)


@pytest.mark.requirement("ASVS 7.6.1", "NIST 4.7", "IPSIE SL2 terminate")
def test_sid_ends_exactly_one(sign_in, logout_token):
    phone, desk = sign_in(sid="phone"), sign_in(sid="desk")
    assert post_logout_token(logout_token(sid="phone")).status_code == 200
    assert not is_signed_in(phone)
    assert is_signed_in(desk)


def of_ours(caplog):
    return [
        (record.levelname, record.getMessage())
        for record in caplog.records
        if record.name == "django_oidc_logout"
    ]


@pytest.fixture
def told(caplog):
    """Return what is logged."""
    caplog.set_level(logging.INFO, "django_oidc_logout")
    return caplog


NOTHING_ENDED = "Logout token ended no session: issuer={} jti=1 reason={}"
SUB_DIFFERS = (
    "The sub of a logout token differs from its session's, so nothing ended, check the "
    "provider's subject identifiers: issuer={} jti=1"
)


def test_sid_with_anothers_sub_ends_none(idp, sign_in, logout_token, told):
    client, unknown = sign_in(), sign_in(sub="grace", sid=None)
    told.clear()
    assert post_logout_token(logout_token(sub="grace", jti="1")).status_code == 200
    assert is_signed_in(client)
    assert is_signed_in(unknown)
    assert of_ours(told) == [
        ("WARNING", SUB_DIFFERS.format(idp.issuer)),
        ("INFO", NOTHING_ENDED.format(idp.issuer, "its sub is not that of its session")),
    ]
    assert is_signed_in(sign_in(sub="grace", sid=None))  # a tombstone is not left, either


def test_sid_with_its_sub_and_anothers_ends_the_right_one(sign_in, logout_token):
    right, wrong = sign_in(), sign_in(sub="grace")
    assert post_logout_token(logout_token()).status_code == 200
    assert not is_signed_in(right)
    assert is_signed_in(wrong)


@pytest.mark.parametrize("changes", [{"sid": "unknown"}, {"sub": "unknown", "sid": MISSING}])
def test_token_that_ends_nothing_is_logged(idp, sign_in, logout_token, told, changes):
    client = sign_in()
    told.clear()
    assert post_logout_token(logout_token(jti="1", **changes)).status_code == 200
    assert is_signed_in(client)
    reason = "no matching session is known"
    assert of_ours(told) == [("INFO", NOTHING_ENDED.format(idp.issuer, reason))]


@pytest.mark.parametrize(
    ("jti", "shown"),
    [
        ("x" * 100, "x" * 100),
        ("a+/=~!", "a+/=~!"),
        *((jti, "(not shown)") for jti in ("1\nERROR", "1 reason=none", "x" * 101, "\u2028", "ü")),
    ],
)
def test_jti_forges_nothing_in_the_log(idp, logout_token, told, jti, shown):
    assert post_logout_token(logout_token(jti=jti)).status_code == 200
    reason = "no matching session is known"
    message = NOTHING_ENDED.format(idp.issuer, reason).replace("jti=1", f"jti={shown}")
    assert of_ours(told) == [("INFO", message)]


def test_sid_and_sub_end_sessions_whose_sid_is_unknown(sign_in, logout_token):
    """The ID Token of some sessions has no `sid`, so only their `sub` can name them."""
    named, unknown = sign_in(), [sign_in(sid=None) for _ in range(2)]
    other_sid, other_sub = sign_in(sid="other"), sign_in(sub="grace", sid=None)
    assert post_logout_token(logout_token()).status_code == 200
    assert not any(map(is_signed_in, [named, *unknown]))
    assert is_signed_in(other_sid)
    assert is_signed_in(other_sub)


def test_sid_and_sub_end_a_session_whose_sid_is_unknown_alone(sign_in, logout_token):
    unknown = sign_in(sid=None)
    assert post_logout_token(logout_token()).status_code == 200
    assert not is_signed_in(unknown)


def test_sid_alone_does_not_end_a_session_whose_sid_is_unknown(sign_in, logout_token):
    unknown = sign_in(sid=None)
    assert post_logout_token(logout_token(sub=MISSING)).status_code == 200
    assert is_signed_in(unknown)


def create_rows(count):
    expires_at = timezone.now() + timedelta(days=1)
    for number in range(count):
        create_row(session_key=f"{number}", sub=f"{number}", sid=f"{number}", expires_at=expires_at)


@pytest.mark.parametrize("ids", [{"sid": "x"}, {"sub": "x"}, {"sid": "x", "sub": "x"}], ids=str)
def test_sessions_are_found_by_index(idp, logout_token, ids):
    if connection.vendor == "postgresql":  # which needs no index for a table as small as this
        create_rows(1000)
        connection.cursor().execute("ANALYZE django_oidc_logout_oidcsession")
    names = {"sid": MISSING, "sub": MISSING} | ids
    token = verify(logout_token(**names))
    plan = back_channel._named_by(token).explain()
    assert all(f"oidc_session_{name}" in plan for name in ids)


# Whose sign-in is later than the token. Clocks may differ by a minute.


@pytest.fixture
def signed_in_at(sign_in):
    """Return a function that signs in, so many seconds from now by the site's clock."""

    def signed_in_at(seconds, **claims):
        client = sign_in(**claims)
        moment = timezone.now() + timedelta(seconds=seconds)
        row = OIDCSession.objects.filter(session_key=client.session.session_key)
        row.update(signed_in_at=moment)
        return client

    return signed_in_at


@pytest.mark.parametrize("who", [{"sid": MISSING}, {"sid": "unknown"}], ids=["sub", "sid and sub"])
def test_sub_ends_sessions_that_began_before_the_token(signed_in_at, logout_token, who):
    """The site's clock may be ahead, but an ID Token has the provider's."""
    ids, now = {} if who["sid"] is MISSING else {"sid": None}, time.time()
    before, after = (signed_in_at(seconds, **ids) for seconds in (-3600, -35))
    ahead, later = (signed_in_at(-45, iat=now - seconds, **ids) for seconds in (100, 99))
    unknown = signed_in_at(-45, **ids)
    OIDCSession.objects.filter(session_key=unknown.session.session_key).update(id_token="")
    assert post_logout_token(logout_token(iat=now - 100, **who)).status_code == 200
    assert [is_signed_in(each) for each in (before, ahead, unknown)] == [False] * 3
    assert [is_signed_in(each) for each in (later, after)] == [True] * 2


def test_row_that_is_removed_while_its_id_token_is_read(signed_in_at, logout_token, monkeypatch):
    signed_in_at(0)
    began = tombstones.began_by_id_token

    def removed_first(row):
        OIDCSession.objects.all().delete()
        return began(row)

    monkeypatch.setattr(tombstones, "began_by_id_token", removed_first)
    token = logout_token(iat=time.time() - 30, sid=MISSING)
    assert post_logout_token(token).status_code == 200


@pytest.mark.parametrize("ids", [{}, {"sid": MISSING}, {"sub": MISSING}])
def test_site_without_time_zones(settings, sign_in, logout_token, ids):
    settings.USE_TZ = False
    client = sign_in()
    assert post_logout_token(logout_token(**ids)).status_code == 200
    assert not is_signed_in(client)


def test_sid_ends_its_session_whenever_it_began(signed_in_at, logout_token):
    client = signed_in_at(0)
    assert post_logout_token(logout_token(iat=time.time() - 100)).status_code == 200
    assert not is_signed_in(client)


def test_sessions_that_began_in_the_second_of_the_token_cost_no_query_each(sign_in, logout_token):
    clients, second = [sign_in(), sign_in()], int(time.time())
    OIDCSession.objects.update(signed_in_at=entry.moment(second + 0.5))
    with CaptureQueriesContext(connection) as queries:
        assert post_logout_token(logout_token(iat=second, sid=MISSING)).status_code == 200
    assert not [each for each in queries if "id_token" in each["sql"]]
    assert not any(map(is_signed_in, clients))


def test_renewal_in_the_second_after_the_token_saves_nobody(idp, sign_in, logout_token):
    client, second = sign_in(), int(time.time()) - 5
    OIDCSession.objects.update(
        signed_in_at=entry.moment(second + 0.5), id_token=idp.id_token(iat=second + 1)
    )
    assert post_logout_token(logout_token(iat=second, sid=MISSING)).status_code == 200
    assert not is_signed_in(client)


@pytest.mark.urls("tests.urls_sessions")
def test_renewal_does_not_make_a_session_begin_later(idp, signed_in_at, logout_token):
    client = signed_in_at(-3600)
    renew(client, idp.id_token(sid="new"))
    assert OIDCSession.objects.get().sid == "new"
    assert post_logout_token(logout_token(iat=time.time() - 100, sid=MISSING)).status_code == 200
    assert not is_signed_in(client)


# A token that arrives before the row of its session is written.


def assert_ended_at_once(client, signals):
    assert not is_signed_in(client)
    assert not OIDCSession.objects.exists()
    reason = "The provider ended the session before it was recorded (back-channel)."
    assert [told for _, told in signals["ended"]] == [reason]


def soon():
    """Return a time that no sign-in of the test is later than."""
    return int(time.time()) + 10


EARLY = {
    "sid": ({"sub": MISSING}, {}),
    "sid, of an ID Token that is newer": (
        {"sub": MISSING, "iat": lambda: int(time.time()) - 30},
        {"auth_time": 5},
    ),
    "sid and sub": ({}, {}),
    "sid and sub, sid unknown": ({"iat": soon}, {"sid": None}),
    "sub": ({"sid": MISSING, "iat": soon}, {}),
    "sub, sid unknown": ({"sid": MISSING, "iat": soon}, {"sid": None}),
    "sub, without iat": ({"sid": MISSING, "iat": soon}, {"iat": None}),
    "sub, auth_time instead": (
        {"sid": MISSING, "iat": soon},
        {"iat": None, "auth_time": lambda: int(time.time()) - 5},
    ),
}


def called(claims):
    return {name: value() if callable(value) else value for name, value in claims.items()}


@pytest.mark.parametrize(("token", "id_token"), EARLY.values(), ids=EARLY)
def test_token_before_the_row_ends_the_sign_in(sign_in, logout_token, signals, token, id_token):
    assert post_logout_token(logout_token(**token)).status_code == 200
    client = sign_in(**called(id_token))
    assert_ended_at_once(client, signals)
    signals["ended"].clear()
    if "iat" not in id_token:
        assert_ended_at_once(sign_in(client, **called(id_token)), signals)


def before():
    return int(time.time()) - 30


LATER = {
    "sid": ({"sub": MISSING}, {"sid": "new"}),
    "sid with another's sub": ({"sub": "grace"}, {}),
    "sid and sub, another sid": ({}, {"sid": "new"}),
    "sid and sub, sid unknown": ({"iat": before}, {"sid": None}),
    "sub": ({"sid": MISSING, "iat": before}, {}),
    "sub, sid unknown": ({"sid": MISSING, "iat": before}, {"sid": None, "auth_time": 5}),
    "sub, another's": ({"sid": MISSING}, {"sub": "grace"}),
    "sub, auth_time instead": (
        {"sid": MISSING},
        {"iat": None, "auth_time": lambda: int(time.time()) + 5},
    ),
}


@pytest.mark.parametrize(("token", "id_token"), LATER.values(), ids=LATER)
def test_token_leaves_a_later_sign_in_alone(sign_in, logout_token, token, id_token):
    sign_in(sid="old")
    assert post_logout_token(logout_token(**token)).status_code == 200
    assert is_signed_in(sign_in(**called(id_token)))


@pytest.mark.parametrize(
    "token", [{}, {"sid": MISSING}, {"sub": MISSING}], ids=["both", "sub", "sid"]
)
def test_token_that_has_ended_its_session_leaves_the_next_sign_in_alone(
    sign_in, logout_token, token
):
    """Even in the same second, and if the provider's session has the same `sid` again."""
    sign_in()
    assert post_logout_token(logout_token(**token)).status_code == 200
    assert is_signed_in(sign_in())


def test_token_of_another_issuer_leaves_a_sign_in_alone(configure, idp, sign_in, logout_token):
    other_provider(configure, idp)
    for changes in ({}, {"sid": MISSING}):
        token = logout_token(iss="https://other.example.com", **changes)
        assert post_logout_token(token).status_code == 200
    assert is_signed_in(sign_in())


def test_token_for_another_client_leaves_a_sign_in_alone(configure, idp, sign_in, logout_token):
    configure("second", ISSUER=idp.issuer, CLIENT_ID="second", JWKS_URI=f"{idp.issuer}/jwks")
    assert post_logout_token(logout_token(aud="second")).status_code == 200
    assert post_logout_token(logout_token(aud="second", sid=MISSING)).status_code == 200
    assert is_signed_in(sign_in())
    assert not is_signed_in(sign_in(aud="second"))


def test_an_older_token_does_not_shorten_the_reach_of_a_newer_one(sign_in, logout_token, signals):
    now = int(time.time())
    for seconds in (50, 100):
        post_logout_token(logout_token(sid=MISSING, iat=now - seconds))
    assert_ended_at_once(sign_in(iat=now - 60), signals)


@pytest.mark.urls("tests.urls_sessions")
def test_token_before_a_renewal_is_recorded_ends_the_session(idp, sign_in, logout_token, signals):
    client = sign_in()
    assert post_logout_token(logout_token(sid="new")).status_code == 200
    renew(client, idp.id_token(sid="new"))
    assert_ended_at_once(client, signals)


def test_token_reaches_sign_ins_for_as_long_as_it_is_valid(
    configure, sign_in, logout_token, monkeypatch
):
    configure(MAX_TOKEN_AGE=10)
    left = []
    monkeypatch.setattr(safe_cache, "put_many", lambda *given: left.append(given))
    post_logout_token(logout_token(iat=time.time() - 5))
    ((tombstones, seconds),) = left
    assert len(tombstones) == 2
    assert 60 < seconds <= 65


def test_sign_in_inside_a_transaction_looks_once_more_after_it(
    sign_in, logout_token, signals, monkeypatch, django_capture_on_commit_callbacks
):
    """The token finds no row before the transaction is committed."""
    covers = tombstones.covers
    monkeypatch.setattr(tombstones, "covers", lambda *given: False)
    with django_capture_on_commit_callbacks() as callbacks:
        client = sign_in()
    monkeypatch.setattr(tombstones, "covers", covers)
    rows = list(OIDCSession.objects.all())
    OIDCSession.objects.all().delete()  # which the token does not see yet
    assert post_logout_token(logout_token()).status_code == 200
    OIDCSession.objects.bulk_create(rows)
    assert is_signed_in(client)
    for callback in callbacks:
        callback()
    assert_ended_at_once(client, signals)


def test_sign_in_that_cannot_be_ended_is_forgotten_by_its_browser(
    sign_in, logout_token, monkeypatch, caplog
):
    post_logout_token(logout_token())

    def fail(*keys):
        raise ConnectionError("store is down")

    monkeypatch.setattr(engines, "delete", fail)
    assert not is_signed_in(sign_in())
    assert OIDCSession.objects.exists()  # so it can still be ended
    assert "Could not end a session" in caplog.text


@pytest.mark.parametrize(
    "changes", [{"sub": "ADA"}, {"sub": "ada "}, {"sid": "SESSION-1"}], ids=str
)
def test_identifiers_are_compared_exactly(sign_in, logout_token, changes):
    client = sign_in()
    post_logout_token(logout_token(**{"sid": MISSING} | changes))
    assert is_signed_in(client)


def test_number_of_sessions_that_end(sign_in, logout_token):
    sign_in()
    sign_in(sid="other")
    assert idp_initiated.back_channel(logout_token(sid=MISSING)) == 2
    assert idp_initiated.back_channel(logout_token(sid=MISSING)) == 0


# Replay, and failures.


def test_replay_leaves_a_later_sign_in_alone(idp, sign_in, logout_token, signals):
    sign_in()
    token = logout_token()
    assert post_logout_token(token).status_code == 200
    client = sign_in()
    assert_refused(post_logout_token(token))
    assert is_signed_in(client)
    assert signals["rejected"] == [(idp.issuer, "the token has been used")]


def test_jti_is_its_issuers(idp, configure, logout_token):
    other_provider(configure, idp)
    assert post_logout_token(logout_token(jti="1")).status_code == 200
    assert (
        post_logout_token(logout_token(jti="1", iss="https://other.example.com")).status_code == 200
    )
    assert_refused(post_logout_token(logout_token(jti="1")))


def test_jti_is_its_clients(idp, configure, sign_in, logout_token):
    configure("other", ISSUER=idp.issuer, CLIENT_ID="other", ALGORITHMS=["RS256"])
    client = sign_in()
    for aud in ("other", "site"):
        assert is_signed_in(client)
        assert post_logout_token(logout_token(jti="1", aud=aud)).status_code == 200
        assert_refused(post_logout_token(logout_token(jti="1", aud=aud)))
    assert not is_signed_in(client)


def test_store_that_fails_lets_the_same_token_come_again(
    sign_in, logout_token, monkeypatch, signals, caplog
):
    client, other = sign_in(), sign_in(sid="other")
    broken = client.session.session_key
    delete = engines.delete

    def fail(*keys):
        if broken in keys:
            raise ConnectionError("store is down")
        delete(*keys)

    token = logout_token(sid=MISSING)
    with monkeypatch.context() as patch:
        patch.setattr(engines, "delete", fail)
        assert_refused(post_logout_token(token))
        assert is_signed_in(client)
        assert not is_signed_in(other)
        assert OIDCSession.objects.get().session_key == broken
    assert "Could not end a session" in caplog.text
    assert post_logout_token(token).status_code == 200
    assert not is_signed_in(client)
    assert [sid for sid, _ in signals["ended"]] == ["other", "session-1"]


def test_index_that_fails_lets_the_same_token_come_again(
    sign_in, logout_token, monkeypatch, signals
):
    client, token = sign_in(), logout_token()

    def fail(*_):
        raise DatabaseError("the index is down")

    with monkeypatch.context() as patch:
        patch.setattr(back_channel, "_named_by", fail)
        assert_refused(post_logout_token(token))
    assert [reason for _, reason in signals["rejected"]] == [
        "1 sessions could not be ended, 0 were"
    ]
    assert post_logout_token(token).status_code == 200
    assert not is_signed_in(client)


class BrokenCache(import_string("django.core.cache.backends.dummy.DummyCache")):
    """A cache that is down."""

    def _down(self, *args, **kwargs):
        raise ConnectionError("cache is down")

    get = set = add = delete = _down


def test_cache_that_is_down_keeps_nobody_signed_in(settings, sign_in, logout_token, caplog):
    client = sign_in()
    settings.CACHES = {"default": {"BACKEND": "tests.test_backchannel.BrokenCache"}}
    assert post_logout_token(logout_token()).status_code == 200
    assert not is_signed_in(client)
    assert "ConnectionError" in caplog.text
    assert is_signed_in(sign_in(sid="new"))


@pytest.mark.requirement("ASVS 16.2.5")
def test_rejections_are_logged_without_the_token(idp, logout_token, caplog, signals):
    token = logout_token(nonce="n")
    post_logout_token(token)
    assert signals["rejected"] == [(idp.issuer, "the token has a nonce, so it may be an ID Token")]
    assert "Logout token rejected" in caplog.text
    assert token not in caplog.text
    assert token.split(".")[1] not in caplog.text


@pytest.mark.requirement("ASVS 16.4.1")
def test_issuer_that_is_not_ours_is_not_repeated(logout_token, caplog, signals):
    post_logout_token(logout_token(iss="https://evil.example\nforged log line"))
    assert [issuer for issuer, _ in signals["rejected"]] == [""]
    assert "evil" not in caplog.text


MIDDLEWARES = [
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "mozilla_django_oidc.middleware.SessionRefresh",
    "django.middleware.security.SecurityMiddleware",
]


def test_under_other_middlewares(settings, sign_in, logout_token):
    client = sign_in()
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, *MIDDLEWARES]
    settings.SECURE_SSL_REDIRECT = True
    assert post_logout_token(logout_token(), secure=True).status_code == 200
    assert not is_signed_in(client)
