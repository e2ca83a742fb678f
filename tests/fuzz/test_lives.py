"""Lives of sessions, in any order: who is signed in is who should be, and the index knows them all.

A model knows the right state of each device. After each step, the site and the index must agree.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from itertools import count
from types import SimpleNamespace

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from django_oidc_logout.api import end_sessions
from django_oidc_logout.framework import safe_cache
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.sessions import tombstones
from tests.fuzz import forge
from tests.fuzz.conftest import examples

# How often each is tried, compared with other tests: all differ in how a session ends.
ENGINES = {"db": 0.2, "cached_db": 0.1, "cache": 0.1, "file": 0.1, "signed_cookies": 0.2}
# alias -> (issuer, our client there): two providers, at one of which we are two clients.
PROVIDERS = {
    "default": ("https://idp.example.com", "site"),
    "intranet": ("https://idp.example.com", "intranet"),
    "other": ("https://other.example.com", "site"),
}
ISSUERS = sorted({issuer for issuer, _ in PROVIDERS.values()})
NAMES = ["ada", "grace"]
SIDS = ["1", "2"]
DEVICES = range(3)
NUMBERS = count()

devices = st.sampled_from(DEVICES)
aliases = st.sampled_from(sorted(PROVIDERS))
issuers = st.sampled_from(ISSUERS)
names = st.sampled_from(NAMES)
sids = st.sampled_from(SIDS)
# Of an ID Token: its `sid`, which may be missing, and whether it is newer than all logout tokens.
newer = st.sampled_from([True, True, False])
someone = st.tuples(aliases, names, st.just("") | sids, newer)


@dataclass(frozen=True)
class Life:
    """What a device should be: signed in by name, and how."""

    name: str
    number: int
    """Which of all sessions it is, across changes of its key."""
    alias: str = ""
    """The provider's; empty after a sign-in by password."""
    sid: str = ""
    acting: str = ""
    """As whom they are signed in instead."""

    @property
    def shown(self):
        return self.acting or self.name

    @property
    def issuer(self):
        return PROVIDERS[self.alias][0] if self.alias else None

    @property
    def row(self):
        return (self.alias, self.issuer, self.name, self.sid, self.name)


class Lives(RuleBasedStateMachine):
    """Three devices, two people, two providers, and whoever else ends sessions."""

    engine = "db"

    def __init__(self):
        super().__init__()
        self.clients = [Client() for _ in DEVICES]
        self.lives = [None for _ in DEVICES]
        self.copies = []  # (cookie, number of the session it was copied from)
        self.last_token = None
        self.tombstones = {}  # (alias, kind, sub or sid) -> the sub, where it counts
        self.library = "mozilla"

    @initialize(library=st.sampled_from(["mozilla", "library"]), people=st.tuples(*[someone] * 3))
    def begin(self, library, people):
        """Begin with everybody signed in, so that more can go wrong."""
        self.library = library
        for device, who_and_how in zip(DEVICES, people, strict=True):
            self.sign_in(device, *who_and_how)

    # What people do.

    def ask(self, device, view, **fields):
        answer = self.clients[device].post(f"/{view}/", fields)
        assert answer.status_code == 200

    @rule(device=devices, someone=someone)
    def sign_in_again(self, device, someone):
        self.sign_in(device, *someone)

    def sign_in(self, device, alias, name, sid, is_newer):
        token = id_token(alias, name, sid, is_newer)
        self.ask(device, f"sign_in_by_{self.library}", name=name, id_token=token)
        before = self.lives[device]
        if before and before.shown == name == before.name:
            sid = self.sid_after(before, alias, sid)
        if self.has_ended(alias, name, sid, is_newer):
            self.lives[device] = None
            return
        goes_on = before and before.shown == name and before.alias
        number = before.number if goes_on else next(NUMBERS)
        self.lives[device] = Life(name, number, alias, sid)

    def sid_after(self, before, alias, sid):
        """Return the `sid` after new tokens of the same person: a renewal keeps what they lack."""
        is_renewal = self.library == "mozilla" and before.issuer == PROVIDERS[alias][0]
        return sid or (before.sid if is_renewal else "")

    @rule(device=devices, name=names)
    def sign_in_by_password(self, device, name):
        self.ask(device, "sign_in_by_password", name=name)
        before = self.lives[device]
        if before and before.shown == name:
            return
        if before and before.alias:  # as if one person acted as the other, or returned
            acting = "" if name == before.name else name
            self.lives[device] = replace(before, acting=acting, number=next(NUMBERS))
        else:
            self.lives[device] = Life(name, next(NUMBERS))

    def has_ended(self, alias, name, sid, is_newer):
        """Return whether a logout token has ended a session whose ID Token comes only now."""
        by_sub = {(alias, "sub", name)} | ({(alias, "unknown", name)} if not sid else set())
        sub = self.tombstones.get((alias, "sid", sid))
        return sub in {"", name} or (not is_newer and not by_sub.isdisjoint(self.tombstones))

    @rule(device=devices, sid=sids, is_newer=newer)
    def renew(self, device, sid, is_newer):
        before = self.lives[device]
        if before and before.alias:
            token = id_token(before.alias, before.name, sid, is_newer)
            self.ask(device, f"renew_by_{self.library}", id_token=token)
            sid = self.sid_after(before, before.alias, sid)
            has_ended = self.has_ended(before.alias, before.name, sid, is_newer)
            self.lives[device] = None if has_ended else replace(before, sid=sid)

    @rule(device=devices)
    def cycle(self, device):
        if self.lives[device]:
            self.ask(device, "cycle")

    @rule(device=devices)
    def write(self, device):
        if self.lives[device]:
            self.ask(device, "write")

    @rule(device=devices, local=st.booleans())
    def sign_out(self, device, local):
        client = self.clients[device]
        answer = client.post("/oidc/logout/", {"local": "1"} if local else {})
        assert answer.status_code == 302
        assert client.cookies["sessionid"].value == ""
        self.lives[device] = None

    @rule(device=devices)
    def leave(self, device):
        self.ask(device, "leave")
        self.lives[device] = None

    @rule(device=devices)
    def copy_cookie(self, device):
        life = self.lives[device]
        if life and life.alias:
            self.copies.append((self.clients[device].cookies["sessionid"].value, life.number))

    # What others do.

    def end(self, is_meant):
        """End sessions in the model, and return how many there were."""
        ended = [device for device, life in self.signed_in() if life.alias and is_meant(life)]
        for device in ended:
            self.lives[device] = None
        return len(ended)

    def signed_in(self):
        return [(device, life) for device, life in enumerate(self.lives) if life]

    def post_token(self, token):
        content_type = "application/x-www-form-urlencoded"
        return Client().post("/oidc/logout/backchannel/", f"logout_token={token}", content_type)

    @rule(alias=aliases, sub=st.none() | names, sid=st.none() | sids)
    def back_channel(self, alias, sub, sid):
        issuer, client = PROVIDERS[alias]
        self.last_token = logout_token(issuer, client, sub, sid)
        answer = self.post_token(self.last_token)
        assert answer.status_code == (400 if sub is sid is None else 200)
        if answer.status_code == 200:
            self.end_by_token(alias, sub, sid)

    def end_by_token(self, alias, sub, sid):
        kind = "unknown" if sid else "sub"
        left = {(alias, "sid", sid): sub or "", (alias, kind, sub): ""}
        left = {name: value for name, value in left.items() if name[2]}
        theirs = [life for _, life in self.signed_in() if life.alias == alias]
        named = [life.name for life in theirs if sid and life.sid == sid]
        if named and sub and sub not in named:
            for name in left:
                self.tombstones.pop(name, None)
            return
        if named:
            left.pop((alias, "sid", sid))
        self.tombstones |= left
        self.end(lambda life: life.alias == alias and ends(life, sub, sid))

    @rule(device=devices, someone=someone, by=st.sampled_from(["sub", "sid", "both"]))
    def back_channel_comes_first(self, device, someone, by):
        """Let a logout token arrive before the row of its session is written."""
        alias, name, sid, _ = someone
        self.back_channel(
            alias, name if by != "sid" else None, sid if sid and by != "sub" else None
        )
        self.sign_in(device, *someone)

    @precondition(lambda self: self.tombstones)
    @rule()
    def time_passes(self):
        """Let the tombstones expire."""
        for alias, kind, name in self.tombstones:
            issuer, client = PROVIDERS[alias]
            sid = {"sid": name, "sub": "", "unknown": "any"}[kind]
            options = SimpleNamespace(client_id=client)
            token = SimpleNamespace(
                issuer=issuer, options=options, sid=sid, subject=name, jti="any", issued_at=0
            )
            names = tombstones.names_of(token)
            safe_cache.delete_many([names.sid, names.sub])
        self.tombstones = {}

    @precondition(lambda self: self.last_token)
    @rule()
    def replay(self):
        assert self.post_token(self.last_token).status_code == 400

    @rule(issuer=issuers, sid=sids)
    def front_channel(self, issuer, sid):
        answer = Client().get("/oidc/logout/frontchannel/", {"iss": issuer, "sid": sid})
        assert answer.status_code == 200
        self.end(lambda life: life.issuer == issuer and life.sid == sid)

    @rule(issuer=issuers, sub=st.none() | names, sid=st.none() | sids, name=st.none() | names)
    def end_sessions(self, issuer, sub, sid, name):
        user = get_user_model().objects.get(username=name) if name else None
        ended = end_sessions(issuer=issuer, sub=sub, sid=sid, user=user)
        assert ended == self.end(
            lambda life: (
                life.issuer == issuer
                and fits(life, sub, sid)
                and name in {None, life.name, life.acting}
            )
        )

    @rule(name=names)
    def end_all_of_a_person(self, name):
        ended = end_sessions(user=get_user_model().objects.get(username=name))
        assert ended == self.end(lambda life: name in {life.name, life.acting})

    @rule()
    def clear(self):
        call_command("oidc_logout_clear_sessions", verbosity=0)

    # What has to be true at any time.

    @invariant()
    def devices_are_what_they_should_be(self):
        for device, client in enumerate(self.clients):
            life = self.lives[device]
            assert who(client.cookies) == (life.shown if life else "")

    @invariant()
    def index_is_the_sessions(self):
        fields = ("provider", "issuer", "sub", "sid", "user__username")
        rows = sorted(OIDCSession.objects.values_list(*fields))
        assert rows == sorted(life.row for _, life in self.signed_in() if life.alias)

    @invariant()
    def no_session_is_left_over(self):
        if self.engine in {"db", "cached_db"}:
            assert Session.objects.count() == len(self.signed_in())

    @invariant()
    def copies_of_a_cookie_end_with_its_session(self):
        there = {life.number for _, life in self.signed_in()}
        for copy in [copy for copy in self.copies if copy[1] not in there]:
            assert who({"sessionid": copy[0]}) == ""
            self.copies.remove(copy)

    def teardown(self):
        OIDCSession.objects.all().delete()
        Session.objects.all().delete()
        cache.clear()


def who(cookies):
    """Return who a browser with these cookies is; the browser itself is left alone."""
    client = Client()
    for name, cookie in cookies.items():
        client.cookies[name] = getattr(cookie, "value", cookie)
    return client.get("/who/").content.decode()


def fits(life, sub, sid):
    return sub in {None, life.name} and sid in {None, life.sid}


def ends(life, sub, sid):
    """Return whether a logout token that names the right person ends a session."""
    if sid and life.sid:
        return life.sid == sid and sub in {None, life.name}
    return sub == life.name


def id_token(alias, name, sid, is_newer):
    issuer, client = PROVIDERS[alias]
    claims = {"iss": issuer, "sub": name, "sid": sid, "aud": client, "n": next(NUMBERS)}
    claims["iat"] = time.time() + (1000 if is_newer else -1000)
    return forge.jws(b'{"alg":"HS256"}', json.dumps(claims).encode())


def logout_token(issuer, client, sub, sid):
    now = time.time()
    claims = forge.claims(issuer, now, f"{next(NUMBERS)}", aud=client, sub=sub, sid=sid)
    claims["iat"] = now  # in whole seconds, it would be earlier than the sign-ins of this second
    present = {name: value for name, value in claims.items() if value is not None}
    return forge.jws(b'{"alg":"HS256"}', json.dumps(present).encode())


@pytest.mark.django_db
@pytest.mark.urls("tests.fuzz.lives")
@pytest.mark.parametrize("engine", ENGINES)
def test_lives(engine, settings, tmp_path):
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    settings.SESSION_FILE_PATH = str(tmp_path)
    settings.AUTHENTICATION_BACKENDS = ["tests.fuzz.lives.Backend"]
    settings.OIDC_LOGOUT_PROVIDERS = {
        alias: {
            "ISSUER": issuer,
            "CLIENT_ID": client,
            "CLIENT_SECRET": forge.SECRET.decode(),
            "ALGORITHMS": ["HS256"],
            "END_SESSION_ENDPOINT": f"{issuer}/end",
        }
        for alias, (issuer, client) in PROVIDERS.items()
    }
    for name in NAMES:
        get_user_model().objects.create(username=name, email=f"{name}@example.com")
    machine = type("Lives", (Lives,), {"engine": engine})
    run_state_machine_as_test(machine, settings=examples(ENGINES[engine]))
