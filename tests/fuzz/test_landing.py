"""Whatever `next` contains, everybody is signed out, and nobody leaves the site."""

from __future__ import annotations

from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from django.test import Client, RequestFactory
from django.utils.encoding import iri_to_uri
from hypothesis import assume, example, given
from hypothesis import strategies as st

from django_oidc_logout.rp_initiated import return_to
from tests.factories import HOSTILE, is_signed_in
from tests.fuzz.anything import json_values, texts
from tests.fuzz.conftest import examples
from tests.fuzz.readers import leads_astray

ALLOWED = "app.example.com"
HOSTS = {"testserver", ALLOWED}
END_SESSION = "https://idp.example.com/end"

WORDS = """
/ // /// \\ : @ ? # . .. ; & = % [ ] %2f %2F %5c %09 %0a %0d %00 %25 %252f %40 %3a ~ * ' <
http: https: HTTPS: http:// https:// ftp:// javascript: data: blob: file:/// wss://
testserver app.example.com evil.example testserver.evil.example evil.example:80 [::1] 127.0.0.1
user:pass bye/ home te\u017ftserver
"""
CHARACTERS = "\t\n\r\0\x0b \x7f\x85\xa0\u200b\u2028\ufeff\u3002\uff0f\uff20\ufe68\u2100\u212a\ud800"
pieces = st.sampled_from([*WORDS.split(), *CHARACTERS])
assembled = st.lists(pieces, min_size=1, max_size=8).map("".join)
near = st.builds(
    lambda base, at, piece: base[: at % (len(base) + 1)] + piece + base[at % (len(base) + 1) :],
    st.sampled_from(["/bye/", "//", "http://testserver/bye/", f"https://{ALLOWED}/", "/a?b#c"]),
    st.integers(0, 40),
    assembled,
)
places = assembled | near | texts


@pytest.fixture
def site(settings):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    settings.OIDC_LOGOUT_GET = "allow"
    settings.OIDC_LOGOUT_REDIRECT_URL = "/default/"
    settings.OIDC_LOGOUT_ALLOWED_HOSTS = [ALLOWED]
    settings.OIDC_LOGOUT_PROVIDERS = {
        "default": {"ISSUER": "https://idp.example.com", "END_SESSION_ENDPOINT": END_SESSION}
    }


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_targets(site, secure):
    request = RequestFactory().get("/", secure=secure)

    @examples(4)
    @given(places)
    @example("/./")
    @example("/.//evil.example")
    def holds(place):
        url = return_to.safe_target(request, place)
        assert url in {"", place} or "/" not in place  # the name of a view
        schemes = ["http", "https"]
        if secure and not url.startswith("/"):
            schemes = ["https"]
        assert not url or not leads_astray(iri_to_uri(url), HOSTS, schemes=schemes)

    holds()


def test_that_the_readers_find_what_is_hostile():
    """Readers that find nothing would pass the other tests."""
    paths = [place for place in HOSTILE if place.isascii() and len(place) < 2000]
    found = [place for place in paths if leads_astray(place, HOSTS)]
    assert len(found) > 0.5 * len(paths)
    for place in ["//evil.example", "/\\evil.example", "/\t/evil.example", "/%2fevil.example"]:
        assert leads_astray(place, HOSTS)
    for place in ["/", "/bye/?a=//evil.example", "http://testserver/bye/", f"https://{ALLOWED}"]:
        assert not leads_astray(place, HOSTS)


@given(place=json_values)
def test_targets_of_any_type(site, rf, place):
    assert isinstance(return_to.safe_target(rf.get("/"), place), str)


def form(client, place):
    body = urlencode({"next": place}, errors="surrogatepass")
    return client.post("/oidc/logout/", body, content_type="application/x-www-form-urlencoded")


def link(client, place):
    return client.get("/oidc/logout/?next=" + quote(place, errors="surrogatepass"))


@pytest.mark.django_db
@pytest.mark.parametrize("sign_out", [form, link])
def test_sign_out(site, django_user_model, sign_out):
    user = django_user_model.objects.create(username="ada")

    @given(places)
    @example("/" + "\u00e4" * 4000)
    def holds(place):
        client = Client()
        client.force_login(user, "django.contrib.auth.backends.ModelBackend")
        session = client.session
        session["oidc_id_token_expiration"] = 0  # so that it is taken for mozilla's
        session.save()
        answer = sign_out(client, place)
        assert answer.status_code == 302
        assert not is_signed_in(client)
        assert answer["Location"].startswith(f"{END_SESSION}?")
        query = parse_qs(urlsplit(answer["Location"]).query)
        back = client.get("/oidc/logout/callback/", {"state": query["state"][0]})
        assert back.status_code == 302
        assert not leads_astray(back["Location"], HOSTS)

    holds()


good_states = [
    return_to.State(next="/bye/", alias="default", provider_outcome="redirect"),
    return_to.State(),
]


@st.composite
def spoilt_states(draw):
    """Draw a state of ours with something done to it, or anything."""
    token = return_to.sign(draw(st.sampled_from(good_states)))
    start = draw(st.integers(0, len(token)))
    end = start + draw(st.integers(0, 5))
    spoilt = token[:start] + draw(st.text(max_size=5)) + token[end:]
    assume(spoilt != token)
    return spoilt


@given(spoilt_states() | places | st.text(min_size=8000, max_size=9000))
def test_states(site, state):
    answer = Client().get("/oidc/logout/callback/?state=" + quote(state, errors="surrogatepass"))
    assert (answer.status_code, answer["Location"]) == (302, "/default/")
    assert "no-store" in answer["Cache-Control"]
    assert not answer.has_header("Clear-Site-Data")
    assert not answer.cookies
