"""Whatever is in a session, or is said of a sign-in: nobody is kept out, and nobody kept in."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth import login
from django.contrib.sessions.backends.cache import SessionStore
from django.test import Client, RequestFactory
from hypothesis import example, given
from hypothesis import strategies as st

from django_oidc_logout.api import remember_login, sign_out
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.sessions import entry, origin
from tests.factories import ISSUER, is_signed_in
from tests.fuzz import forge
from tests.fuzz.anything import changed, json_values, texts

pytestmark = pytest.mark.django_db

CLAIMS = {"iss": ISSUER, "sub": "ada", "sid": "1", "aud": "site", "email": "ada@example.com"}
NAMES = [
    entry.ENTRY,
    entry.MOZILLA_ID_TOKEN,
    origin.MOZILLA_EXPIRATION,
    "oidc_states",
    "_oidc_logout_tokens",
    "_language",
]
entries = changed(
    {"key": "x" * 32, "token": "0" * 16, "until": 0.0, "seen": 0.0},
    until=st.sampled_from([float("inf"), "0", 10**400, -1]),
)

claims = changed(
    CLAIMS,
    iss=st.sampled_from([ISSUER, ISSUER + "/", "https://elsewhere.example.com"]),
    aud=st.sampled_from(["site", ["site", "other"], []]),
    azp=st.sampled_from(["site", "other"]),
    login_hint=texts,
    preferred_username=texts,
    name=texts,
)
id_tokens = forge.garbage | st.builds(
    lambda document: forge.jws(b'{"alg":"HS256"}', json.dumps(document).encode()), claims
)


@pytest.fixture
def user(settings, django_user_model):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    settings.OIDC_LOGOUT_PROVIDERS = {
        "default": {
            "ISSUER": ISSUER,
            "END_SESSION_ENDPOINT": f"{ISSUER}/end",
            "ALGORITHMS": ["HS256"],
        }
    }
    return django_user_model.objects.create(username="ada")


@given(
    id_tokens | json_values,
    st.none() | id_tokens | json_values,
    st.none() | texts | json_values,
)
def test_sign_in_is_never_refused(user, id_token, access_token, refresh_token):
    request = RequestFactory().post("/")
    request.session = SessionStore()
    login(request, user, "django.contrib.auth.backends.ModelBackend")
    row = remember_login(request, id_token, access_token=access_token, refresh_token=refresh_token)
    assert entry.is_signed_in(request.session)
    assert row is None or row == OIDCSession.objects.get()
    key = request.session.session_key
    location = sign_out(request)["Location"]
    assert location.isascii()
    assert not SessionStore().exists(key)
    assert not OIDCSession.objects.exists()


@given(st.dictionaries(st.sampled_from(NAMES), json_values | entries | id_tokens, min_size=1))
@example({entry.ENTRY: "text"})
@example({entry.ENTRY: {"key": 5}})
@example({entry.ENTRY: {"key": "x", "token": "", "until": "soon"}})
@example({entry.ENTRY: {"key": "x", "token": "", "until": 0}, "oidc_id_token": "\ud800"})
def test_sign_out_works_whatever_is_in_the_session(user, content):
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    session = client.session
    for name, value in content.items():
        session[name] = value
    session.save()
    assert client.get("/private/").status_code == 200
    assert client.post("/oidc/logout/").status_code == 302
    assert not is_signed_in(client)
    assert not SessionStore().exists(session.session_key)
