"""Exactly the right sessions end, with every store of sessions, rows and cached keys."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.file import SessionStore as FileStore
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from django_oidc_logout.api import end_sessions
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.sessions import engines, index
from e2e.servers.conftest import assert_ended
from tests.absence import need_package
from tests.factories import assert_refused, copy_of, is_signed_in, other_provider, post_logout_token
from tests.idp import MISSING

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.urls_sessions")]

AGE = 14 * 24 * 60 * 60  # Django's SESSION_COOKIE_AGE, in seconds
SIDS = {
    "35 characters": " a b\"#%&+;\\|=/?:@,.<>[]{}^`~é€'x(y ",
    "300 characters": "s" * 300,
    "4,000 characters": "a b&c=%20+" * 400,
}
IN_THE_INDEX = "session_key", "sub", "sid", "issuer", "user_id", "id_token"
BACKEND_OF_A_CACHE = "django.core.cache.backends."


def post_token(make, idp, sid):
    token = make(sid=sid)
    assert len(token) <= 16 * 1024
    return post_logout_token(token)


def show_frame(make, idp, sid):
    return Client().get("/oidc/logout/frontchannel/", {"iss": idp.issuer, "sid": sid})


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("channel", [post_token, show_frame])
@pytest.mark.parametrize("sid", SIDS.values(), ids=SIDS)
def test_sid_is_opaque(idp, sign_in, logout_token, sid, channel):
    client, other = sign_in(sid=sid), sign_in(sid=sid[:-1])
    assert sum(len(morsel.OutputString()) for morsel in client.cookies.values()) < 4096
    assert channel(logout_token, idp, sid).status_code == 200
    assert not is_signed_in(client)
    assert is_signed_in(other)
    end_sessions(sub="ada")
    assert_ended(client, other)


def test_sids_have_the_lengths_that_they_say():
    assert [len(sid) for sid in SIDS.values()] == [35, 300, 4000]


def test_session_is_of_no_use_once_it_has_ended(engine, sign_in, logout_token):
    client = sign_in()
    kept = copy_of(client)
    assert is_signed_in(kept)
    assert post_logout_token(logout_token()).status_code == 200
    for path in ("/put-aside/", "/cycle/", "/private/"):
        kept.get(path)
    assert_ended(client, kept)


def test_sub_ends_all_of_a_person(engine, sign_in, logout_token, signals):
    mine = [sign_in(sid=f"{number}") for number in range(5)]
    other = sign_in(sub="ada ", sid="other")
    assert post_logout_token(logout_token(sid=MISSING)).status_code == 200
    assert sorted(sid for sid, _ in signals["ended"]) == ["0", "1", "2", "3", "4"]
    assert not any(map(is_signed_in, mine))
    assert is_signed_in(other)


def test_two_issuers_with_the_same_sid(engine, idp, configure, sign_in, logout_token):
    other_provider(configure, idp)
    here, there = sign_in(), sign_in(iss="https://other.example.com")
    assert post_logout_token(logout_token(iss="https://other.example.com")).status_code == 200
    assert not is_signed_in(there)
    assert is_signed_in(here)
    assert post_logout_token(logout_token()).status_code == 200
    assert_ended(here, there)


def test_sid_with_anothers_sub_ends_none(engine, sign_in, logout_token):
    client = sign_in()
    assert post_logout_token(logout_token(sub="grace")).status_code == 200
    assert is_signed_in(client)


@pytest.mark.parametrize("move", ["/change-password/", "/cycle/"])
def test_session_that_has_moved_ends(engine, sign_in, logout_token, move):
    client = sign_in()
    before = copy_of(client)
    client.get(move)
    assert is_signed_in(client)
    assert post_logout_token(logout_token()).status_code == 200
    assert_ended(client, before)


def test_all_sessions_of_a_user_end(engine, idp, sign_in):
    mine = [sign_in(sid="phone"), sign_in(sid="desk")]
    idp.userinfo = {"email": "grace@example.com"}
    other = sign_in(sub="grace")
    assert end_sessions(user=get_user_model().objects.get(email="ada@example.com")) == 2
    assert not any(map(is_signed_in, mine))
    assert is_signed_in(other)
    assert end_sessions(sub="grace") == 1
    assert_ended(*mine, other)


def test_replay_leaves_a_later_sign_in_alone(engine, sign_in, logout_token):
    sign_in()
    token = logout_token()
    assert post_logout_token(token).status_code == 200
    client = sign_in()
    assert_refused(post_logout_token(token))
    assert is_signed_in(client)


def test_text_of_any_language_comes_back_from_the_index(sign_in):
    sub, sid = "Zoë 🦄 \\ ' \" %s", "سلام 会话 🗝"
    sign_in(sub=sub, sid=sid)
    row = OIDCSession.objects.get()
    assert (row.sub, row.sid) == (sub, sid)
    assert end_sessions(sub=sub, sid=sid) == 1


# Caches that are down.


@pytest.fixture(params=["redis.RedisCache", "memcached.PyMemcacheCache"])
def unreachable(request):
    """Return the settings of a cache on a port without a server."""
    name = {"redis": "redis", "memcached": "pymemcache"}[request.param.partition(".")[0]]
    need_package(name, f"Python's {name}")
    location = "redis://127.0.0.1:1" if request.param.startswith("redis") else "127.0.0.1:1"
    return {"default": {"BACKEND": BACKEND_OF_A_CACHE + request.param, "LOCATION": location}}


def test_cache_that_is_down_keeps_nobody_signed_in(settings, sign_in, logout_token, unreachable):
    client = sign_in()
    settings.CACHES = unreachable
    assert post_logout_token(logout_token()).status_code == 200
    assert_ended(client)


@pytest.mark.parametrize("engine", ["cache", "cached_db"], indirect=True)
def test_token_comes_again_when_the_session_store_is_back(
    engine, settings, sign_in, logout_token, unreachable
):
    working = settings.CACHES
    client, token = sign_in(), logout_token()
    settings.CACHES = unreachable
    answer = post_logout_token(token)
    settings.CACHES = working
    if is_signed_in(client):  # it is in the cache still
        assert OIDCSession.objects.count() == 1
        assert_refused(answer)
    assert post_logout_token(token).status_code == 200
    assert_ended(client)


# Housekeeping.


@pytest.fixture
def later(monkeypatch):
    """Return a function that moves the clock of this process and of the files that it writes."""

    def later(seconds):
        real_now, real_time = timezone.now, time.time
        monkeypatch.setattr(timezone, "now", lambda: real_now() + timedelta(seconds=seconds))
        monkeypatch.setattr(time, "time", lambda: real_time() + seconds)

    def save(store, must_create=False):
        real_save(store, must_create)
        os.utime(store._key_to_file(), (time.time(), time.time()))

    real_save = FileStore.save
    monkeypatch.setattr(FileStore, "save", save)
    return later


def clear():
    out = StringIO()
    call_command("oidc_logout_clear_sessions", stdout=out)
    return int(out.getvalue().rpartition(" ")[2])


def delete_session(client):
    if engines.in_cookies():
        return  # where nothing can be deleted
    client.session.delete()


def test_row_of_a_session_that_was_deleted_goes(engine, sign_in):
    live, deleted = sign_in(sid="live"), sign_in(sid="deleted")
    delete_session(deleted)
    assert clear() == (engine != "signed_cookies")
    assert OIDCSession.objects.get(sid="live")
    assert is_signed_in(live)
    assert clear() == 0


def test_row_of_a_session_that_has_expired_goes(engine, sign_in, later):
    sign_in()
    later(AGE - 60)
    assert clear() == 0
    later(120)
    if engine in ("cache", "cached_db"):
        cache.clear()  # a server has a clock of its own
    if engine == "signed_cookies":
        assert clear() == 0  # whether the cookie was sent again is unknown
        later(AGE)
    assert clear() == 1
    assert not OIDCSession.objects.exists()
    assert clear() == 0


def test_housekeeping_makes_no_sessions(engine, sign_in, later, tmp_path):
    sign_in()
    later(AGE + 60)
    clear()
    assert not list(tmp_path.glob("sessionid*"))


@pytest.fixture(params=["SESSION_SAVE_EVERY_REQUEST", "a change now and then"])
def page_that_prolongs(request, settings):
    """Return a page that extends a session by another SESSION_COOKIE_AGE."""
    settings.SESSION_SAVE_EVERY_REQUEST = request.param == "SESSION_SAVE_EVERY_REQUEST"
    return "/private/" if settings.SESSION_SAVE_EVERY_REQUEST else "/put-aside/"


def test_session_that_is_used_lives_on(engine, sign_in, logout_token, later, page_that_prolongs):
    client = sign_in()
    for _ in range(6):
        later(0.7 * AGE)
        client.get(page_that_prolongs)
        assert clear() == 0
        assert is_signed_in(client)
    later(0.9 * AGE)
    assert clear() == 0
    assert post_logout_token(logout_token()).status_code == 200
    assert_ended(client)


def test_session_with_an_age_of_its_own(engine, sign_in, later):
    client = sign_in()
    later(0.5 * AGE)
    session = client.session
    if engine != "signed_cookies":  # its cookies do not outlive SESSION_COOKIE_AGE
        session.set_expiry(timedelta(seconds=3 * AGE))
        session.save()
        later(0.45 * AGE)
    assert clear() == 0
    assert is_signed_in(client)


def test_many_rows(engine, sign_in):
    client = sign_in()
    row = OIDCSession.objects.get()
    long_ago = timezone.now() - timedelta(seconds=3 * AGE)
    fields = {name: getattr(row, name) for name in IN_THE_INDEX}
    OIDCSession.objects.bulk_create(
        OIDCSession(**{**fields, "session_key": f"{number:032}", "expires_at": long_ago})
        for number in range(2 * index.BATCH + 1)
    )
    assert clear() == 2 * index.BATCH + 1
    assert OIDCSession.objects.get() == row
    assert is_signed_in(client)


def test_housekeeping_during_a_sign_in(engine, sign_in):
    """By then, the session has a key and a row, but is still empty."""

    def clear_now(**kwargs):
        clear()

    user_logged_in.connect(clear_now)
    try:
        client = sign_in()
    finally:
        user_logged_in.disconnect(clear_now)
    assert is_signed_in(client)
    assert OIDCSession.objects.count() == 1


def test_housekeeping_that_has_read_the_key_before_it_changes(engine, sign_in, monkeypatch):
    client = sign_in()
    is_alive = engines.is_alive

    def change_first(key):
        client.get("/cycle/")
        return is_alive(key)

    monkeypatch.setattr(engines, "is_alive", change_first)
    clear()
    assert OIDCSession.objects.count() == 1
    assert is_signed_in(client)
    assert end_sessions(sub="ada") == 1
    assert_ended(client)
