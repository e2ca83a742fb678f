"""The redirect target is always on the site, whatever the request."""

from __future__ import annotations

import json
import re
from random import Random
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import pytest
from django.core import signing
from django.core.checks import run_checks
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import path, reverse_lazy
from django.utils.encoding import iri_to_uri

from django_oidc_logout.api import sign_out
from django_oidc_logout.rp_initiated import return_to
from django_oidc_logout.rp_initiated.return_to import State
from tests.factories import HOSTILE, force_sign_in, is_signed_in

# What only its length, or what hides behind it, makes hostile.
HOSTILE += [
    "//evil.example/" + "a" * 5900,
    "/" * 3000 + "evil.example",
    "/" + "./" * 2500 + "/evil.example",
    "/" + "a/../" * 1100 + "/evil.example",
    "https://" + "a" * 5500 + "@evil.example",
    "\\" * 2000 + "evil.example",
    "/" + "%09" * 1500 + "/evil.example",
    " " * 4000 + "//evil.example",
    "/" + "\t" * 3000 + "/evil.example",
    "/" + "%0d%0aX:%20y" * 300,
    "/" + "a" * 2048,
]
# Odd to look at, and a path of this site to every browser.
ODD = [
    "/.%2fevil.example",
    "/ /evil.example",
    "/\u560d\u560aX: y",
    "/https:evil.example",
    "/@evil.example",
    "/;@evil.example",
    "/..evil.example",
    "/javascript:alert(1)",
    "/%252f%252fevil.example",
    "/%255cevil.example",
    "/\uff0fevil.example",
    "/\uff3cevil.example",
    "/\u3000/evil.example",
    "/\u0085/evil.example",
    "/\u202e/evil.example",
    "/%ff/evil.example",
    "/%c0%afevil.example",
    "/%zz/evil.example",
    "/%",
    "/?next=//evil.example",
    "/#//evil.example",
    "/./evil.example",
    "/../../evil.example",
    "/%2e%2e/evil.example",
    "/[::1]",
    "/'evil.example",
    "/?",
    "http://testserver?@evil.example/../",
    "http://testserver#@evil.example",
    "http://testserver/@evil.example",
]
GOOD = [
    "/",
    "/bye/",
    "/bye/?a=1&b=%26%3D",
    "/bye/#part",
    "/bye/?a=1#part",
    "/bye/?url=https://elsewhere.example.com/a",
    "/caf\u00e9/",
    "/\U0001f600/?q=\u00fc",
    "/caf%C3%A9/",
    "/a%20b",
    "/a b",
    "/a+b?c=d+e",
    "/a;b=c,d",
    "/" + "a" * 2047,
    "http://testserver",
    "http://testserver/",
    "http://testserver/bye/?a=1#part",
    "http://testserver?a=1",
    "https://testserver/bye/",
    "https://app.example.com/",
    "https://app.example.com:8443/bye?a=1#part",
    "https://b\u00fccher.example/bye",
]
ALLOWED_HOSTS = ["app.example.com", "app.example.com:8443", "b\u00fccher.example"]
VIEW_NAMES = {"home": "/", "bye": "/bye/", "oidc_logout:logout": "/oidc/logout/"}
END_SESSION = "https://idp.example.com/end"


@pytest.fixture(autouse=True)
def _provider(settings):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    settings.OIDC_LOGOUT_PROVIDERS = {
        "default": {"ISSUER": "https://idp.example.com", "END_SESSION_ENDPOINT": END_SESSION}
    }


def resolved(location):
    """Return the URL that a browser on the site makes of a Location header (WHATWG URL, 4.4)."""
    cleaned = re.sub(r"[\t\n\r]", "", location.strip("".join(map(chr, range(0x21)))))
    scheme, colon, rest = cleaned.partition(":")
    special = colon and scheme.lower() in {"http", "https"}
    if special or not re.match(r"[a-z][a-z0-9+.-]*:", cleaned, re.IGNORECASE):
        head, mark, tail = re.match(r"([^?#]*)([?#]?)(.*)", rest if special else cleaned).groups()
        head = head.replace("\\", "/")
        if special or head.startswith("//"):
            return f"{scheme if special else 'http'}://{head.lstrip('/')}{mark}{tail}"
        return urljoin("http://testserver/oidc/logout/", f"{head}{mark}{tail}")
    return cleaned


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/a", "http://testserver/a"),
        ("a", "http://testserver/oidc/logout/a"),
        ("//evil.example", "http://evil.example"),
        ("/\\evil.example/", "http://evil.example/"),
        ("/\t/evil.example", "http://evil.example"),
        (" \n\\\\evil.example", "http://evil.example"),
        ("https:evil.example", "https://evil.example"),
        ("HTTP:/\\evil.example?a", "HTTP://evil.example?a"),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("/?//evil.example", "http://testserver/?//evil.example"),
    ],
)
def test_what_the_tests_take_a_browser_for(location, url):
    assert resolved(location) == url


def place(location):
    """Return the final target of a response, which may be in the `state` for the provider."""
    if not location.startswith(f"{END_SESSION}?"):
        return location
    state = return_to.unsign(parse_qs(urlsplit(location).query)["state"][0])
    return state.next or "/default/"


def stays(location):
    url = urlsplit(resolved(iri_to_uri(location)))
    return url.scheme in {"http", "https"} and url.netloc == "testserver" and "//" not in url.path


def encoded(**fields):
    """Encode a form as a hostile client would, lone surrogates included."""
    return urlencode(fields, errors="surrogatepass")


def post(client, query="", **fields):
    content_type = "application/x-www-form-urlencoded"
    return client.post(f"/oidc/logout/?{query}", encoded(**fields), content_type=content_type)


def post_json(client, value):
    body = json.dumps({"next": value})
    headers = {"accept": "text/html"}
    return client.post("/oidc/logout/", body, content_type="application/json", headers=headers)


def sign_out_in_code(client, value):
    request = RequestFactory().post("/")
    request.session = client.session
    return sign_out(request, return_to=value)


def come_back(client, value):
    sign_out_in_code(client, None)
    state = signing.dumps({"next": value}, salt=return_to.STATE_SALT)
    return client.get("/oidc/logout/callback/", {"state": state})


WAYS = {
    "field of a POST": lambda client, value: post(client, next=value),
    "field of a POST, this site only": lambda client, value: post(client, next=value, local="1"),
    "query of a POST": lambda client, value: post(client, encoded(next=value)),
    "query of a GET": lambda client, value: client.get(f"/oidc/logout/?{encoded(next=value)}"),
    "JSON": post_json,
    "code": sign_out_in_code,
    "state": come_back,
}


@pytest.fixture(params=WAYS)
def travel(request, settings, django_user_model):
    """Return a function that signs out in one way, and returns the redirect target."""
    settings.OIDC_LOGOUT_GET = "allow"
    settings.OIDC_LOGOUT_REDIRECT_URL = "/default/"
    client = Client()
    user = django_user_model.objects.create(username="ada")

    def travel(value):
        force_sign_in(client, user)
        response = WAYS[request.param](client, value)
        assert (response.status_code, is_signed_in(client)) == (302, False)
        return response["Location"]

    return travel


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_hostile_places_are_refused(rf, secure):
    request = rf.get("/", secure=secure)
    assert len(HOSTILE) == len(set(HOSTILE)) > 220
    assert [value for value in HOSTILE if return_to.safe_target(request, value)] == []


@pytest.mark.requirement("IPSIE SL1 redirects")
@pytest.mark.django_db
def test_hostile_places_lead_nowhere_and_sign_out(travel):
    """Each way asks the function that the test above tries with the whole table."""
    places = {value: place(travel(value)) for value in HOSTILE[::20]}
    assert {value: there for value, there in places.items() if not stays(there)} == {}
    # A lone surrogate does not survive a form; what is left of it may be a path like any other.
    reached = {value for value, there in places.items() if there != "/default/"}
    assert [value for value in reached if not re.search("[\ud800-\udfff]", value)] == []


@pytest.mark.parametrize("value", ODD)
def test_odd_places_on_the_site_stay_there(rf, value):
    url = return_to.safe_target(rf.get("/"), value)
    assert url
    assert stays(url)


def arrive(location):
    """Return the final target, through the provider or not."""
    if not location.startswith(f"{END_SESSION}?"):
        return location
    query = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
    return Client().get(query["post_logout_redirect_uri"], {"state": query["state"]})["Location"]


@pytest.mark.requirement("OpenID rp-init-logout")
@pytest.mark.django_db
def test_good_places_are_reached(travel, settings):
    settings.OIDC_LOGOUT_ALLOWED_HOSTS = ALLOWED_HOSTS
    wanted = {value: iri_to_uri(value) for value in GOOD} | VIEW_NAMES
    assert {value: arrive(travel(value)) for value in wanted} == wanted


@pytest.mark.parametrize(
    ("value", "refused"),
    [
        ("http://testserver/bye/", True),
        ("http://app.example.com/", True),
        ("https://testserver/bye/", False),
        ("https://app.example.com/", False),
        ("/bye/", False),
    ],
)
def test_https_site_sends_nobody_to_http(rf, settings, value, refused):
    settings.OIDC_LOGOUT_ALLOWED_HOSTS = ALLOWED_HOSTS
    assert return_to.safe_target(rf.get("/", secure=True), value) == ("" if refused else value)


@pytest.mark.parametrize(
    ("host", "value", "refused"),
    [
        ("localhost:8000", "http://localhost:8000/bye/", False),
        ("localhost:8000", "http://localhost/bye/", True),
        ("localhost", "http://localhost:8000/bye/", True),
        ("[::1]:8000", "http://[::1]:8000/bye/", False),
        ("testserver", "http://localhost/bye/", True),
    ],
)
def test_own_host_is_that_of_the_request(rf, settings, host, value, refused):
    settings.ALLOWED_HOSTS = ["*"]
    request = rf.get("/", headers={"host": host})
    assert return_to.safe_target(request, value) == ("" if refused else value)


@pytest.mark.parametrize("value", [None, "", [], {}, 0, 5, ["/bye/"], {"a": 1}, object(), len])
def test_what_is_no_text_is_no_place(rf, value):
    assert return_to.safe_target(rf.get("/"), value) == ""


def test_refusal_is_logged_without_the_place(rf, caplog):
    return_to.safe_target(rf.get("/"), "//evil.example")
    assert caplog.messages == [
        "Rejected an unsafe redirect target, check OIDC_LOGOUT_ALLOWED_HOSTS",
    ]


@pytest.mark.parametrize("value", [None, "", 0])
def test_who_asks_for_nothing_is_refused_nothing(rf, caplog, value):
    assert return_to.safe_target(rf.get("/"), value) == ""
    assert caplog.messages == []


@pytest.mark.django_db
@pytest.mark.parametrize("value", [reverse_lazy("bye"), reverse_lazy("nowhere")], ids=["bye", "no"])
def test_lazy_place_in_code_goes_by_the_provider(client, value, django_user_model):
    force_sign_in(client, django_user_model.objects.create(username="ada"))
    assert sign_out_in_code(client, value)["Location"].startswith(f"{END_SESSION}?")


def test_state_is_kept():
    state = State(next="/bye/?a=1#caf\u00e9", alias="default", provider_outcome="redirect")
    assert return_to.unsign(return_to.sign(state)) == state
    assert return_to.unsign(return_to.sign(State())) == State()


@pytest.mark.parametrize(("first", "last"), [(0x21, 0x7E), (0x4E00, 0x9FFF)], ids=["ASCII", "CJK"])
def test_every_place_that_is_good_fits_into_a_state(rf, first, last):
    random = Random(1)
    letters = [chr(code) for code in range(first, last + 1) if chr(code) not in "/\\%?#"]
    value = "/" + "".join(random.choice(letters) for _ in range(return_to.MAX_TARGET_LENGTH - 1))
    kept = return_to.safe_target(rf.get("/"), value)
    token = return_to.sign(State(next=kept, alias="default", provider_outcome="redirect"))
    assert return_to.unsign(token).next == kept
    # Application servers refuse a request line of over 4,094 bytes.
    assert len(token) < 4000


def test_state_is_compressed():
    """It is part of a URL, whose length is limited."""
    assert len(return_to.sign(State(next="/" + "a" * 2000))) < 200


GOOD_STATE = State(next="/bye/", alias="default", provider_outcome="redirect")


@pytest.fixture
def foreign_states(monkeypatch):
    """Return states that the site did not sign: name -> token."""
    values = {"next": "/bye/"}
    good = return_to.sign(GOOD_STATE)
    lifetime = return_to.STATE_LIFETIME
    with monkeypatch.context() as patch:
        now = int(signing.time.time())
        patch.setattr(signing.time, "time", lambda: now - lifetime - 60)
        expired = return_to.sign(GOOD_STATE)
        patch.setattr(signing.time, "time", lambda: now - lifetime + 60)
        assert return_to.unsign(return_to.sign(GOOD_STATE)) == GOOD_STATE
    return {
        "empty": "",
        "garbage": "garbage",
        "colons": ":::",
        "not ASCII": "caf\u00e9:a:b",
        "NUL": "\0",
        "another key": signing.dumps(values, key="another", salt=return_to.STATE_SALT),
        "another salt": signing.dumps(values, salt="another"),
        "no salt": signing.dumps(values),
        "unsigned": good.rpartition(":")[0],
        "altered": good.replace(good[5], "A" if good[5] != "A" else "B", 1),
        "longer": good + "A",
        "expired": expired,
        "long": "a" * 100 * 1024,
        "long, signed": signing.dumps({"next": "/" * 100 * 1024}, salt=return_to.STATE_SALT),
    }


@pytest.mark.requirement("OpenID rp-init-logout")
@pytest.mark.parametrize("url", ["/default/", None], ids=["default", "signed-out page"])
def test_state_that_is_not_ours_lands_at_the_default(client, settings, foreign_states, url):
    settings.LOGOUT_REDIRECT_URL = url
    landed = {}
    for name, token in foreign_states.items():
        response = client.get("/oidc/logout/callback/", {"state": token})
        landed[name] = (response.status_code, response.get("Location"))
    expected = (302, url) if url else (200, None)
    assert landed == dict.fromkeys(foreign_states, expected)


def test_state_that_is_not_ours_is_none(foreign_states):
    read = {name: return_to.unsign(token) for name, token in foreign_states.items()}
    assert read == dict.fromkeys(foreign_states)


def test_truncated_state_is_none():
    token = return_to.sign(GOOD_STATE)
    cut = [token[:length] for length in range(len(token))]
    assert [piece for piece in cut if return_to.unsign(piece)] == []


def test_state_of_the_greatest_length(monkeypatch):
    token = return_to.sign(GOOD_STATE)
    monkeypatch.setattr(return_to, "MAX_STATE_LENGTH", len(token))
    assert return_to.unsign(token) == GOOD_STATE
    monkeypatch.setattr(return_to, "MAX_STATE_LENGTH", len(token) - 1)
    assert return_to.unsign(token) is None


def test_state_that_is_replayed_does_no_harm(client):
    token = return_to.sign(GOOD_STATE)
    answers = [client.get("/oidc/logout/callback/", {"state": token}) for _ in range(2)]
    assert [answer["Location"] for answer in answers] == ["/bye/", "/bye/"]


@pytest.mark.parametrize(
    "values",
    [
        None,
        5,
        "/bye/",
        ["/bye/"],
        {"unknown": "field"},
        {"next": 5},
        {"next": ["/bye/"]},
        {"next": {}},
        {"next": None},
        {"alias": ["default"]},
        {"alias": "gone", "provider": "redirect"},
        {"alias": "default", "provider": ["redirect"]},
    ],
    ids=json.dumps,
)
def test_state_of_another_version_lands_at_the_default(client, values):
    token = signing.dumps(values, salt=return_to.STATE_SALT)
    response = client.get("/oidc/logout/callback/", {"state": token})
    assert (response.status_code, response.get("Location")) == (200, None)


def test_state_survives_a_new_secret_key(settings):
    token = return_to.sign(GOOD_STATE)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "new"
    assert return_to.unsign(token) == GOOD_STATE
    settings.SECRET_KEY_FALLBACKS = []
    assert return_to.unsign(token) is None


@pytest.mark.parametrize(
    ("own", "django", "url"),
    [
        (None, None, ""),
        ("", "", ""),
        (None, "bye", "/bye/"),
        (None, "/x/?a=1", "/x/?a=1"),
        (None, "https://www.example.com/", "https://www.example.com/"),
        (None, reverse_lazy("bye"), "/bye/"),
        ("bye", "/x/", "/bye/"),
        ("https://www.example.com/", "bye", "https://www.example.com/"),
        ("nowhere", "/x/", ""),
        (None, "nowhere", ""),
        (None, reverse_lazy("nowhere"), ""),
        (reverse_lazy("nowhere"), None, ""),
        # What the checks object to.
        (5, None, ""),
        (None, 5, ""),
        (b"/bye/", None, ""),
        (["/bye/"], None, ""),
        ({}, "/x/", "/x/"),
        ("mailto:somebody@example.com", None, ""),
        ("https://[", None, ""),
        ("oidc_logout:callback", None, ""),  # it would redirect to itself
        (None, "/oidc/logout/callback/", ""),
        ("/oidc/logout/callback/?a=1#b", None, ""),
        (".", None, ""),
        ("./?a=1", None, ""),
        ("../", None, ""),  # the logout view, which a GET may make sign out again
        ("oidc_logout:logout", None, ""),
        ("oidc_logout:status", None, "/oidc/logout/status/"),
        (
            "https://www.example.com/oidc/logout/callback/",
            None,
            "https://www.example.com/oidc/logout/callback/",
        ),
    ],
)
def test_default(settings, own, django, url):
    settings.OIDC_LOGOUT_REDIRECT_URL = own
    settings.LOGOUT_REDIRECT_URL = django
    assert return_to.default_url() == url


@pytest.mark.parametrize("unset", [None, ""])
def test_no_default_is_nothing_to_complain_of(settings, caplog, unset):
    settings.OIDC_LOGOUT_REDIRECT_URL = settings.LOGOUT_REDIRECT_URL = unset
    assert return_to.default_url() == ""
    assert caplog.messages == []


@pytest.mark.django_db
@pytest.mark.parametrize("url", ["nowhere", reverse_lazy("nowhere"), 5], ids=["name", "lazy", "5"])
def test_default_that_is_nowhere_keeps_nobody_signed_in(
    client, settings, django_user_model, url, caplog
):
    settings.OIDC_LOGOUT_REDIRECT_URL = url
    force_sign_in(client, django_user_model.objects.create(username="ada"))
    response = client.post("/oidc/logout/", {"local": "1"})
    assert not is_signed_in(client)
    assert response["Location"].startswith("/oidc/logout/callback/?state=")
    message = "OIDC_LOGOUT_REDIRECT_URL is neither a URL nor a view name"
    assert message in caplog.messages


@pytest.mark.django_db
@pytest.mark.parametrize("view", ["callback", "logout"])
def test_default_that_is_the_sign_out_is_the_signed_out_page(client, settings, view):
    settings.LOGOUT_REDIRECT_URL = f"oidc_logout:{view}"
    settings.OIDC_LOGOUT_GET = "allow"
    landed = client.post("/oidc/logout/", {"local": "1"}, follow=True)
    assert landed.templates[0].name == "oidc_logout/signed_out.html"
    (warning,) = [each for each in run_checks() if each.id == "oidc_logout.W003"]
    assert warning.msg.startswith("LOGOUT_REDIRECT_URL is a view of the sign-out")


@pytest.mark.parametrize(
    ("wanted", "default", "url"),
    [("/bye/", "/default/", "/bye/"), ("", "/default/", "/default/")],
)
def test_here(settings, wanted, default, url):
    settings.LOGOUT_REDIRECT_URL = default
    assert return_to.local_url(State(next=wanted)) == url


def test_here_is_the_signed_out_page_which_is_told_what_was_done():
    url = urlsplit(return_to.local_url(State(alias="default", provider_outcome="skipped")))
    assert url.path == "/oidc/logout/callback/"
    assert return_to.unsign(parse_qs(url.query)["state"][0]).provider_outcome == "skipped"


urlpatterns = [path("home/", lambda request: HttpResponse(request.path), name="home")]


def test_without_the_packages_urls_people_land_at_the_root(settings):
    settings.ROOT_URLCONF = __name__
    assert return_to.callback_path() == ""
    assert return_to.local_url(State()) == "/"


@pytest.mark.django_db
def test_without_the_packages_urls_the_provider_is_told_all_the_same(
    client, settings, django_user_model
):
    settings.ROOT_URLCONF = __name__
    force_sign_in(client, django_user_model.objects.create(username="ada"))
    location = sign_out_in_code(client, "home")["Location"]
    assert location.startswith(f"{END_SESSION}?client_id=site&")
    assert not {"post_logout_redirect_uri", "state"} & set(parse_qs(urlsplit(location).query))
