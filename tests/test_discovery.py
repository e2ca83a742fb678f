"""The provider's metadata: fetched at sign-ins, kept for clicks, and never trusted blindly."""

from __future__ import annotations

import logging
import time
from contextlib import suppress

import pytest
from django.core.cache.backends.base import BaseCache

from django_oidc_logout.conf import ProviderOptions, conf
from django_oidc_logout.exceptions import ProviderUnavailable
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.providers import metadata
from tests.factories import is_signed_in

PATH = "/.well-known/openid-configuration"
ASKED = ("GET", PATH)
HOUR = 60 * 60
DAY = 24 * HOUR


def document(**renew):
    return metadata.document(conf.OIDC_LOGOUT_PROVIDERS["default"], **renew)


def endpoint(name="end_session_endpoint"):
    return metadata.endpoint(conf.OIDC_LOGOUT_PROVIDERS["default"], name)


def of_ours(caplog):
    return [record for record in caplog.records if record.name.startswith("django_oidc_logout")]


def unavailable(handler):
    handler.send_error(503)


@pytest.fixture
def pass_time(monkeypatch):
    """Return a function that puts the clock forward."""
    passed = 0.0
    now = time.time

    def pass_time(seconds):
        nonlocal passed
        passed += seconds

    monkeypatch.setattr(time, "time", lambda: now() + passed)
    return pass_time


# The copy


def test_the_document_is_fetched_once(idp):
    assert document() == idp.metadata
    assert document() == document(renew=True) == idp.metadata
    assert endpoint() == f"{idp.issuer}/end-session"
    assert idp.asked == [ASKED]


def test_a_caller_cannot_spoil_the_copy(idp):
    document().clear()
    document().clear()
    assert document() == idp.metadata


class SharedCache(BaseCache):
    """A cache that returns the object that it was given, as a site's own may."""

    def __init__(self, location, params):
        super().__init__(params)
        self.kept = {}

    def get(self, key, default=None, version=None):
        return self.kept.get(key, default)

    def set(self, key, value, timeout=None, version=None):
        self.kept[key] = value

    def add(self, key, value, timeout=None, version=None):
        return self.kept.setdefault(key, value) is value


@pytest.mark.parametrize("renew", [False, True])
def test_a_caller_cannot_spoil_a_copy_that_the_cache_shares(idp, settings, pass_time, renew):
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.SharedCache"}}
    document()
    pass_time(2 * DAY)
    idp.answers[PATH] = unavailable
    document(renew=renew).clear()
    assert document(renew=renew) == idp.metadata


def test_the_first_caller_cannot_spoil_a_copy_that_the_cache_shares(idp, settings):
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.SharedCache"}}
    document().clear()
    assert document() == idp.metadata
    keys().clear()
    keys().clear()
    newest_keys().clear()
    assert keys() == idp.answers["/jwks"]["keys"]


def test_a_copy_serves_however_old(idp, pass_time):
    document()
    pass_time(29 * DAY)
    assert document() == idp.metadata
    assert idp.asked == [ASKED]


def test_a_copy_is_not_kept_for_ever(idp, pass_time):
    document()
    pass_time(31 * DAY)
    document()
    assert idp.asked == [ASKED] * 2


def test_each_issuer_has_a_copy_of_its_own(idp, configure):
    document()
    configure(ISSUER=f"{idp.issuer}/other")
    with pytest.raises(ProviderUnavailable):
        document()


@pytest.mark.parametrize(
    ("cache_control", "seconds"),
    [
        (None, HOUR),
        ("", HOUR),
        ("max-age=7200", 2 * HOUR),
        ("public, max-age=7200", 2 * HOUR),
        ("public,max-age=7200,immutable", 2 * HOUR),
        ("Max-Age=7200", 2 * HOUR),
        ('max-age="7200"', 2 * HOUR),
        ("max-age=300", 300),
        ("max-age=299", 300),
        ("max-age=0", 300),
        ("no-store, max-age=0", 300),
        ("no-store", HOUR),
        ("s-maxage=7200", HOUR),
        ("x-max-age=7200", HOUR),
        ("max-age=-1", HOUR),
        ("max-age=soon", HOUR),
        ("max-age=86400", DAY),
        ("max-age=86401", DAY),
        ("max-age=" + "9" * 5000, DAY),
    ],
)
def test_freshness(idp, pass_time, cache_control, seconds):
    headers = {} if cache_control is None else {"Cache_Control": cache_control}
    idp.answers[PATH] = lambda handler: handler.json(idp.metadata, **headers)
    document()
    pass_time(seconds - 60)
    document(renew=True)
    assert idp.asked == [ASKED]
    pass_time(120)
    document(renew=True)
    assert idp.asked == [ASKED] * 2
    document(renew=True)
    assert idp.asked == [ASKED] * 2


def test_renewing_brings_what_is_new(idp, pass_time):
    document()
    idp.metadata |= {"end_session_endpoint": f"{idp.issuer}/new"}
    pass_time(2 * HOUR)
    assert endpoint() == f"{idp.issuer}/end-session"
    assert document(renew=True) == idp.metadata
    assert endpoint() == f"{idp.issuer}/new"


# Outages


def test_a_stale_copy_serves_while_the_provider_is_down(idp, pass_time):
    document()
    idp.answers[PATH] = unavailable
    pass_time(2 * HOUR)
    assert document(renew=True) == idp.metadata
    assert idp.asked == [ASKED] * 2
    assert document(renew=True) == idp.metadata
    assert idp.asked == [ASKED] * 2


def test_a_stale_copy_is_renewed_after_an_outage(idp, pass_time):
    document()
    well = idp.answers[PATH]
    idp.answers[PATH] = unavailable
    pass_time(2 * HOUR)
    document(renew=True)
    idp.answers[PATH] = well
    idp.metadata |= {"end_session_endpoint": f"{idp.issuer}/new"}
    pass_time(31)
    assert document(renew=True) == idp.metadata


def test_a_failure_is_remembered_for_a_while(idp, pass_time):
    well = idp.answers[PATH]
    idp.answers[PATH] = unavailable
    for renew in [False, True, False]:
        with pytest.raises(ProviderUnavailable, match="responded with status 503"):
            document(renew=renew)
    assert idp.asked == [ASKED]
    pass_time(20)
    with pytest.raises(ProviderUnavailable, match="responded with status 503"):
        document()
    assert idp.asked == [ASKED]
    idp.answers[PATH] = well
    pass_time(11)
    assert document() == idp.metadata
    assert idp.asked == [ASKED] * 2


def test_an_outage_costs_one_time_out(idp, configure):
    configure(TIMEOUT=0.3)
    idp.answers[PATH] = lambda handler: handler.hang()
    for _ in range(3):
        with pytest.raises(ProviderUnavailable):
            endpoint()
    assert idp.asked == [ASKED]


def test_a_failure_of_any_kind_is_remembered(idp):
    idp.answers[PATH] = lambda handler: handler.body(b"", status=302, Location="http://[")
    for _ in range(3):
        with pytest.raises(ProviderUnavailable):
            endpoint()
    assert idp.asked == [ASKED]


# The issuer (OpenID Connect Discovery 1.0, section 4.3)


@pytest.mark.requirement("ASVS 10.5.3", "IPSIE SL1 issuer")
@pytest.mark.parametrize(
    "issuer",
    [
        "https://idp.example.com",
        "{issuer}/",
        "{issuer}/realms/main",
        " {issuer}",
        "HTTP://127.0.0.1:{port}",
        "",
        None,
        ["{issuer}"],
        5,
    ],
)
def test_another_issuer(idp, issuer):
    if isinstance(issuer, str):
        issuer = issuer.format(issuer=idp.issuer, port=idp.server.server_port)
    idp.metadata["issuer"] = issuer
    for _ in range(2):
        with pytest.raises(ProviderUnavailable, match="names another issuer"):
            document()
    assert idp.asked == [ASKED]


def test_no_issuer_in_the_document(idp):
    del idp.metadata["issuer"]
    with pytest.raises(ProviderUnavailable, match="names another issuer"):
        document()


def test_an_issuer_that_has_changed_leaves_the_copy_as_it_was(idp, pass_time):
    published = dict(document())
    idp.metadata |= {"issuer": "https://idp.example.com", "end_session_endpoint": "https://x.test"}
    pass_time(2 * HOUR)
    assert document(renew=True) == published


@pytest.mark.parametrize(
    ("suffix", "path"),
    [("", PATH), ("/", PATH), ("/realms/main", f"/realms/main{PATH}"), ("/o/", f"/o{PATH}")],
)
def test_the_address_of_the_document(idp, configure, suffix, path):
    configure(ISSUER=f"{idp.issuer}{suffix}")
    idp.metadata["issuer"] = f"{idp.issuer}{suffix}"
    idp.answers[path] = idp.metadata
    assert document() == idp.metadata
    assert idp.asked == [("GET", path)]


@pytest.mark.parametrize("issuer", [{}, {"ISSUER": ""}, {"ISSUER": None}])
def test_no_issuer_is_configured(settings, issuer):
    settings.OIDC_LOGOUT_PROVIDERS = {"default": issuer}
    with pytest.raises(ProviderUnavailable, match="does not set ISSUER"):
        document()


def test_an_issuer_that_is_not_on_https():
    options = ProviderOptions(alias="default", issuer="http://idp.example.com")
    with pytest.raises(ProviderUnavailable, match="is not an https URL"):
        metadata.document(options)


# Endpoints


@pytest.mark.parametrize("address", ["https://idp.example.com/out?a=b", "http://127.0.0.1:9/out"])
def test_an_endpoint(idp, address):
    idp.metadata["end_session_endpoint"] = address
    assert endpoint() == address


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (None, "does not publish end_session_endpoint"),
        ("", "does not publish end_session_endpoint"),
        ([], "does not publish end_session_endpoint"),
        ("http://idp.example.com/out", "is not an https URL"),
        ("javascript:alert(1)", "is not an https URL"),
        ("/out", "is not an https URL"),
        ("https://", "is not an https URL"),
        ("https://[::1", "is not an https URL"),
        ("https://idp.example.com/\ud800", "is not an https URL"),  # no answer can hold it
        (["https://idp.example.com/out"], "is not an https URL"),
        ({"https": "//idp.example.com/out"}, "is not an https URL"),
        (5, "is not an https URL"),
        (True, "is not an https URL"),
    ],
)
def test_an_endpoint_that_cannot_be_used(idp, address, message):
    idp.metadata["end_session_endpoint"] = address
    with pytest.raises(ProviderUnavailable, match=message):
        endpoint()


def test_an_endpoint_that_is_not_published(idp):
    del idp.metadata["end_session_endpoint"]
    with pytest.raises(ProviderUnavailable, match="does not publish end_session_endpoint"):
        endpoint()
    assert endpoint("revocation_endpoint") == f"{idp.issuer}/revoke"
    assert idp.asked == [ASKED]


# Keys

KEYS_ASKED = ("GET", "/jwks")


def keys(**renew):
    return metadata.keys(conf.OIDC_LOGOUT_PROVIDERS["default"], **renew)


def newest_keys():
    return metadata.newest_keys(conf.OIDC_LOGOUT_PROVIDERS["default"])


def test_keys_are_fetched_once(idp):
    assert keys() == keys() == keys(renew=True) == idp.answers["/jwks"]["keys"]
    assert idp.asked == [KEYS_ASKED]


def test_keys_are_where_the_document_says(idp, configure):
    configure(JWKS_URI="")
    idp.metadata["jwks_uri"] = f"{idp.issuer}/elsewhere"
    idp.answers["/elsewhere"] = {"keys": [{"kty": "RSA"}]}
    assert keys() == [{"kty": "RSA"}]
    assert idp.asked == [ASKED, ("GET", "/elsewhere")]


@pytest.mark.parametrize("address", [None, 5, "http://idp.example.com/jwks"])
def test_no_keys_are_where_the_document_says(idp, configure, address):
    configure(JWKS_URI="")
    idp.metadata["jwks_uri"] = address
    with pytest.raises(ProviderUnavailable, match="jwks_uri"):
        keys()


def test_each_address_has_keys_of_its_own(idp, configure):
    keys()
    configure(JWKS_URI=f"{idp.issuer}/elsewhere")
    idp.answers["/elsewhere"] = {"keys": []}
    assert keys() == []


@pytest.mark.parametrize("key_set", [{}, {"keys": None}, {"keys": {}}, {"keys": "key"}])
def test_a_key_set_without_keys(idp, key_set):
    idp.answers["/jwks"] = key_set
    assert keys() == []


def test_keys_serve_while_the_provider_is_down(idp, pass_time):
    published = keys()
    idp.answers["/jwks"] = unavailable
    pass_time(2 * HOUR)
    assert keys() == keys(renew=True) == published


def test_a_failure_to_fetch_keys_is_remembered(idp, pass_time):
    well = idp.answers["/jwks"]
    idp.answers["/jwks"] = unavailable
    for _ in range(2):
        with pytest.raises(ProviderUnavailable, match="responded with status 503"):
            keys()
    assert idp.asked == [KEYS_ASKED]
    idp.answers["/jwks"] = well
    pass_time(31)
    assert keys() == well["keys"]


@pytest.mark.parametrize("fetch", ["keys", "trusted_keys", "newest_keys"])
def test_a_failure_of_the_document_is_not_remembered_longer_for_the_keys(
    idp, configure, pass_time, fetch
):
    configure(JWKS_URI="")
    options = conf.OIDC_LOGOUT_PROVIDERS["default"]
    well, idp.answers[PATH] = idp.answers[PATH], unavailable
    with pytest.raises(ProviderUnavailable):
        document()
    idp.answers[PATH] = well
    pass_time(29)
    with pytest.raises(ProviderUnavailable, match="responded with status 503"):
        getattr(metadata, fetch)(options)
    assert idp.asked == [ASKED]
    pass_time(2)
    assert getattr(metadata, fetch)(options) == idp.answers["/jwks"]["keys"]


def trusted_keys():
    return metadata.trusted_keys(conf.OIDC_LOGOUT_PROVIDERS["default"])


def test_keys_that_verify_are_renewed(idp, pass_time):
    trusted_keys()
    pass_time(HOUR - 60)
    trusted_keys()
    assert idp.asked == [KEYS_ASKED]
    pass_time(120)
    idp.answers["/jwks"] = {"keys": [{"kid": "new"}]}
    assert trusted_keys() == [{"kid": "new"}]


def test_keys_that_verify_are_not_old(idp, pass_time):
    published = trusted_keys()
    idp.answers["/jwks"] = unavailable
    pass_time(DAY - 60)
    assert trusted_keys() == published
    pass_time(120)
    with pytest.raises(ProviderUnavailable, match="responded with status 503"):
        trusted_keys()
    assert keys() == published  # only the sign-in asks, which verifies nothing with them


def test_the_address_of_keys_that_verify_is_not_old(idp, configure, pass_time):
    configure(JWKS_URI="")
    trusted_keys()
    idp.answers[PATH] = unavailable
    pass_time(DAY - 60)
    trusted_keys()
    assert idp.asked[-1] == KEYS_ASKED
    pass_time(DAY + 60)
    with pytest.raises(ProviderUnavailable, match="responded with status 503"):
        trusted_keys()


def test_the_newest_keys_are_fetched_at_once(idp):
    keys()
    idp.answers["/jwks"] = {"keys": [{"kid": "new"}]}
    assert newest_keys() == keys() == [{"kid": "new"}]


def test_the_newest_keys_are_fetched_now_and_then_only(idp, pass_time):
    for _ in range(3):
        newest_keys()
    assert idp.asked == [KEYS_ASKED]
    pass_time(31)
    newest_keys()
    assert idp.asked == [KEYS_ASKED] * 2


def test_the_newest_keys_are_not_to_be_had(idp):
    idp.answers["/jwks"] = unavailable
    for _ in range(2):
        with pytest.raises(ProviderUnavailable, match="responded with status 503"):
            newest_keys()
    assert idp.asked == [KEYS_ASKED]


def test_the_newest_keys_are_not_to_be_had_without_the_document(idp, configure, pass_time):
    configure(JWKS_URI="")
    document()
    pass_time(29 * DAY)
    idp.answers[PATH] = unavailable
    keys()
    pass_time(2 * DAY)  # the cache has the keys, but not the document
    idp.asked.clear()
    for _ in range(3):
        with pytest.raises(ProviderUnavailable, match="responded with status 503"):
            newest_keys()
    assert idp.asked == [ASKED]


# In a whole sign-in and sign-out


def press_sign_out(client):
    return client.post("/oidc/logout/")


def test_a_click_asks_the_provider_nothing(idp, sign_in, pass_time):
    client = sign_in()
    idp.asked.clear()
    pass_time(10 * DAY)
    assert press_sign_out(client)["Location"].startswith(f"{idp.issuer}/end-session?")
    assert idp.asked == []


def test_a_click_while_the_provider_is_down(idp, sign_in):
    client = sign_in()
    idp.stop()
    assert press_sign_out(client)["Location"].startswith(f"{idp.issuer}/end-session?")
    assert not is_signed_in(client)


def test_a_sign_in_renews_the_copy(idp, sign_in, pass_time):
    now = int(time.time())
    sign_in()
    sign_in()
    assert idp.asked.count(ASKED) == 1
    pass_time(2 * HOUR)
    sign_in(iat=now, exp=now + 300)  # the token is checked by another clock
    assert idp.asked.count(ASKED) == 2


def test_a_configured_endpoint_needs_no_discovery(idp, sign_in, configure):
    configure(END_SESSION_ENDPOINT="https://idp.example.com/out")
    client = sign_in()
    assert press_sign_out(client)["Location"].startswith("https://idp.example.com/out?")
    assert ASKED not in idp.asked


def endless(handler):
    handler.send_response(200)
    handler.end_headers()
    with suppress(OSError):  # nobody listens any more
        while True:
            handler.wfile.write(b" " * 65536)


def publish(**changes):
    def answer(handler):
        host, port = handler.server.server_address
        issuer = f"http://{host}:{port}"
        standard = {"issuer": issuer, "end_session_endpoint": f"{issuer}/end-session"}
        handler.json(standard | changes)

    return answer


BROKEN = {
    "503": unavailable,
    "HTML": lambda handler: handler.body(b"<!doctype html>"),
    "10 MB": lambda handler: handler.body(b"{}".ljust(10 * 1024 * 1024)),
    "endless": endless,
    "hanging": lambda handler: handler.hang(),
    "redirecting elsewhere": lambda handler: handler.body(
        b"", status=302, Location="https://idp.example.com/"
    ),
    "redirecting to no address": lambda handler: handler.body(b"", status=302, Location="http://["),
    "another issuer": publish(issuer="https://idp.example.com"),
    "no end-session endpoint": publish(end_session_endpoint=None),
    "an end-session endpoint that is not text": publish(end_session_endpoint=5),
    "an end-session endpoint on plain http": publish(end_session_endpoint="http://x.test/"),
    "an end-session endpoint of no address": publish(end_session_endpoint="https://x.test/\ud800"),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_signing_out_while_discovery_is_broken(idp, sign_in, configure, caplog, broken):
    configure(TIMEOUT=0.4)
    idp.answers[PATH] = broken
    client = sign_in()
    caplog.clear()
    assert press_sign_out(client)["Location"].startswith("/oidc/logout/callback/")
    assert not is_signed_in(client)
    (record,) = of_ours(caplog)
    assert record.levelno == logging.WARNING
    assert record.exc_info is None
    told = "Signed out: site=done provider=unavailable tokens=skipped reason=The provider could"
    assert record.getMessage().startswith(told)
    assert "see the error" not in record.getMessage()


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_signing_in_while_discovery_is_broken(idp, sign_in, configure, caplog, broken):
    configure(TIMEOUT=0.4)
    idp.answers[PATH] = broken
    assert is_signed_in(sign_in())
    assert OIDCSession.objects.count() == 1
    assert [record.getMessage() for record in of_ours(caplog) if record.exc_info] == []
    assert "Could not record a sign-in" not in caplog.text


WRONG_ISSUERS = {
    "missing": {},
    "empty": {"ISSUER": ""},
    "None": {"ISSUER": None},
    "wrong": {"ISSUER": "https://other.example.com"},
}


@pytest.mark.parametrize("wrong", WRONG_ISSUERS.values(), ids=WRONG_ISSUERS)
def test_signing_out_without_the_right_issuer(idp, sign_in, settings, caplog, wrong):
    settings.OIDC_LOGOUT_PROVIDERS = {"default": wrong}
    client = sign_in()
    assert press_sign_out(client)["Location"].startswith("/oidc/logout/callback/")
    assert not is_signed_in(client)
    assert f"does not have a provider with the issuer {idp.issuer}" in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("missing", [{}, {"ISSUER": ""}, {"ISSUER": None}])
def test_an_anonymous_click_without_an_issuer(settings, client, db, caplog, missing):
    settings.OIDC_LOGOUT_PROVIDERS = {"default": missing}
    assert press_sign_out(client)["Location"].startswith("/oidc/logout/callback/")
    assert "OIDC_LOGOUT_PROVIDERS['default'] does not set ISSUER" in caplog.text
    assert "Traceback" not in caplog.text
