"""Every sign-in through a provider is in the index, and no sign-in fails for it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from django.contrib.auth import get_user, get_user_model, login
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.contrib.sessions.backends.db import SessionStore
from django.db import DatabaseError
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone
from mozilla_django_oidc.auth import OIDCAuthenticationBackend

from django_oidc_logout.api import end_sessions, remember_login, renew_login, sign_out
from django_oidc_logout.backends import OIDCLogoutBackend
from django_oidc_logout.middleware import OIDCSessionMiddleware
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.sessions import bound_store, index
from django_oidc_logout.signals import signed_in
from tests.factories import PASSWORD_BACKEND, copy_of, is_signed_in, query_of

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).parent.parent
MOZILLA_BACKEND = "mozilla_django_oidc.auth.OIDCAuthenticationBackend"
OWN_BACKEND = "django_oidc_logout.backends.OIDCLogoutBackend"


@pytest.fixture(params=["own backend", "OIDC_STORE_ID_TOKEN", "both"])
def capture(request, settings):
    """Capture ID Tokens in each of the two ways, and in both."""
    settings.OIDC_STORE_ID_TOKEN = request.param != "own backend"
    if request.param == "OIDC_STORE_ID_TOKEN":
        settings.AUTHENTICATION_BACKENDS = [MOZILLA_BACKEND]


@pytest.fixture
def silently_refresh(settings, sign_in):
    """Return a function that lets mozilla's SessionRefresh fetch new tokens for a client."""
    settings.OIDC_RENEW_ID_TOKEN_EXPIRY_SECONDS = -1
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "mozilla_django_oidc.middleware.SessionRefresh"]

    def refresh(client, idp, **claims):
        sent_away = client.get("/private/")
        query = parse_qs(urlsplit(sent_away["Location"]).query)
        assert query["prompt"] == ["none"]
        idp.claims = {"nonce": query["nonce"][0], **claims}
        settings.OIDC_RENEW_ID_TOKEN_EXPIRY_SECONDS = 60
        return client.get("/oidc/callback/", {"code": "code", "state": query["state"][0]})

    return refresh


@pytest.mark.usefixtures("capture")
def test_first_sign_in(idp, sign_in):
    client = sign_in(sub="1234", sid="abc")
    row = OIDCSession.objects.get()
    assert (row.provider, row.issuer, row.sub, row.sid) == ("default", idp.issuer, "1234", "abc")
    assert row.session_key == client.session.session_key
    assert row.user == get_user_model().objects.get(email="ada@example.com")
    assert jwt.decode(row.id_token, options={"verify_signature": False})["sub"] == "1234"
    assert row.expires_at > row.signed_in_at
    assert row.refresh_token == ""


def test_account_switch_leaves_one_row(idp, sign_in):
    client = sign_in()
    idp.userinfo = {"email": "grace@example.com"}
    sign_in(client, sub="grace")
    row = OIDCSession.objects.get()
    assert (row.sub, row.user.email) == ("grace", "grace@example.com")
    assert row.session_key == client.session.session_key
    assert is_signed_in(client)


def test_account_switch_without_our_backend(idp, sign_in, settings):
    """`login()` flushes the session, and mozilla's ID Token of the new person with it."""
    settings.AUTHENTICATION_BACKENDS = [MOZILLA_BACKEND]
    settings.OIDC_STORE_ID_TOKEN = True
    client = sign_in()
    idp.userinfo = {"email": "grace@example.com"}
    sign_in(client, sub="grace")
    row = OIDCSession.objects.get()
    assert (row.sub, row.user.email, row.acts_as) == ("grace", "grace@example.com", None)
    assert query_of(client.post("/oidc/logout/"))["id_token_hint"] == row.id_token


@pytest.mark.usefixtures("capture")
def test_silent_refresh_of_the_same_person(idp, sign_in, silently_refresh):
    client = sign_in(sid="old")
    before = OIDCSession.objects.get()
    back = silently_refresh(client, idp, sid="new")
    assert back["Location"].endswith("/private/")
    row = OIDCSession.objects.get()
    assert (row.sid, row.session_key) == ("new", before.session_key)
    assert row.signed_in_at == before.signed_in_at
    assert row.id_token != before.id_token
    assert query_of(client.post("/oidc/logout/"))["id_token_hint"] == row.id_token


@pytest.mark.parametrize("verb", [remember_login, renew_login])
def test_renewal_is_not_undone_by_the_token_that_mozilla_keeps(idp, settings, sign_in, rf, verb):
    settings.OIDC_STORE_ID_TOKEN = True
    client, request, token = sign_in(sid="old"), rf.get("/"), idp.id_token(sid="new")
    request.session = client.session
    OIDCSessionMiddleware(lambda request: HttpResponse(verb(request, token)))(request)
    row = OIDCSession.objects.get()
    assert (row.sid, row.id_token) == ("new", token)


def test_bearer_of_an_access_token_needs_no_sign_in(idp):
    """mozilla's authentication class for Django REST framework calls the backend like this."""
    idp.userinfo = {"email": "ada@example.com"}
    user = OIDCLogoutBackend().get_or_create_user("access-token", None, None)
    assert user.email == "ada@example.com"


def impersonates(get_response):
    """Do what django-impersonate's middleware does: it does not change the session."""

    def middleware(request):
        if request.user.is_authenticated:
            request.user = get_user_model().objects.get_or_create(username="grace")[0]
        return get_response(request)

    return middleware


@pytest.mark.urls("tests.test_lifetime")
@pytest.mark.usefixtures("capture")
@pytest.mark.parametrize("is_hijacked", [True, False])
def test_refresh_while_somebody_acts_as_another_user(settings, sign_in, is_hijacked):
    now = int(time.time())
    client = sign_in(sid="old", session_expiry=now + 1000)
    before = OIDCSession.objects.get()
    if is_hijacked:
        client.get("/act-as/")
    else:
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.impersonates"]
    sign_in(copy_of(client), sid=None, session_expiry=now + 5000)
    row = OIDCSession.objects.get()
    kept = ("user", "acts_as", "sid", "ends_at", "signed_in_at", "handle")
    assert [getattr(row, name) for name in kept] == [getattr(before, name) for name in kept]
    assert row.id_token != before.id_token


@pytest.fixture
def _revocation(settings):
    settings.OIDC_LOGOUT_REVOKE_TOKENS = True


@pytest.mark.usefixtures("capture", "_revocation")
@pytest.mark.parametrize(("claims", "kept"), [({}, "old"), ({"sub": "other"}, "")])
def test_renewal_keeps_what_the_new_tokens_lack(idp, sign_in, silently_refresh, claims, kept):
    client = sign_in(sid="old")
    OIDCSession.objects.update(refresh_token="secret")
    idp.refresh_token = None
    silently_refresh(client, idp, sid=None, **claims)
    row = OIDCSession.objects.get()
    assert row.sid == kept
    assert row.refresh_token == ("secret" if kept else "")


@pytest.mark.usefixtures("capture")
@pytest.mark.parametrize("when", ["before the look", "behind the look"])
def test_silent_refresh_brings_back_no_session_that_was_ended(
    idp, sign_in, silently_refresh, monkeypatch, when
):
    client = sign_in()
    get_token = OIDCAuthenticationBackend.get_token

    def end_meanwhile(self, payload):
        OIDCSession.objects.all().delete()
        if when == "behind the look":
            monkeypatch.setattr(index, "is_orphan", lambda key: False)
        return get_token(self, payload)

    monkeypatch.setattr(OIDCAuthenticationBackend, "get_token", end_meanwhile)
    silently_refresh(client, idp)
    monkeypatch.undo()
    assert not OIDCSession.objects.exists()
    assert not is_signed_in(client)


@pytest.mark.usefixtures("capture")
def test_second_sign_in_of_the_same_person_in_the_same_browser(sign_in):
    client = sign_in(sid="old")
    sign_in(client, sid="new")
    assert OIDCSession.objects.get().sid == "new"


@pytest.mark.parametrize(
    ("claims", "hint"),
    [
        ({"login_hint": "l", "preferred_username": "p", "email": "e"}, "l"),
        ({"preferred_username": "p", "email": "e"}, "p"),
        ({"email": "e"}, "e"),
        ({}, "ada"),
    ],
)
def test_logout_hint_is_what_the_provider_knows(configure, sign_in, claims, hint):
    configure(SEND_ID_TOKEN_HINT=False)
    assert query_of(sign_in(**claims).post("/oidc/logout/"))["logout_hint"] == hint


def test_row_says_whose_it_is(sign_in):
    sign_in()
    row = OIDCSession.objects.get()
    assert str(row) == f"{row.user.username} (default)"


def test_two_browsers_have_two_rows(sign_in):
    keys = {sign_in(sid=sid).session.session_key for sid in ("phone", "desk")}
    assert set(OIDCSession.objects.values_list("session_key", flat=True)) == keys


def test_row_follows_a_login_as_somebody_else_without_the_middleware(sign_in, plain_request):
    client = sign_in()
    plain_request.session = client.session
    plain_request.COOKIES = {"sessionid": client.session.session_key}
    grace = get_user_model().objects.create_user("grace")
    login(plain_request, grace, backend=PASSWORD_BACKEND)
    row = OIDCSession.objects.get()
    assert (row.session_key, row.acts_as) == (plain_request.session.session_key, grace)
    assert row.user.email == "ada@example.com"


def test_login_after_a_sign_out_in_the_same_request_begins_a_new_session(sign_in, plain_request):
    client = sign_in()
    plain_request.session = client.session
    plain_request.COOKIES = {"sessionid": client.session.session_key}
    bound_store.bind(plain_request)
    sign_out(plain_request)
    grace = get_user_model().objects.create_user("grace")
    login(plain_request, grace, backend=PASSWORD_BACKEND)
    assert plain_request.user == grace
    assert plain_request.session.exists(plain_request.session.session_key)
    assert not OIDCSession.objects.exists()


def test_hand_made_request_takes_no_row_from_a_session_that_lives(sign_in, plain_request):
    client = sign_in()
    plain_request.COOKIES = {"sessionid": client.session.session_key}
    login(plain_request, get_user_model().objects.create_user("grace"), backend=PASSWORD_BACKEND)
    assert OIDCSession.objects.get().session_key == client.session.session_key


def test_expired_session_gives_its_row_to_nobody(sign_in, plain_request):
    client = sign_in()
    OIDCSession.objects.update(expires_at=timezone.now())
    plain_request.COOKIES = {"sessionid": client.session.session_key}
    client.session.flush()
    login(plain_request, get_user_model().objects.create_user("grace"), backend=PASSWORD_BACKEND)
    assert OIDCSession.objects.get().acts_as is None


def test_a_password_leaves_no_row(client):
    get_user_model().objects.create_user("grace", password="hopper")
    assert client.login(username="grace", password="hopper")
    assert not OIDCSession.objects.exists()


def test_sign_in_that_is_refused_leaves_no_row(idp, sign_in, settings):
    settings.OIDC_CREATE_USER = False
    client = sign_in()
    assert not is_signed_in(client)
    assert not OIDCSession.objects.exists()


def test_inactive_person_leaves_no_row(sign_in):
    get_user_model().objects.create_user("ada", "ada@example.com", is_active=False)
    client = sign_in()
    assert not is_signed_in(client)
    assert not OIDCSession.objects.exists()


def test_token_of_an_unknown_issuer_is_recorded_as_nobodys(configure, sign_in, caplog):
    configure(ISSUER="https://elsewhere.example.com")
    sign_in()
    assert OIDCSession.objects.get().provider == ""
    assert "No provider in OIDC_LOGOUT_PROVIDERS matches an ID Token" in caplog.text


@pytest.mark.parametrize("sid", ["s" * 4097, "nul\0"], ids=["too long", "NUL"])
def test_sid_that_cannot_be_filed_is_refused_and_not_shortened(sign_in, caplog, sid):
    client = sign_in(sid=sid)
    assert is_signed_in(client)
    assert not OIDCSession.objects.exists()
    assert "Could not record a sign-in" in caplog.text


@pytest.mark.parametrize("sid", ['a "#%&+;\\|', "s" * 300, "s" * 4096], ids=len)
def test_sid_is_opaque(sign_in, sid):
    sign_in(sid=sid)
    assert OIDCSession.objects.get().sid == sid


def test_index_that_cannot_be_written_breaks_no_sign_in(sign_in, monkeypatch, caplog):
    def fail(*args, **kwargs):
        raise DatabaseError("down")

    monkeypatch.setattr(OIDCSession, "save", fail)
    assert is_signed_in(sign_in())
    assert "Could not record a sign-in" in caplog.text


def test_provider_that_is_down_breaks_no_sign_in(idp, sign_in, caplog):
    idp.answers["/.well-known/openid-configuration"] = lambda handler: handler.send_error(503)
    assert is_signed_in(sign_in())
    assert OIDCSession.objects.count() == 1
    assert "responded with status 503" in caplog.text


def test_sign_in_warms_the_cache(idp, sign_in):
    sign_in()
    idp.asked.clear()
    cached = Client().post("/oidc/logout/")
    assert cached["Location"].startswith(idp.metadata["end_session_endpoint"])
    assert idp.asked == []


@pytest.fixture
def plain_request(rf):
    """Return a request that another login library has just signed in."""
    request = rf.get("/")
    request.session = SessionStore()
    request.user = AnonymousUser()
    user = get_user_model().objects.create_user("ada")
    login(request, user, backend=PASSWORD_BACKEND)
    return request


def test_remember_login(idp, plain_request):
    row = remember_login(plain_request, idp.id_token())
    assert row == OIDCSession.objects.get()
    assert row.user.username == "ada"
    assert row.session_key == plain_request.session.session_key


def test_remember_login_without_the_authentication_middleware(idp, plain_request):
    del plain_request.user
    assert remember_login(plain_request, idp.id_token()).user.username == "ada"


def test_remember_login_reads_the_sid_of_the_access_token(idp, plain_request):
    access_token = idp.id_token(sid="from the access token")
    row = remember_login(plain_request, idp.id_token(sid=None), access_token=access_token)
    assert row.sid == "from the access token"
    row = remember_login(plain_request, idp.id_token(sid="own"), access_token=access_token)
    assert row.sid == "own"
    assert OIDCSession.objects.count() == 1


ENCRYPTED = "eyJhbGciOiJSU0EtT0FFUCJ9.a.b.c.d"


@pytest.mark.parametrize("id_token", ["", "garbage", None, ENCRYPTED])
def test_sign_in_whose_token_cannot_be_read_is_signed_out_at_the_provider(
    idp, plain_request, caplog, id_token, outcomes
):
    assert remember_login(plain_request, id_token) is None
    (logged,) = [r for r in caplog.records if r.name == "django_oidc_logout"]
    assert (logged.levelname, logged.exc_info) == ("WARNING", None)
    assert logged.getMessage().startswith("Could not record a sign-in")
    assert query_of(sign_out(plain_request)).keys() >= {"client_id", "state"}
    (outcome,) = outcomes
    assert (outcome.provider, outcome.recorded) == ("redirect", False)


CLAIMS = {"sub": "ada", "sid": "s", "aud": "site", "preferred_username": "ada.lovelace"}
OTHER = "https://other.example.com"


@pytest.fixture
def two_clients(configure, idp):
    """Configure a second client of the same issuer, which the issuer alone cannot tell apart."""
    configure("default", CLIENT_ID="site")
    configure("staff", ISSUER=idp.issuer, CLIENT_ID="staff", END_SESSION_ENDPOINT=f"{OTHER}/end")


@pytest.mark.parametrize("id_token", [None, "", "garbage", ENCRYPTED])
def test_claims_alone_record_a_sign_in(idp, plain_request, caplog, id_token, outcomes):
    claims = {**CLAIMS, "iss": idp.issuer}
    row = remember_login(plain_request, id_token, claims=claims)
    assert (row.provider, row.issuer, row.sub, row.sid) == ("default", idp.issuer, "ada", "s")
    assert (row.user.username, row.id_token) == ("ada", "")
    query = query_of(sign_out(plain_request))
    assert (query["client_id"], query["logout_hint"]) == ("site", "ada.lovelace")
    assert "id_token_hint" not in query
    (outcome,) = outcomes
    assert (outcome.provider, outcome.recorded) == ("redirect", True)
    assert [r for r in caplog.records if r.levelname == "WARNING"] == []


HINTS_OF_CLAIMS = [
    ({"login_hint": "l", "preferred_username": "p", "email": "e"}, "l"),
    ({"preferred_username": "p", "email": "e"}, "p"),
    ({"email": "e"}, "e"),
    ({}, None),  # a provider need not know anybody by a `sub`
]


@pytest.mark.parametrize(("claims", "hint"), HINTS_OF_CLAIMS)
@pytest.mark.parametrize("acts_as_another", [False, True])
def test_logout_hint_of_claims_alone(idp, plain_request, claims, hint, acts_as_another):
    remember_login(plain_request, claims={"sub": "ada", "iss": idp.issuer, "aud": "site", **claims})
    plain_request.session.save()
    request = RequestFactory().get("/")
    request.session, request.user = plain_request.session, plain_request.user
    bound_store.bind(request)
    if acts_as_another:
        login(request, get_user_model().objects.create_user("grace"), backend=PASSWORD_BACKEND)
    query = query_of(sign_out(request))
    assert query.get("logout_hint") == hint
    assert "id_token_hint" not in query


def test_later_sign_in_with_an_id_token_takes_the_claims_place(idp, plain_request):
    claims = {**CLAIMS, "iss": idp.issuer}
    remember_login(plain_request, claims=claims)
    remember_login(plain_request, idp.id_token())
    OIDCSession.objects.update(id_token="")  # as if SECRET_KEY had been rotated
    assert query_of(sign_out(plain_request))["logout_hint"] == "ada"


@pytest.mark.parametrize(
    ("claims", "provider", "expected"),
    [
        ({}, "staff", "staff"),
        ({"aud": "staff"}, None, "staff"),
        ({"aud": "site"}, "staff", "staff"),
        ({}, None, ""),  # either of them
    ],
)
@pytest.mark.usefixtures("two_clients")
def test_provider_is_named_where_the_issuer_cannot_tell(
    idp, plain_request, claims, provider, expected
):
    claims = {"sub": "ada", "iss": idp.issuer, **claims}
    assert remember_login(plain_request, claims=claims, provider=provider).provider == expected


@pytest.mark.parametrize("provider", ["default", None])
def test_claims_without_an_issuer_are_those_of_the_provider(idp, plain_request, provider):
    row = remember_login(plain_request, claims={"sub": "ada"}, provider=provider)
    assert (row.provider, row.issuer) == ("default", idp.issuer)


@pytest.mark.usefixtures("two_clients")
def test_claims_of_an_unknown_issuer_are_not_recorded(plain_request, caplog, outcomes):
    """Nor is the person sent to a provider that may be another than theirs."""
    assert remember_login(plain_request, claims={"sub": "ada"}) is None
    assert "the token's iss is missing" in caplog.text
    sign_out(plain_request)
    assert (outcomes[0].provider, outcomes[0].recorded) == ("unavailable", False)


def test_id_token_counts_more_than_the_claims_beside_it(idp, plain_request):
    given = {"sub": "grace", "iss": OTHER, "sid": "more"}
    row = remember_login(plain_request, idp.id_token(sid=None), claims=given)
    assert (row.issuer, row.sub, row.sid) == (idp.issuer, "ada", "more")
    assert row.id_token


@pytest.mark.parametrize("claims", ["text", [], 5])
def test_claims_that_are_none_do_not_break_the_sign_in(idp, plain_request, caplog, claims):
    assert remember_login(plain_request, claims=claims) is None
    assert "reason=there is no ID Token: request the scope openid" in caplog.text
    assert remember_login(plain_request, idp.id_token(), claims=claims).sub == "ada"


@pytest.mark.usefixtures("two_clients")
def test_provider_alone_marks_the_session(plain_request, outcomes, caplog):
    assert remember_login(plain_request, provider="staff") is None
    assert sign_out(plain_request)["Location"].startswith(f"{OTHER}/end?")
    assert (outcomes[0].provider, outcomes[0].recorded) == ("redirect", False)
    assert caplog.text.count("Could not record a sign-in") == 1


def test_provider_that_is_not_configured_is_logged(idp, plain_request, caplog):
    row = remember_login(plain_request, idp.id_token(), provider="elsewhere")
    assert row.provider == "default"
    assert "that remember_login() names: provider=elsewhere" in caplog.text


def test_claims_of_a_renewal_keep_the_hint(idp, plain_request):
    id_token = idp.id_token(sid="s")
    remember_login(plain_request, id_token)
    row = renew_login(plain_request, claims={"iss": idp.issuer, "sub": "ada", "aud": "site"})
    assert (row.id_token, row.sid) == (id_token, "s")


@pytest.mark.parametrize("is_bound", [True, False])
def test_sign_in_reported_before_login_replaces_somebody_else(
    idp, plain_request, django_user_model, is_bound
):
    if is_bound:
        bound_store.bind(plain_request)
    remember_login(plain_request, idp.id_token(sub="old", sid="old"))
    del plain_request._oidc_logout_logged_in  # a later request
    remember_login(plain_request, idp.id_token(sub="grace", sid="new"))
    grace = django_user_model.objects.create_user("grace")
    login(plain_request, grace, backend=PASSWORD_BACKEND)
    row = OIDCSession.objects.get()
    assert (row.user, row.acts_as, row.sub, row.sid) == (grace, None, "grace", "new")
    assert row.session_key == plain_request.session.session_key


def test_same_person_signs_in_again_with_new_tokens_before_login(idp, plain_request):
    remember_login(plain_request, idp.id_token(sid="old"))
    del plain_request._oidc_logout_logged_in  # a later request
    remember_login(plain_request, idp.id_token(sid="new"))
    login(plain_request, plain_request.user, backend=PASSWORD_BACKEND)
    row = OIDCSession.objects.get()
    assert (row.sid, row.session_key) == ("new", plain_request.session.session_key)


@pytest.mark.parametrize("claims", [None, CLAIMS])
def test_sign_in_is_kept_until_a_second_factor_is_there_without_a_token(
    idp, rf, claims, django_user_model, outcomes
):
    """Whether there is a row or not, `login()` in a later request belongs to the sign-in."""
    request = rf.get("/")
    request.session, request.user = SessionStore(), AnonymousUser()
    remember_login(request, ENCRYPTED, claims=claims)
    request.session.save()
    later = rf.get("/")
    later.session, later.user = SessionStore(request.session.session_key), AnonymousUser()
    ada = django_user_model.objects.create_user("ada")
    login(later, ada, backend=PASSWORD_BACKEND)
    assert [row.user for row in OIDCSession.objects.all()] == ([ada] if claims else [])
    assert "client_id" in query_of(sign_out(later))
    assert outcomes[0].recorded is bool(claims)


def test_token_is_kept_until_a_second_factor_is_there(idp, rf):
    request = rf.get("/")
    request.session, request.user = SessionStore(), AnonymousUser()
    remember_login(request, idp.id_token(sid="s"))
    request.session.save()
    assert OIDCSession.objects.get().user is None
    ada = get_user_model().objects.create_user("ada")
    later = rf.get("/")
    later.session, later.user = SessionStore(request.session.session_key), AnonymousUser()
    login(later, ada, backend=PASSWORD_BACKEND)
    row = OIDCSession.objects.get()
    assert (row.user, row.acts_as, row.sid) == (ada, None, "s")
    assert row.session_key == later.session.session_key
    assert end_sessions(user=ada) == 1


@pytest.fixture
def announced():
    """Return the users whose sign-in was announced as recorded."""
    names = []

    def note(session, **arguments):
        names.append(session.user.get_username())

    signed_in.connect(note)
    yield names
    signed_in.disconnect(note)


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ("login remember", ["ada"]),
        ("remember login", ["ada"]),
        ("remember later login", ["ada"]),
        ("login remember remember", ["ada"]),
        ("remember login remember", ["ada"]),
        ("remember later login remember", ["ada"]),
        ("login remember later remember login", ["ada", "ada"]),
        ("login remember grace", ["ada"]),
        ("remember login later grace", ["ada"]),
        ("remember later login grace later login", ["ada"]),
        ("remember", []),
        ("remember end login", []),
    ],
)
def test_sign_in_is_announced_once_and_for_nobody_else(idp, rf, announced, way, expected):
    """`grace` is somebody as whom ada acts, as with django-hijack."""
    people = {name: get_user_model().objects.create_user(name) for name in ("ada", "grace")}

    def request_of(session):
        request = rf.get("/")
        request.session = session
        bound_store.bind(request)
        request.user = get_user(request)
        return request

    request = request_of(SessionStore())
    for step in way.split():
        if step == "remember":
            remember_login(request, idp.id_token())
        elif step == "later":
            request.session.save()
            request = request_of(SessionStore(request.session.session_key))
        elif step == "end":
            OIDCSession.objects.all().delete()
        else:
            login(request, people.get(step, people["ada"]), backend=PASSWORD_BACKEND)
    assert announced == expected


@pytest.mark.parametrize("signal", [user_logged_in, user_logged_out])
def test_signals_without_a_request_or_a_session_are_none_of_ours(rf, django_user_model, signal):
    user = django_user_model.objects.create_user("ada")
    for request in (None, rf.get("/")):
        signal.send(sender=type(user), request=request, user=user)
    assert not OIDCSession.objects.exists()


class Forgetful(OIDCLogoutBackend):
    """A site's own, which does with the tokens as it likes."""

    def store_tokens(self, *tokens):
        pass


def test_silent_refresh_whose_tokens_nobody_has_kept(settings, sign_in):
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.Forgetful"]
    client = sign_in(sign_in())
    assert is_signed_in(client)
    assert not OIDCSession.objects.exists()


def test_sign_ins_at_once_are_all_recorded_on_sqlite(tmp_path):
    command = [sys.executable, "-m", "tests.together", str(tmp_path / "db.sqlite3"), "200"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["200", "200"]
    assert ran.stderr == ""
