"""Django's cache: any text is a key, and a cache that is down breaks nothing."""

from __future__ import annotations

import logging
import re

import pytest
from django.core.cache import cache
from django.core.cache.backends.base import BaseCache

from django_oidc_logout.framework import safe_cache
from tests.factories import is_signed_in

KEYS = [
    "",
    "https://idp.example.com",
    "https://idp.example.com/",
    " https://idp.example.com",
    "https://idp.example.com ",
    "HTTPS://IDP.EXAMPLE.COM",
    'a sid "of" # spaces % & + ; \\ |',
    "a sid",
    "a\nsid",
    "a\0sid",
    "é",
    "e\u0301",
    "\U0001f511",
    "\ud800",
    "\udfff",
    "x" * 250,
    "x" * 1_000_000,
]


class BrokenCache(BaseCache):
    """A cache that is down, or a part of it."""

    def __init__(self, location, params):
        super().__init__(params)
        self.broken = params["OPTIONS"]["broken"]

    def get(self, key, default=None, version=None):
        return self._answer("get", default)

    def set(self, key, value, timeout=None, version=None):
        return self._answer("set", None)

    def add(self, key, value, timeout=None, version=None):
        return self._answer("set", True)

    def delete(self, key, version=None):
        return self._answer("set", True)

    def _answer(self, method, result):
        if method in self.broken:
            raise ConnectionError("redis://:password@cache.example.com is down")
        return result


NOWHERE = {"BACKEND": "tests.nowhere.Cache"}


def broken(*methods):
    return {"BACKEND": f"{__name__}.BrokenCache", "OPTIONS": {"broken": methods}}


def test_any_text_is_a_key():
    keys = [safe_cache.key("kind", text) for text in KEYS]
    assert len(set(keys)) == len(KEYS)
    for key in keys:
        assert re.fullmatch(r"oidc_logout:kind:[0-9a-f]{64}", key)
        cache.validate_key(key)  # warns of what memcached would refuse


def test_each_kind_has_keys_of_its_own():
    assert safe_cache.key("discovery", "x") != safe_cache.key("discovery-failed", "x")


def test_the_parts_of_a_key_are_kept_apart():
    assert (
        len({safe_cache.key("kind", *parts) for parts in [("ab", "c"), ("a", "bc"), ("abc",)]}) == 3
    )


@pytest.mark.parametrize("text", KEYS, ids=range(len(KEYS)))
def test_what_is_put_can_be_got(text):
    name = safe_cache.key("kind", text)
    assert safe_cache.get(name) is None
    safe_cache.put(name, {"value": text}, 60)
    assert safe_cache.get(name) == {"value": text}


def test_what_is_put_expires():
    safe_cache.put("name", "value", 0)
    assert safe_cache.get("name") is None


def test_a_name_is_claimed_once():
    assert safe_cache.add("name", 60)
    assert not safe_cache.add("name", 60)
    assert safe_cache.add("other", 60)


def test_a_claim_expires():
    assert safe_cache.add("name", 0)
    assert safe_cache.add("name", 60)


def test_what_is_dropped_is_gone():
    safe_cache.put("name", "value", 60)
    safe_cache.delete("name")
    safe_cache.delete("name")
    assert safe_cache.get("name") is None
    assert safe_cache.add("name", 60)


def test_several_values_at_once():
    safe_cache.put_many({"a": 1, "b": 2}, 60)
    safe_cache.put_many({}, 60)
    assert safe_cache.get_many(["a", "b", "c"]) == {"a": 1, "b": 2}
    safe_cache.delete_many(["a", "c"])
    assert safe_cache.get_many(["a", "b"]) == {"b": 2}
    safe_cache.put_many({"b": 3}, 0)
    assert safe_cache.get_many(["b"]) == {}


@pytest.mark.parametrize("down", [broken("get", "set"), NOWHERE], ids=["down", "missing"])
def test_a_cache_that_is_down(settings, caplog, down):
    settings.CACHES = {"default": down}
    safe_cache.put("name", "value", 60)
    assert safe_cache.get("name") is None
    assert safe_cache.add("name", 60)
    assert safe_cache.add("name", 60)
    safe_cache.delete("name")
    safe_cache.put_many({"name": "value"}, 60)
    assert safe_cache.get_many(["name"]) == {}
    safe_cache.delete_many(["name"])
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    told = [record.getMessage().split(" error=")[0] for record in caplog.records]
    assert told == ["The cache failed, check CACHES:"] * 8
    assert "password" not in caplog.text


def test_asking_whether_a_cache_is_up_leaves_nothing_in_it():
    assert safe_cache.is_up("default")
    assert not cache._cache


DOWN = {
    "cannot be read": broken("get"),
    "cannot be written": broken("set"),
    "down": broken("get", "set"),
    "missing": NOWHERE,
}


@pytest.mark.parametrize("down", DOWN.values(), ids=DOWN)
def test_signing_in_and_out_without_a_cache(idp, sign_in, settings, caplog, down):
    settings.CACHES = {"default": down}
    client = sign_in()
    assert is_signed_in(client)
    response = client.post("/oidc/logout/")
    assert response["Location"].startswith(f"{idp.issuer}/end-session?id_token_hint=")
    assert not is_signed_in(client)
    warnings = {r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING}
    assert warnings
    assert all(message.startswith("The cache failed") for message in warnings)


def test_signing_out_without_a_cache_and_without_the_provider(idp, sign_in, settings):
    client = sign_in()
    settings.CACHES = {"default": broken("get", "set")}
    idp.stop()
    response = client.post("/oidc/logout/")
    assert response["Location"].startswith("/oidc/logout/callback/")
    assert not is_signed_in(client)
