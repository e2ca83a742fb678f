"""Settings: their defaults, and that they are read whenever they are used."""

from __future__ import annotations

import dataclasses
import pickle

import pytest
from django.test import override_settings
from django.utils.functional import SimpleLazyObject, lazystr

from django_oidc_logout.conf import DIRECTIVES, PROVIDER_KEYS, ProviderOptions, SharedSignals, conf
from tests.factories import ISSUER, is_signed_in, post_logout_token, query_of

# Of mozilla-django-oidc: the setting, the option that it is the default of, and a value.
MOZILLA = [
    ("OIDC_RP_CLIENT_ID", "client_id", "mozilla's client"),
    ("OIDC_RP_CLIENT_SECRET", "client_secret", "mozilla's secret"),
    ("OIDC_OP_JWKS_ENDPOINT", "jwks_uri", "https://mozilla.example.com/jwks"),
    ("OIDC_VERIFY_SSL", "verify_ssl", "/etc/ssl/mozilla.pem"),
    ("OIDC_PROXY", "proxies", {"https": "https://proxy.example.com"}),
    ("OIDC_TOKEN_USE_BASIC_AUTH", "basic_auth", False),
]
# Each key of a provider, its default where nothing else is set, and another value.
KEYS = [
    ("ISSUER", "", ISSUER),
    ("TENANTS", (), ["11111111-1111-1111-1111-111111111111"]),
    ("DISCOVERY_URL", "", f"{ISSUER}/common/.well-known/openid-configuration"),
    ("NAME", "", "Company account"),
    ("BACKEND", "django_oidc_logout.providers.OIDCProvider", "site.providers.Own"),
    ("CLIENT_ID", "", "site"),
    ("CLIENT_SECRET", "", "secret"),
    ("ALGORITHMS", (), ["ES256", "EdDSA"]),
    ("END_SESSION_ENDPOINT", "", f"{ISSUER}/out"),
    ("JWKS_URI", "", f"{ISSUER}/jwks"),
    ("REVOCATION_ENDPOINT", "", f"{ISSUER}/revoke"),
    ("POST_LOGOUT_REDIRECT_URI", "", "https://www.example.com/bye/"),
    ("SEND_ID_TOKEN_HINT", True, False),
    ("EXTRA_PARAMS", {}, {"federated": ""}),
    ("MAX_URL_LENGTH", 8000, 2000),
    ("MAX_TOKEN_AGE", 300, 60),
    ("MAX_SESSION_AGE", None, 28800),
    ("REAUTHENTICATE_WITH", {"max_age": "0"}, {"prompt": "login"}),
    ("RECHECK", False, True),
    ("REQUIRE_EXP", False, True),
    ("REQUIRE_TYP", False, True),
    ("TIMEOUT", 3, 0.5),
    ("SHARED_SIGNALS", None, SharedSignals()),
]
# Each setting of the package, its default, and another value.
SETTINGS = [
    ("OIDC_LOGOUT_REDIRECT_URL", None, "home"),
    ("OIDC_LOGOUT_ALLOWED_HOSTS", [], ["app.example.com"]),
    ("OIDC_LOGOUT_GET", "confirm", "refuse"),
    ("OIDC_LOGOUT_CLEAR_SITE_DATA", ["storage"], ["cache", "cookies"]),
    ("OIDC_LOGOUT_RESPONSE", "redirect", "refresh"),
    ("OIDC_LOGOUT_REVOKE_TOKENS", False, True),
    ("OIDC_LOGOUT_NO_STORE", True, False),
    ("OIDC_LOGOUT_FOLLOW_USER", True, False),
    ("OIDC_LOGOUT_REAUTHENTICATE_AFTER_LOCAL", False, True),
    ("OIDC_LOGOUT_HISTORY_DAYS", 0, 90),
    ("OIDC_LOGOUT_KEEP_DEVICE", False, {"address": "full"}),
]


def provider(alias="default"):
    return conf.OIDC_LOGOUT_PROVIDERS[alias]


@pytest.fixture
def no_mozilla(settings):
    for name, _, _ in MOZILLA:
        if hasattr(settings, name):
            delattr(settings, name)
    del settings.OIDC_RP_SIGN_ALGO


# OIDC_LOGOUT_PROVIDERS


@pytest.mark.parametrize(("key", "default", "other"), KEYS)
def test_options(settings, no_mozilla, key, default, other):
    settings.OIDC_LOGOUT_PROVIDERS = {"default": {}}
    assert getattr(provider(), key.lower()) == default
    written = {} if isinstance(other, SharedSignals) else other
    settings.OIDC_LOGOUT_PROVIDERS = {"default": {key: written}}
    assert getattr(provider(), key.lower()) == other


def test_each_key_is_in_the_table():
    assert list(PROVIDER_KEYS) == [key for key, _, _ in KEYS]


@pytest.mark.parametrize(("name", "option", "value"), MOZILLA)
def test_mozillas_settings_are_defaults_of_the_default_provider(settings, name, option, value):
    settings.OIDC_LOGOUT_PROVIDERS = {"default": {"ISSUER": ISSUER}, "other": {"ISSUER": ISSUER}}
    setattr(settings, name, value)
    assert getattr(provider(), option) == value
    assert getattr(provider("other"), option) == getattr(ProviderOptions(alias=""), option)


@pytest.mark.parametrize(("name", "option", "value"), MOZILLA)
def test_mozillas_settings_may_be_none(settings, name, option, value):
    setattr(settings, name, None)
    assert getattr(provider(), option) == getattr(ProviderOptions(alias=""), option)


@pytest.mark.parametrize(("name", "option", "value"), MOZILLA[:3])
def test_options_come_before_mozillas_settings(settings, name, option, value):
    setattr(settings, name, value)
    settings.OIDC_LOGOUT_PROVIDERS = {"default": {option.upper(): "own"}}
    assert getattr(provider(), option) == "own"
    settings.OIDC_LOGOUT_PROVIDERS = {"default": {option.upper(): ""}}
    assert getattr(provider(), option) == ""


def test_mozillas_algorithm_is_the_only_one_of_the_default_provider(settings):
    settings.OIDC_LOGOUT_PROVIDERS = {"default": {}, "other": {}}
    settings.OIDC_RP_SIGN_ALGO = "ES512"
    assert provider().algorithms == ("ES512",)
    assert provider("other").algorithms == ProviderOptions(alias="").algorithms != ("ES512",)
    settings.OIDC_LOGOUT_PROVIDERS = {"default": {"ALGORITHMS": ["PS256"]}}
    assert provider().algorithms == ["PS256"]


def test_mozillas_other_options_cannot_be_set_for_a_provider(settings):
    settings.OIDC_LOGOUT_PROVIDERS = {
        "other": {"VERIFY_SSL": False, "PROXIES": {}, "BASIC_AUTH": True, "ALIAS": "x"}
    }
    assert provider("other") == ProviderOptions(alias="other")


def test_each_provider_knows_its_alias(settings):
    settings.OIDC_LOGOUT_PROVIDERS = {"one": {"ISSUER": ISSUER}, "two": {}}
    assert provider("one") == ProviderOptions(alias="one", issuer=ISSUER)
    assert provider("two") == ProviderOptions(alias="two")


LAZY = {"lazystr": lazystr, "SimpleLazyObject": lambda text: SimpleLazyObject(lambda: text)}
TEXTS = [(key, other) for key, _, other in KEYS if isinstance(other, str) and key != "NAME"]


@pytest.fixture(params=LAZY)
def lazy(request):
    """Return a function that makes a string lazy."""
    return LAZY[request.param]


@pytest.mark.parametrize(("key", "text"), TEXTS)
def test_lazy_strings_are_evaluated(settings, lazy, key, text):
    settings.OIDC_LOGOUT_PROVIDERS = {"default": {key: lazy(text)}}
    options, written = provider(), conf.OIDC_LOGOUT_PROVIDERS.written["default"]
    for found in (getattr(options, key.lower()), written[key]):
        assert (type(found), found) == (str, text)


@pytest.mark.parametrize(("name", "option", "value"), MOZILLA[:4])
def test_mozillas_lazy_strings_are_evaluated(settings, lazy, name, option, value):
    setattr(settings, name, lazy(value))
    settings.OIDC_RP_SIGN_ALGO = lazy("ES512")
    (algorithm,) = provider().algorithms
    found = getattr(provider(), option)
    assert [(type(each), each) for each in (found, algorithm)] == [(str, value), (str, "ES512")]


@pytest.mark.parametrize(
    ("key", "nest"),
    [
        ("ALGORITHMS", lambda each: [each]),
        ("ALGORITHMS", lambda each: (each,)),
        ("TENANTS", lambda each: {each}),
        ("EXTRA_PARAMS", lambda each: {"federated": each}),
        (
            "SHARED_SIGNALS",
            lambda each: {"ISSUER": each, "AUDIENCE": [each], "POLICY": {"a": each}},
        ),
    ],
)
def test_lazy_strings_in_other_options_are_evaluated(settings, lazy, key, nest):
    settings.OIDC_LOGOUT_PROVIDERS = {"default": {key: nest("text")}}
    expected = provider()
    settings.OIDC_LOGOUT_PROVIDERS = {"default": {key: nest(lazy("text"))}}
    assert repr(provider()) == repr(expected)
    assert b"django.utils.functional" not in pickle.dumps(provider())


def test_a_lazy_name_stays_lazy(settings, lazy):
    name = lazy("Company account")
    settings.OIDC_LOGOUT_PROVIDERS = {"default": {"NAME": name}}
    assert provider().name is name


def test_lazy_strings_everywhere(idp, settings, sign_in, lazy):
    settings.OIDC_RP_CLIENT_ID = lazy("site")
    texts = {"ISSUER": idp.issuer, "JWKS_URI": f"{idp.issuer}/jwks", "NAME": "Company account"}
    entry = {key: lazy(text) for key, text in texts.items()}
    settings.OIDC_LOGOUT_PROVIDERS = {"default": entry}
    client, other = sign_in(), sign_in(sid="other")
    assert query_of(client.post("/oidc/logout/"))["id_token_hint"]
    assert post_logout_token(idp.logout_token(sid="other")).status_code == 200
    assert not any(map(is_signed_in, (client, other)))


def test_a_lazy_string_that_fails_keeps_nobody_signed_in(idp, settings, sign_in):
    def fail():
        raise OSError("the file is missing")

    client = sign_in()
    failing = SimpleLazyObject(fail)
    settings.OIDC_LOGOUT_PROVIDERS = {"default": {"ISSUER": idp.issuer, "CLIENT_SECRET": failing}}
    assert query_of(client.post("/oidc/logout/"))["id_token_hint"]
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    ("configured", "aliases"),
    [
        (None, []),
        ({}, []),
        ("default", []),
        ([{"ISSUER": ISSUER}], []),
        ({"default": None}, []),
        ({"default": ISSUER, "other": {"ISSUER": ISSUER}}, ["other"]),
        ({"default": {"issuer": ISSUER, "ISSUERS": [], 5: 6, None: None}}, ["default"]),
    ],
)
def test_what_is_malformed_is_left_to_the_checks(settings, configured, aliases):
    settings.OIDC_LOGOUT_PROVIDERS = configured
    assert list(conf.OIDC_LOGOUT_PROVIDERS) == aliases
    assert "default" not in aliases or provider().issuer == ""


WRONG = [
    ("ISSUER", 5),
    ("ISSUER", b"https://idp.example.com"),
    ("TENANTS", 5),
    ("TENANTS", [5]),
    ("TENANTS", "all"),
    ("NAME", 5),
    ("BACKEND", ProviderOptions),
    ("CLIENT_ID", 5),
    ("CLIENT_SECRET", b"secret"),
    ("ALGORITHMS", "RS256"),
    ("ALGORITHMS", [5]),
    ("JWKS_URI", 5),
    ("EXTRA_PARAMS", [("a", "b")]),
    ("MAX_URL_LENGTH", "8000"),
    ("MAX_TOKEN_AGE", -5),
    ("MAX_SESSION_AGE", "3600"),
    ("MAX_SESSION_AGE", True),
    ("SHARED_SIGNALS", True),
    ("TIMEOUT", "3"),
    ("TIMEOUT", float("inf")),
]


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_an_option_of_the_wrong_type_counts_as_not_set(settings, no_mozilla, key, value):
    settings.OIDC_LOGOUT_PROVIDERS = {"default": {key: value}}
    assert provider() == ProviderOptions(alias="default")


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_an_option_of_the_wrong_type_breaks_nothing(idp, configure, sign_in, key, value):
    configure(**{key: value})
    client = sign_in()
    assert is_signed_in(client)
    assert post_logout_token(idp.logout_token(sub="eve", sid="other")).status_code in {200, 400}
    assert client.post("/oidc/logout/").status_code == 302
    assert not is_signed_in(client)


def test_there_may_be_no_setting_at_all(settings):
    del settings.OIDC_LOGOUT_PROVIDERS
    assert conf.OIDC_LOGOUT_PROVIDERS == {}


@pytest.mark.parametrize(
    "options",
    [
        {"client_secret": "hush"},
        {"shared_signals": SharedSignals(authorization="hush")},
        {"proxies": {"https": "https://user:hush@proxy.example.com"}},
    ],
)
def test_no_secret_is_shown(options):
    assert "hush" not in repr(ProviderOptions(alias="default", **options))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({}, SharedSignals()),
        ({"ISSUER": "https://a", "JWKS_URI": None}, SharedSignals(issuer="https://a")),
        ({"AUDIENCE": "a"}, SharedSignals(audience=("a",))),
        ({"AUDIENCE": ["a", 5, "b"]}, SharedSignals(audience=("a", "b"))),
        ({"AUDIENCE": 5}, SharedSignals()),
        ({"POLICY": {"a": "end"}}, SharedSignals(policy={"a": "end"})),
        ({"POLICY": "end"}, SharedSignals()),
        ({"AUTHORIZATION": "x", "other": 1}, SharedSignals(authorization="x")),
        ({"AUTHORIZATION": 5, "ISSUER": 5}, SharedSignals(authorization="5", issuer="5")),
        ("yes", None),
        ([], None),
        (None, None),
    ],
)
def test_shared_signals(settings, written, read):
    settings.OIDC_LOGOUT_PROVIDERS = {"default": {"SHARED_SIGNALS": written}}
    assert provider().shared_signals == read


def test_options_are_values():
    with pytest.raises(dataclasses.FrozenInstanceError):
        provider().issuer = "https://other.example.com"


# The others


@pytest.mark.parametrize(("name", "default", "other"), SETTINGS)
def test_settings(name, default, other):
    assert conf.raw(name) is None
    assert getattr(conf, name) == default
    with override_settings(**{name: other}):
        assert conf.raw(name) == getattr(conf, name) == other
    assert getattr(conf, name) == default


@pytest.mark.parametrize(("name", "default", "other"), SETTINGS)
def test_none_stands_for_the_default(settings, name, default, other):
    setattr(settings, name, None)
    assert getattr(conf, name) == default


def test_providers_can_be_overridden():
    with override_settings(OIDC_LOGOUT_PROVIDERS={"other": {}}):
        assert list(conf.OIDC_LOGOUT_PROVIDERS) == ["other"]
    assert list(conf.OIDC_LOGOUT_PROVIDERS) == ["default"]


@pytest.mark.parametrize(
    ("own", "djangos", "used"),
    [
        (None, None, None),
        (None, "home", "home"),
        ("", "home", "home"),
        ("/bye/", "home", "/bye/"),
        ("/bye/", None, "/bye/"),
    ],
)
def test_people_land_where_django_says_unless_we_do(settings, own, djangos, used):
    settings.OIDC_LOGOUT_REDIRECT_URL = own
    settings.LOGOUT_REDIRECT_URL = djangos
    found = conf.OIDC_LOGOUT_REDIRECT_URL
    assert found == used


@pytest.mark.parametrize(
    ("configured", "directives"),
    [
        ([], []),
        (["cookies", "cache"], ["cookies", "cache"]),
        (("storage",), ["storage"]),
        (["storage", "storage"], ["storage"]),
        (["*"], list(DIRECTIVES)),
        (["cookies", "*"], list(DIRECTIVES)),
        (['"storage"', "Storage", "cache, storage", 'x", "y'], []),
        (["cache", None, 5, ["cookies"]], ["cache"]),
        # A value that is not a list counts as not written.
        (5, ["storage"]),
        (True, ["storage"]),
        ("cache", ["storage"]),
        ("*", ["storage"]),
    ],
)
def test_only_known_directives_are_sent(settings, configured, directives):
    settings.OIDC_LOGOUT_CLEAR_SITE_DATA = configured
    sent = conf.OIDC_LOGOUT_CLEAR_SITE_DATA
    assert sent == directives


@pytest.mark.parametrize(
    ("configured", "hosts"),
    [
        (None, []),
        (["app.example.com", None, 5, []], ["app.example.com"]),
        ({"app.example.com"}, ["app.example.com"]),
        ("app.example.com", []),
        (5, []),
    ],
)
def test_only_texts_are_hosts(settings, configured, hosts):
    settings.OIDC_LOGOUT_ALLOWED_HOSTS = configured
    assert hosts == conf.OIDC_LOGOUT_ALLOWED_HOSTS


def test_the_session_cookie_is_djangos(settings):
    settings.SESSION_COOKIE_NAME = "sid"
    settings.SESSION_COOKIE_PATH = "/app/"
    settings.SESSION_COOKIE_DOMAIN = "example.com"
    settings.SESSION_COOKIE_SAMESITE = "Strict"
    assert conf.session_cookie == {
        "key": "sid",
        "path": "/app/",
        "domain": "example.com",
        "samesite": "Strict",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SESSION_ENGINE", "django.contrib.sessions.backends.cache"),
        ("SESSION_COOKIE_NAME", "sid"),
        ("SESSION_COOKIE_AGE", 60),
        ("SESSION_SAVE_EVERY_REQUEST", True),
    ],
)
def test_djangos_settings(settings, name, value):
    assert getattr(conf, name) != value
    setattr(settings, name, value)
    assert getattr(conf, name) == value


def test_the_user_model_is_djangos(settings):
    assert settings.AUTH_USER_MODEL == conf.AUTH_USER_MODEL


def test_secret_keys_are_newest_first(settings):
    settings.SECRET_KEY = "newest"
    settings.SECRET_KEY_FALLBACKS = ["older", b"oldest"]
    assert conf.secret_keys == ("newest", "older", b"oldest")
