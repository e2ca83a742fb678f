"""A hint whose key the provider has withdrawn is left out: some answer it by an error page."""

from __future__ import annotations

import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.cache import cache

from django_oidc_logout.conf import conf
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.providers import copies, metadata
from tests.factories import is_signed_in, query_of
from tests.idp import KID, signing_key

pytestmark = pytest.mark.django_db

LOGOUT = "/oidc/logout/"
REMARK = "The ID Token was left out: the provider no longer has the key that signed it."


def options():
    return conf.OIDC_LOGOUT_PROVIDERS["default"]


def replace_keys(idp, *kids):
    """Let the provider publish keys with other names."""
    [key] = idp.answers["/jwks"]["keys"]
    idp.answers["/jwks"] = {"keys": [{**key, "kid": kid} for kid in kids]}


def fetch_again():
    """Let the site learn of the provider's keys, as a logout token of a new key does."""
    metadata.newest_keys(options())


def sign_out(client, idp):
    idp.asked.clear()
    query = query_of(client.post(LOGOUT))
    assert idp.asked == []
    assert not is_signed_in(client)
    return query


def test_a_withdrawn_key(idp, sign_in, outcomes):
    client = sign_in(preferred_username="ada")
    replace_keys(idp, "key-2")
    fetch_again()
    query = sign_out(client, idp)
    assert "id_token_hint" not in query
    assert (query["client_id"], query["logout_hint"]) == ("site", "ada")
    assert outcomes[0].provider == "redirect"
    assert outcomes[0].code == "hint_key_withdrawn"
    assert outcomes[0].reason.endswith(REMARK)


def test_with_a_provider_that_sends_nobody_back_without_a_hint(idp, sign_in, configure, outcomes):
    configure(BACKEND="django_oidc_logout.providers.OryHydraProvider", NAME="Hydra")
    client = sign_in()
    replace_keys(idp, "key-2")
    fetch_again()
    assert not {"id_token_hint", "state", "post_logout_redirect_uri"} & {*sign_out(client, idp)}
    assert outcomes[0].reason.endswith(
        f"{REMARK} Hydra does not send people back without an ID Token."
    )


def nothing(idp):
    """The site has not fetched the keys since the sign-in."""


def fetched(*kids):
    def change(idp):
        replace_keys(idp, *kids)
        fetch_again()

    return change


def key_without_a_name(idp):
    idp.answers["/jwks"] = {"keys": [{"kty": "RSA"}, {"kty": "RSA", "kid": "key-2"}]}
    fetch_again()


def no_keys(idp):
    idp.answers["/jwks"] = {"keys": []}
    fetch_again()


def stale(idp):
    fetched("key-2")(idp)
    copies.put("keys", options(), idp.answers["/jwks"], fresh=-1)


def forgotten(idp):
    cache.clear()
    metadata.document(options())


@pytest.mark.parametrize(
    "change",
    [
        nothing,
        fetched(KID),
        fetched(KID, "key-2"),
        key_without_a_name,
        no_keys,
        stale,
        forgotten,
    ],
)
def test_where_that_is_not_known_the_hint_is_sent(idp, sign_in, change):
    client = sign_in()
    if change is nothing:
        replace_keys(idp, "key-2")
    change(idp)
    assert "id_token_hint" in sign_out(client, idp)


CLAIMS = {"sub": "ada", "sid": "session-1", "aud": "site"}


@pytest.mark.parametrize(
    ("alg", "header", "claims"),
    [
        ("HS256", {"kid": "key-0"}, {"iat": 1}),
        ("RS256", {}, {"iat": 1}),
        ("RS256", {"kid": "key-0"}, {}),
    ],
)
def test_tokens_of_which_it_cannot_be_known(idp, sign_in, alg, header, claims):
    client = sign_in()
    fetch_again()
    key = "x" * 32 if alg == "HS256" else signing_key()
    token = jwt.encode({**CLAIMS, "iss": idp.issuer, **claims}, key, alg, header)
    row = OIDCSession.objects.get()
    row.id_token = token
    row.save()
    assert sign_out(client, idp)["id_token_hint"] == token


def test_a_token_that_was_renewed_after_the_keys_were_fetched(idp, sign_in):
    """Its key is newer than the copy, which therefore cannot have it."""
    client = sign_in()
    fetch_again()
    row = OIDCSession.objects.get()
    later = {**CLAIMS, "iss": idp.issuer, "iat": int(time.time()) + 30}
    row.id_token = jwt.encode(later, signing_key(), "RS256", {"kid": "key-3"})
    row.save()
    assert "id_token_hint" in sign_out(client, idp)


@pytest.mark.parametrize(("age", "is_sent"), [(3600, False), (0, True)])
def test_without_a_row_the_token_says_when_it_was_issued(idp, sign_in, settings, age, is_sent):
    settings.OIDC_STORE_ID_TOKEN = True
    client = sign_in(iat=int(time.time()) - age)
    OIDCSession.objects.all().delete()
    replace_keys(idp, "key-2")
    fetch_again()
    assert ("id_token_hint" in sign_out(client, idp)) is is_sent


def test_a_class_that_sends_no_hint_has_no_remark(idp, sign_in, configure, outcomes):
    configure(BACKEND="django_oidc_logout.providers.CognitoProvider")
    client = sign_in()
    replace_keys(idp, "key-2")
    fetch_again()
    client.post(LOGOUT)
    assert REMARK not in outcomes[0].reason


def test_a_sign_in_with_a_new_key_teaches_the_site(idp, sign_in, monkeypatch):
    """So that the hints of the others are left out, for example after the database was new."""
    client = sign_in()
    new = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    monkeypatch.setattr("tests.idp.signing_key", lambda: new)
    monkeypatch.setattr("tests.idp.KID", "key-2")
    public = jwt.algorithms.RSAAlgorithm.to_jwk(new.public_key(), as_dict=True)
    idp.answers["/jwks"] = {"keys": [{**public, "kid": "key-2", "alg": "RS256", "use": "sig"}]}
    other = sign_in(sub="bob", sid="session-2")
    assert "id_token_hint" not in sign_out(client, idp)
    assert "id_token_hint" in sign_out(other, idp)
